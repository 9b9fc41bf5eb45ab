//! Reading a WAL file out of a repository. Whatever is handed on was proved first: its first page before a byte of it
//! is written, its length and digest at its end.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use super::{Repository, WalFolder};
use crate::codec::{Decoded, Identities, Label, decode};
use crate::config::Limits;
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::postgres::{
    FIRST_PAGE_HEADER_BYTES, TablespaceCreation, TablespaceScan, TimelineHistory, TimelineId,
    WalFileName, WalPageHeader, WalSegmentSize, check_backup_history,
};
use crate::retry::{FailedTry, retry};
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
pub struct DecodeTarget<'a> {
    pub file: &'a mut File,
    pub path: &'a Path,
}

/// A file that was decoded and proved.
pub struct FetchedFile {
    pub label: Label,
    /// The tablespaces that replaying it creates.
    pub creations: Vec<TablespaceCreation>,
}

/// Where the content of a file goes.
trait Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Empties it of what an abandoned try has left.
    fn restart(&mut self) -> Result<()>;
}

impl Sink for DecodeTarget<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::file("write", self.path, &error))
    }

    fn restart(&mut self) -> Result<()> {
        let emptied = durable::empty(self.file).and_then(|()| self.file.rewind());
        emptied.map_err(|error| Error::file("write", self.path, &error))
    }
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.clear();
        Ok(())
    }
}

impl Repository {
    /// Decodes `name` into `target` and proves it: length and digest against the label, the label and
    /// the page header against the name and the system. `None` when this repository does not have it.
    pub fn fetch(
        &self,
        source: &Source<'_>,
        name: WalFileName,
        mut target: DecodeTarget<'_>,
    ) -> Result<Option<FetchedFile>> {
        self.fetch_into(source, name, &mut target)
    }

    fn fetch_into(
        &self,
        source: &Source<'_>,
        name: WalFileName,
        target: &mut dyn Sink,
    ) -> Result<Option<FetchedFile>> {
        let said = |error: Error| {
            error.while_doing(format!("could not fetch {name} from repository {}", self.name))
        };
        let started = Instant::now();
        let mut attempt = || {
            let Some((stored, encrypted)) = self.open_wal(source, name)? else {
                return Ok(None);
            };
            // Another repository may have got half-way.
            target.restart()?;
            let decoded = decode(stored, encrypted, source.identities);
            Ok(Some(decoded.and_then(|it| write_out(it, source, name, target))))
        };
        // That it can't be opened or written at all is final: the storage has tried again by itself.
        let attempt = || match attempt() {
            Ok(None) => Ok(Ok(None)),
            Ok(Some(Ok(fetched))) => Ok(Ok(Some(fetched))),
            Ok(Some(Err(error))) => Err(failed(error, source.limits, started)),
            Err(error) => Ok(Err(error)),
        };
        let say = |error: &Error| tracing::info!("trying again: {}", said(error.clone()));
        retry(attempt, say).map_err(|error| self.judged(error)).flatten().map_err(said)
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

/// What may have gone wrong on the way is worth another try: an answer that broke off as often as a request, bytes
/// that are wrong once more, because they may have been damaged on the way.
pub(super) fn failed(error: Error, limits: Limits, started: Instant) -> FailedTry {
    let tries = match error.class() {
        _ if started.elapsed() >= limits.total => 1,
        Class::Unreachable => limits.attempts,
        Class::Damaged => 2,
        _ => 1,
    };
    FailedTry { error, tries }
}

fn write_out(
    decoded: Decoded<'_>,
    source: &Source<'_>,
    name: WalFileName,
    target: &mut dyn Sink,
) -> Result<FetchedFile> {
    let mut scan = TablespaceScan::default();
    let label = read_checked(decoded, name, source.folder, &mut |piece| {
        if is_segment(name) {
            scan.feed(piece);
        }
        target.write(piece).map(|()| ControlFlow::Continue(()))
    })?;
    Ok(FetchedFile { label, creations: scan.found() })
}

fn is_segment(name: WalFileName) -> bool {
    matches!(name, WalFileName::Segment(_) | WalFileName::Partial(_))
}

/// Hands a WAL file on piece by piece, and proves it at its end, unless `take` breaks before. Of a segment nothing is
/// handed on before its first page has told whose it is and how long, whatever its label does.
pub(super) fn read_checked(
    mut decoded: Decoded<'_>,
    name: WalFileName,
    folder: &WalFolder,
    take: &mut dyn FnMut(&[u8]) -> Result<ControlFlow<()>>,
) -> Result<Label> {
    let label = decoded.label.clone();
    check_label(&label, name)?;
    let (mut buffer, mut front) = (vec![0; BUFFER_BYTES], Vec::new());
    let mut known = !is_segment(name);
    loop {
        let read = decoded.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if front.len() < FIRST_PAGE_HEADER_BYTES || label.size <= SMALL_FILE_BYTES_MAX {
            front.extend_from_slice(&buffer[..read]);
        }
        let piece = match known {
            true => &buffer[..read],
            false if front.len() < FIRST_PAGE_HEADER_BYTES => continue,
            false => {
                check_content(&front, label.size, name, folder)?;
                known = true;
                &front
            }
        };
        if take(piece)?.is_break() {
            return Ok(label);
        }
    }
    check_content(&front, label.size, name, folder)?;
    Ok(label)
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

impl Repository {
    /// Shows a WAL file piece by piece, until its end or until `visit` breaks. `false` when this repository does not have it.
    /// What is shown is of that name and system; only at the end of the file each byte of it is proved.
    pub fn show_wal(
        &self,
        source: &Source<'_>,
        name: WalFileName,
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool> {
        let Some((stored, encrypted)) = self.open_wal(source, name)? else { return Ok(false) };
        let decoded = decode(stored, encrypted, source.identities)?;
        read_checked(decoded, name, source.folder, &mut |piece| Ok(visit(piece)))?;
        Ok(true)
    }

    /// The history of a timeline; `None` when there is no such file.
    pub fn history(
        &self,
        source: &Source<'_>,
        timeline: TimelineId,
    ) -> Result<Option<TimelineHistory>> {
        let content = self.history_file(source, timeline)?;
        let parse = |content: Vec<u8>| TimelineHistory::parse(timeline, &content);
        let parsed = content.map(parse).transpose();
        parsed.map_err(|error| Error::new(Class::Damaged, error.to_string()))
    }

    /// The content of the history file of a timeline; `None` when there is no such file.
    pub fn history_file(
        &self,
        source: &Source<'_>,
        timeline: TimelineId,
    ) -> Result<Option<Vec<u8>>> {
        let (name, mut content) = (WalFileName::History(timeline), Vec::new());
        Ok(self.fetch_into(source, name, &mut content)?.map(|_| content))
    }
}
