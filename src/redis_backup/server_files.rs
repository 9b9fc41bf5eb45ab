//! What a server beside us keeps on its disk: an RDB file saved now ([`save`]), or its append-only file as it
//! is ([`append_only`], in `aof`; `manifest` says which files belong to it, `tail` where its last whole command
//! ends).
//!
//! For servers that let nobody replicate. A file is opened and read to the length that it had: what the server
//! appends or renames meanwhile does not matter.

mod aof;
mod manifest;
mod tail;

pub use aof::append_only;
pub use manifest::{AofFile, AofFileKind, AofManifest};

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use super::login::refusal;
use super::rdb::RdbCheck;
use super::server_info::{Persistence, ServerConnection};
use crate::durable::{self, FileStamp};
use crate::error::{Class, Error, Result};

/// A file of a server, to be read up to its length and no further.
pub struct ServerFile {
    /// As it is called in its folder.
    pub name: String,
    /// Bytes.
    pub length: u64,
    pub reader: Box<dyn Read + Send>,
}

impl ServerFile {
    fn new(name: String, file: File, length: u64) -> Self {
        Self { name, length, reader: Box::new(file.take(length)) }
    }

    fn of_text(name: String, text: String) -> Self {
        let length = text.len() as u64;
        Self { name, length, reader: Box::new(io::Cursor::new(text.into_bytes())) }
    }
}

/// Where the server keeps its files, seen from here.
fn persistence(server: &mut ServerConnection, folder: Option<&Path>) -> Result<Persistence> {
    match (server.persistence()?, folder) {
        (Some(found), None) => Ok(found),
        (Some(found), Some(folder)) => Ok(Persistence { dir: folder.to_owned(), ..found }),
        (None, Some(folder)) => server.persistence_in(folder),
        (None, None) => {
            let message = format!("{} does not say where its files are", server.address());
            Err(Error::new(Class::Refused, message).hint(
                "Allow CONFIG GET to the user (+config|get), name the folder (--folder), or take the data over the \
                 connection.",
            ))
        }
    }
}

fn open(path: &Path) -> Result<File> {
    durable::open_to_read(path).map_err(|error| {
        let failure = Error::file("open", path, &error);
        match error.kind() {
            io::ErrorKind::NotFound => failure.hint(
                "Is this the server's host, and the folder the one that the server has as dir?",
            ),
            io::ErrorKind::PermissionDenied => {
                failure.hint("Run it as the server's user, or take the data over the connection.")
            }
            _ => failure,
        }
    })
}

/// Has the server save its data (`BGSAVE`), and opens the file. `folder` is the server's `dir` as it is
/// called here, where that differs. `waiting` is told about once a second for how long.
///
/// A finished save is known by its file: the server writes another one and renames it over the old one. Times
/// in whole seconds (`LASTSAVE`) miss one that ends within the second; `rdb_last_bgsave_status` stays `ok` when
/// a save is called off, by `FLUSHALL` for one; and a transfer to a replica looks like a save under way.
pub fn save(
    server: &mut ServerConnection,
    folder: Option<&Path>,
    timeout: Duration,
    waiting: &mut dyn FnMut(Duration),
) -> Result<ServerFile> {
    let persistence = persistence(server, folder)?;
    let path = persistence.dir.join(&persistence.dbfilename);
    let mut patience = BoundedWait::new(timeout, waiting);
    let before = begin_save(server, &path, &mut patience)?;
    loop {
        let saving = is_saving(server)?;
        if let Some(file) = changed(&path, before.as_ref())? {
            let length =
                file.metadata().map_err(|error| Error::file("look at", &path, &error))?.len();
            return Ok(ServerFile::new(persistence.dbfilename, file, length));
        }
        if !saving {
            return Err(save_failed(server, &path)?);
        }
        patience.pause("the server's BGSAVE")?;
    }
}

