use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Repository, WalFolder};
use crate::codec::{Decoded, Identities, Label, decode};
use crate::config::Limits;
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::postgres::{
    FIRST_PAGE_HEADER_BYTES, TablespaceCreation, TablespaceScan, TimelineHistory, WalFileName,
    WalPageHeader, WalSegmentSize, check_backup_history,
};
use crate::storage::DAMAGED;

/// Room for the content of a whole frame.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

/// Histories and backup histories are a few hundred bytes; more than this is not one.
pub(super) const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;

/// What is needed to read a file out of any repository.
pub struct Source<'a> {
    pub folder: &'a WalFolder,
    pub identities: &'a Identities,
    pub limits: Limits,
}

/// A file to decode into, and the path by which messages call it.
pub struct Target<'a> {
    pub file: &'a mut File,
    pub path: &'a Path,
}

/// A file that was decoded and proved.
pub struct FetchedFile {
    pub label: Label,
    /// The tablespaces that replaying it creates.
    pub creations: Vec<TablespaceCreation>,
}

impl Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::file("write", self.path, &error))
    }

    /// Empties it of what an abandoned try has left.
    fn restart(&mut self) -> Result<()> {
        let emptied = durable::empty(self.file).and_then(|()| self.file.rewind());
        emptied.map_err(|error| Error::file("write", self.path, &error))
    }
}

impl Repository {
    /// Decodes `name` into `target` and proves it: length and digest against the label, the label and
    /// the page header against the name and the system. `None` when this repository does not have it.
    pub fn fetch(
        &self,
        source: &Source<'_>,
        name: WalFileName,
        mut target: Target<'_>,
    ) -> Result<Option<FetchedFile>> {
        let said = |error: Error| {
            error.while_doing(format!("could not fetch {name} from repository {}", self.name))
        };
        let started = Instant::now();
        for tried in 1.. {
            let opened = self.open_wal(source, name).map_err(said)?;
            let Some((stored, encrypted)) = opened else { return Ok(None) };
            // Another repository may have got half-way.
            target.restart().map_err(said)?;
            let decoded = decode(stored, encrypted, source.identities);
            let failure = match decoded.and_then(|it| write_out(it, source, name, &mut target)) {
                Ok(fetched) => return Ok(Some(fetched)),
                Err(failure) => failure,
            };
            let late = started.elapsed() >= source.limits.total;
            if late || tried >= tries(failure.class(), source.limits) {
                return Err(said(self.judged(failure)));
            }
            tracing::info!("trying again: {}", said(failure));
            std::thread::sleep(Duration::from_millis(100 << tried.min(6)));
        }
        Ok(None)
    }

    /// Of an object that is not what was stored: it may be no store that gave it.
    pub(super) fn judged(&self, error: Error) -> Error {
        if error.class() != Class::Damaged {
            return error;
        }
        match self.storage.doubt() {
            Ok(()) => error.or_hint(DAMAGED),
            Err(doubt) => doubt,
        }
    }

    /// The stored bytes, and whether they are encrypted.
    pub(super) fn open_wal(
        &self,
        source: &Source<'_>,
        name: WalFileName,
    ) -> Result<Option<(Box<dyn Read + Send>, bool)>> {
        let expected = self.recipients.is_some() || !source.identities.is_empty();
        for encrypted in [expected, !expected] {
            let key = source.folder.key(name, encrypted);
            if let Some(stored) = self.storage.open(&key, None)? {
                return Ok(Some((stored, encrypted)));
            }
        }
        Ok(None)
    }
}

/// How often a failure in the middle of an object is worth a try. An answer that broke off, as often as
/// a request; bytes that are wrong, once more, because they may have been damaged on the way.
pub(super) fn tries(class: Class, limits: Limits) -> u32 {
    match class {
        Class::Unreachable => limits.attempts,
        Class::Damaged => 2,
        _ => 1,
    }
}

fn write_out(
    mut decoded: Decoded<'_>,
    source: &Source<'_>,
    name: WalFileName,
    target: &mut Target<'_>,
) -> Result<FetchedFile> {
    let label = decoded.label.clone();
    check_label(&label, name)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut front, mut scan) = (Vec::new(), TablespaceScan::default());
    let is_segment = matches!(name, WalFileName::Segment(_) | WalFileName::Partial(_));
    let mut proven = !is_segment;
    loop {
        let read = decoded.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if front.len() < FIRST_PAGE_HEADER_BYTES || label.size <= SMALL_FILE_BYTES_MAX {
            front.extend_from_slice(&buffer[..read]);
        }
        if is_segment {
            scan.feed(&buffer[..read]);
        }
        if proven {
            target.write(&buffer[..read])?;
        } else if front.len() >= FIRST_PAGE_HEADER_BYTES {
            // Before a byte of it is written: how long a segment is, its first page says, whatever its label does.
            check_content(&front, label.size, name, source.folder)?;
            proven = true;
            target.write(&front)?;
        }
    }
    check_content(&front, label.size, name, source.folder)?;
    Ok(FetchedFile { label, creations: scan.found() })
}

/// Whether the object of `name` says that it is that.
pub(super) fn check_label(label: &Label, name: WalFileName) -> Result<()> {
    if label.name != name.to_string() {
        let message = format!("expected the object of {name}, found that of {}", label.name);
        return Err(Error::new(Class::Damaged, message).hint(
            "Somebody moved objects in the repository; put them back under the names their labels say.",
        ));
    }
    let bytes_max = if name.is_small() { SMALL_FILE_BYTES_MAX } else { WalSegmentSize::MAX_BYTES };
    if label.size > bytes_max {
        let message = format!("expected at most {bytes_max} bytes, found {}", label.size);
        return Err(Error::new(Class::Damaged, message));
    }
    Ok(())
}

/// Whether content that begins with `front` (all of it for small files) may stand under `name`.
pub fn check_content(front: &[u8], size: u64, name: WalFileName, folder: &WalFolder) -> Result<()> {
    let damaged = |reason: &dyn std::fmt::Display| Error::new(Class::Damaged, reason.to_string());
    match name {
        WalFileName::Segment(segment) | WalFileName::Partial(segment) => {
            let header = WalPageHeader::parse(front).map_err(|error| damaged(&error))?;
            header.check_name(segment).map_err(|error| damaged(&error))?;
            if header.system_identifier != folder.system() {
                return Err(damaged(&format!(
                    "expected WAL of system {}, found WAL of system {}",
                    folder.system(),
                    header.system_identifier
                )));
            }
            if size != header.segment_size.bytes() {
                return Err(damaged(&format!(
                    "expected a segment of {} bytes as its header says, found {size} bytes",
                    header.segment_size.bytes()
                )));
            }
            Ok(())
        }
        WalFileName::History(timeline) => {
            TimelineHistory::parse(timeline, front).map(|_| ()).map_err(|error| damaged(&error))
        }
        WalFileName::Backup { .. } => check_backup_history(front).map_err(|error| damaged(&error)),
    }
}
