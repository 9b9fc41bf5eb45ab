//! Opens the append-only file of a server that goes on writing it.
//!
//! Nothing is copied or held off: open files stay what they are, and the set is consistent when its manifest is
//! the same before and after.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::time::Duration;

use super::manifest::{AofFileKind, AofManifest};
use super::tail::whole_commands;
use super::{BoundedWait, CheckedRead, ServerFile, open, persistence};
use crate::error::{Class, Error, Result};
use crate::redis_backup::rdb::RdbWalk;
use crate::redis_backup::server_info::{Persistence, ServerConnection};

const PIECE: usize = 256 << 10;
/// `REDIS0011` or `VALKEY080`.
const MAGIC: usize = 9;

/// Opens the append-only file as it is now: the files of the manifest and the manifest last (since Redis 7.0),
/// or the one file. `folder` is the server's `dir` as it is called here, where that differs.
///
/// Nothing is copied or linked, and no rewrite held off: an open file stays what it is although the server
/// removes its name. The set is consistent when the manifest is the same before and after all were opened. Of
/// the last increment, which the server goes on writing, we take the whole commands that are there.
pub fn append_only(
    server: &mut ServerConnection,
    folder: Option<&Path>,
    timeout: Duration,
    waiting: &mut dyn FnMut(Duration),
) -> Result<Vec<ServerFile>> {
    let persistence = persistence(server, folder)?;
    let mut patience = BoundedWait::new(timeout, waiting);
    loop {
        while is_rewriting(server)? {
            patience.pause("the server's rewrite of its append-only file")?;
        }
        let opened = match &persistence.appenddirname {
            Some(name) => open_set(&persistence.dir.join(name), &persistence)?,
            None => Some(vec![open_single(&persistence)?]),
        };
        // The first rewrite after it was switched on does not show in the manifest before its end.
        if let Some(files) = opened
            && !is_rewriting(server)?
        {
            return Ok(files);
        }
        patience.pause("an append-only file that stays as it is for a moment")?;
    }
}

/// An error when the server's own files are not what it works with.
fn is_rewriting(server: &mut ServerConnection) -> Result<bool> {
    let info = server.info("persistence")?;
    let is = |key: &str, value: &str| info.get::<String>(key).is_some_and(|found| found == value);
    if !is("aof_enabled", "1") {
        let message = format!("{} has no append-only file: appendonly is no", server.address());
        return Err(Error::new(Class::Configuration, message).hint("Take its RDB file."));
    }
    if is("aof_rewrite_in_progress", "1") || is("aof_rewrite_scheduled", "1") {
        return Ok(true);
    }
    for key in ["aof_last_write_status", "aof_last_bgrewrite_status"] {
        if !is(key, "ok") {
            let message = format!(
                "{} could not write its append-only file: {key} is not ok",
                server.address()
            );
            return Err(Error::new(Class::Unreachable, message)
                .hint("The server's log says why; after that is mended, BGREWRITEAOF."));
        }
    }
    Ok(false)
}

/// `None` when the server changed the set meanwhile.
fn open_set(folder: &Path, persistence: &Persistence) -> Result<Option<Vec<ServerFile>>> {
    let name = format!("{}.manifest", persistence.appendfilename);
    let manifest_path = folder.join(&name);
    let text = read(&manifest_path)?;
    let manifest = AofManifest::parse(&text);
    let manifest =
        manifest.map_err(|error| error.while_doing(format!("could not use {manifest_path:?}")))?;
    let mut found: Vec<(AofFileKind, String, File, u64)> = Vec::new();
    for entry in manifest.needed() {
        let path = folder.join(&entry.name);
        let opened = open(&path);
        if opened.is_err() && !path.exists() && read(&manifest_path)? != text {
            return Ok(None);
        }
        let file = opened?;
        let length = length(&file, &path)?;
        found.push((entry.kind, entry.name.clone(), file, length));
    }
    if read(&manifest_path)? != text {
        return Ok(None);
    }
    let last = found.len().saturating_sub(1);
    let mut files = Vec::new();
    for (number, (kind, name, mut file, mut length)) in found.into_iter().enumerate() {
        if kind == AofFileKind::Increment && number == last {
            length = cut(&mut file, 0, length, &folder.join(&name))?;
        }
        files.push(match kind {
            AofFileKind::Base if name.ends_with(".rdb") => {
                let reader = Box::new(CheckedRead::new(file.take(length)));
                ServerFile { name, length, reader }
            }
            _ => ServerFile::new(name, file, length),
        });
    }
    let entries = manifest.needed().cloned().collect();
    files.push(ServerFile::of_text(name, AofManifest { entries }.to_string()));
    Ok(Some(files))
}

/// Before Redis 7: an RDB file may stand in front of the commands.
fn open_single(persistence: &Persistence) -> Result<ServerFile> {
    let path = persistence.dir.join(&persistence.appendfilename);
    let mut file = open(&path)?;
    let length = length(&file, &path)?;
    let failed = |error: io::Error| Error::file("read", &path, &error);
    let length = match preamble(&mut file).map_err(failed)? {
        Preamble::Bytes(start) => cut(&mut file, start, length, &path)?,
        // Types that we do not know: a server takes an end that is cut off (`aof-load-truncated`).
        Preamble::Unknown => length,
    };
    file.rewind().map_err(failed)?;
    Ok(ServerFile::new(persistence.appendfilename.clone(), file, length))
}

enum Preamble {
    /// So long, perhaps nothing.
    Bytes(u64),
    Unknown,
}

fn preamble(file: &mut File) -> io::Result<Preamble> {
    let mut magic = Vec::new();
    file.by_ref().take(MAGIC as u64).read_to_end(&mut magic)?;
    if !magic.starts_with(b"REDIS") && !magic.starts_with(b"VALKEY") {
        return Ok(Preamble::Bytes(0));
    }
    let mut walk = RdbWalk::new(magic.starts_with(b"VALKEY"));
    let mut piece = vec![0; PIECE];
    loop {
        if let Some(end) = walk.end() {
            return Ok(Preamble::Bytes(MAGIC as u64 + end + 8));
        }
        let count = file.read(&mut piece)?;
        if count == 0 || walk.is_lost() {
            return Ok(Preamble::Unknown);
        }
        walk.feed(&piece[..count]);
    }
}

fn cut(file: &mut File, start: u64, length: u64, path: &Path) -> Result<u64> {
    let whole = whole_commands(&mut *file, start, length).and_then(|whole| {
        file.rewind()?;
        Ok(whole)
    });
    whole.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => {
            let message = format!("expected commands in {path:?}, found something else");
            Error::new(Class::Damaged, message).hint("redis-check-aof says where.")
        }
        _ => Error::file("read", path, &error),
    })
}

fn length(file: &File, path: &Path) -> Result<u64> {
    let metadata = file.metadata().map_err(|error| Error::file("look at", path, &error))?;
    Ok(metadata.len())
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = open(path)?.read_to_string(&mut text);
    read.map_err(|error| Error::file("read", path, &error))?;
    Ok(text)
}