/// Returns what the file was before the save that is now under way.
fn begin_save(
    server: &mut ServerConnection,
    path: &Path,
    patience: &mut BoundedWait<'_>,
) -> Result<Option<FileStamp>> {
    loop {
        // A save that is under way is of an older moment.
        while is_saving(server)? {
            patience.pause("the end of the save that is under way")?;
        }
        let before = look(path)?;
        match server.connection().try_query::<String>(&["BGSAVE"])? {
            Ok(_) => return Ok(before),
            Err(text) if text.contains("in progress") || text.contains("child process") => {
                patience.pause("the end of what the server writes now")?;
            }
            Err(text) => {
                let what = format!("could not have {} save its data", server.address());
                return Err(refusal(&what, &text));
            }
        }
    }
}

fn is_saving(server: &mut ServerConnection) -> Result<bool> {
    Ok(server.info("persistence")?.get::<u8>("rdb_bgsave_in_progress") == Some(1))
}

fn look(path: &Path) -> Result<Option<FileStamp>> {
    match durable::open_to_read(path).and_then(|file| FileStamp::of(&file)) {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(_) => open(path).map(|_| None),
    }
}

fn changed(path: &Path, before: Option<&FileStamp>) -> Result<Option<File>> {
    if look(path)?.is_none() {
        return Ok(None);
    }
    let file = open(path)?;
    let now = FileStamp::of(&file).map_err(|error| Error::file("look at", path, &error))?;
    Ok(before.is_none_or(|before| !before.is_same_file(&now)).then_some(file))
}

fn save_failed(server: &mut ServerConnection, path: &Path) -> Result<Error> {
    let status = server.info("persistence")?.get::<String>("rdb_last_bgsave_status");
    let address = server.address();
    if status.as_deref() == Some("ok") {
        let message = format!("{address} has saved, and {path:?} is the same file as before");
        return Ok(Error::new(Class::Unreachable, message).hint(
            "Is it the folder that the server has as dir? A save is also called off by FLUSHALL; then try again.",
        ));
    }
    let message = format!("could not have {address} save its data: its BGSAVE failed");
    Ok(Error::new(Class::Unreachable, message).hint(
        "The server's log says why: no room, a folder that is read-only, or no memory to fork.",
    ))
}

/// How often a server is asked how far it is.
const PAUSE: Duration = Duration::from_millis(100);
const TELL_EVERY: u32 = 10;

/// A bounded wait, told about once a second.
pub struct BoundedWait<'a> {
    begun: Instant,
    limit: Duration,
    pauses: u32,
    tell: &'a mut dyn FnMut(Duration),
}

impl<'a> BoundedWait<'a> {
    pub fn new(limit: Duration, tell: &'a mut dyn FnMut(Duration)) -> Self {
        Self { begun: Instant::now(), limit, pauses: 0, tell }
    }

    /// Waits a moment for something; an error when it has taken too long.
    pub fn pause(&mut self, waiting_for: &str) -> Result<()> {
        let elapsed = self.begun.elapsed();
        if elapsed > self.limit {
            let limit = humantime::format_duration(self.limit);
            let message = format!("waited {limit} for {waiting_for}, without success");
            return Err(Error::new(Class::Unreachable, message)
                .hint("Is the server's disk slow? redis.save_timeout is the wait."));
        }
        self.pauses += 1;
        if self.pauses.is_multiple_of(TELL_EVERY) {
            (self.tell)(elapsed);
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }
}

/// Reads an RDB file and checks it on the way: what is not a whole one fails with its last bytes.
pub struct CheckedRead<R> {
    inner: R,
    check: Option<RdbCheck>,
}

impl<R: Read> CheckedRead<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, check: Some(RdbCheck::new()) }
    }
}

impl<R: Read> Read for CheckedRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        if count > 0 {
            let check = self.check.as_mut().map_or(Ok(()), |check| check.write(&buffer[..count]));
            check.map_err(invalid)?;
        } else if !buffer.is_empty()
            && let Some(check) = self.check.take()
        {
            check.finish().map_err(invalid)?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_rdb_file_fails_in_the_reading() {
        for content in [&b""[..], b"REDIS0010\xff", b"anything at all"] {
            let mut read = Vec::new();
            let error = CheckedRead::new(content).read_to_end(&mut read).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().starts_with("expected a"), "{error}");
        }
    }
}
