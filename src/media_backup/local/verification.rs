//! Verification of a snapshot in a folder: several threads read every file of the tree and compare it with its entry in
//! the index. Contents that are damaged are handed back, so that the next snapshot does not share them.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;

use rustix::fs::FileType;

use super::super::entry::{Entry, FileKind};
use super::super::problems::{MediaProgress, Verified};
use super::super::source_file::SourceFile;
use super::{LocalContent, open_index};
use crate::durable::DirCursor;
use crate::error::Result;
use crate::threads::ordered;

const ENTRIES_A_JOB: usize = 64;

/// Fails where the index can't be read; what is wrong in the tree is told.
pub fn verify_snapshot(
    root: &Path,
    set: &str,
    id: &str,
    threads: NonZeroUsize,
    progress: &(dyn Fn(MediaProgress) + Sync),
) -> Result<Verified> {
    let content = LocalContent::open(root, set, id)?;
    let tree = content.tree();
    let mut index = open_index(root, set, id)?;
    let mut verified = Verified::default();
    let check = |cursor: &mut DirCursor<'_>, entries: Vec<Entry>| {
        Ok(entries.into_iter().map(|entry| (check(cursor, &entry), entry)).collect::<Vec<_>>())
    };
    ordered(
        threads,
        || tree.cursor(),
        check,
        |lane| {
            let mut take = |outcomes: Vec<(Result<(), String>, Entry)>| {
                for (outcome, entry) in outcomes {
                    verified.seen.entries += 1;
                    verified.seen.size += entry.content().map_or(0, |content| content.size);
                    if let Err(reason) = outcome {
                        let path = tree.shown(entry.path.as_bytes());
                        verified.damage.contents.extend(entry.content().map(|it| it.digest));
                        verified.problems.failed("verify", &path, &reason);
                    }
                }
                progress(verified.seen);
                Ok(())
            };
            let mut jobs = Vec::new();
            while let Some(entry) = index.next_entry()? {
                jobs.push(entry);
                if jobs.len() == ENTRIES_A_JOB {
                    lane.push(std::mem::take(&mut jobs), &mut take)?;
                }
            }
            lane.push(jobs, &mut take)?;
            lane.drain(&mut take)
        },
    )?;
    Ok(verified)
}

fn check(cursor: &mut DirCursor<'_>, entry: &Entry) -> Result<(), String> {
    let path = entry.path.as_bytes();
    let said = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "it is missing".to_owned(),
        _ => error.to_string(),
    };
    let stat = cursor.stat(path).map_err(said)?;
    let found = FileType::from_raw_mode(stat.st_mode);
    let expected = match &entry.kind {
        FileKind::File(_) | FileKind::HardLink { .. } => FileType::RegularFile,
        FileKind::Directory { .. } => FileType::Directory,
        FileKind::Symlink { .. } => FileType::Symlink,
    };
    if found != expected {
        return Err(format!("expected {expected:?}, found {found:?}"));
    }
    if let FileKind::Symlink { target } = &entry.kind
        && cursor.read_link(path).map_err(said)? != *target
    {
        return Err("it leads elsewhere".into());
    }
    let Some(content) = entry.content() else { return Ok(()) };
    let mut source = SourceFile::open(cursor, path).map_err(said)?;
    if source.size() != content.size {
        return Err(format!("expected {} bytes, found {}", content.size, source.size()));
    }
    let digest = source.read(&mut |_| Ok(())).map_err(|error| error.to_string())?;
    if digest != content.digest {
        return Err(format!("expected content with BLAKE3 {}, found {digest}", content.digest));
    }
    Ok(())
}
