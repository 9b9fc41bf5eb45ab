//! The way of a base backup from the server into all repositories: reads the answer to `BASE_BACKUP` and sends it on as
//! parts, whole tar archives of about the same size, each of one tablespace, so that a restore reads several at once.
//!
//! A part ends where an entry does, and gets an end of archive of its own. The manifest comes last and is kept in memory:
//! it is stored once the WAL of the base backup is in the repository.

use std::io;

use super::captured_configuration::CapturedConfiguration;
use crate::backup::{BackupFolder, End, Known, Sending, Sent, Take};
use crate::basebackup::description::part_name;
use crate::basebackup::tar_splitter::{END_OF_ARCHIVE, TarSplitter, TarStretch};
use crate::basebackup::{Elsewhere, Part, Tablespace};
use crate::codec::FrameStream;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::replication::{
    BaseBackupEnd, BaseBackupOptions, BaseBackupPiece, BaseBackupStream, PgConnection, WalPosition,
};
use crate::repository::Repository;

/// Parts of a small backup, and of a large one. In between there are about 64.
const PART_BYTES: std::ops::RangeInclusive<u64> = 32 << 20..=1 << 30;
const PARTS: u64 = 64;

/// A part is ended before the next file once it has its size, at most 1 GiB; a file has at most that much
/// as PostgreSQL is built by default, and other segment sizes are rare.
const PART_BYTES_MAX: u64 = 4 << 30;

/// What came from the server, and what became of its parts in each repository.
pub(super) struct Transfer {
    pub start: WalPosition,
    pub end: BaseBackupEnd,
    pub tablespaces: Vec<Tablespace>,
    pub elsewhere: Vec<Elsewhere>,
    /// `backup_manifest`, as the server sent it.
    pub manifest: Vec<u8>,
    pub outcomes: Vec<Result<Vec<Part>>>,
}

/// Sends the backup into every repository at once.
pub(super) fn transfer(
    config: &Config,
    repositories: &[Repository],
    (folder, known): (&BackupFolder, &Known),
    connection: &mut PgConnection,
    options: &BaseBackupOptions,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Transfer> {
    let backup = BaseBackupStream::start(connection, options)?;
    let (start, listed) = (backup.start, backup.tablespaces.clone());
    let estimate: Option<u64> = listed.iter().map(|it| it.size.map(|kib| kib * 1024)).sum();
    let part_bytes = (estimate.unwrap_or(0) / PARTS).clamp(*PART_BYTES.start(), *PART_BYTES.end());
    let mut received = 0;
    let mut count = |bytes: usize| {
        received += bytes as u64;
        progress(received, estimate);
    };
    let sending = Sending {
        repositories,
        folder,
        known,
        name: &part_name,
        size_max: PART_BYTES_MAX,
        level: config.basebackup.compression_level,
        threads: config.basebackup.parallel,
    };
    let ((end, manifest, elsewhere), outcomes) = sending
        .run(|frames, take| read(backup, PartCutter::new(frames, part_bytes), take, &mut count))?;
    let tablespaces = listed
        .into_iter()
        .filter_map(|it| Some(Tablespace { oid: it.oid?, location: it.location? }));
    let tablespaces = tablespaces.collect();
    let parts = |sent: Vec<Sent<PartMark>>| sent.into_iter().map(part).collect();
    let outcomes = outcomes.into_iter().map(|outcome| outcome.map(parts)).collect();
    Ok(Transfer { start, end, tablespaces, elsewhere, manifest, outcomes })
}

fn part(sent: Sent<PartMark>) -> Part {
    Part { stored: sent.stored, tablespace: sent.mark.tablespace, entries: sent.mark.entries }
}

/// Reads all that the server sends.
fn read(
    backup: BaseBackupStream<'_>,
    mut parts: PartCutter<'_>,
    take: Take<'_, PartMark>,
    count: &mut dyn FnMut(usize),
) -> Result<(BaseBackupEnd, Vec<u8>, Vec<Elsewhere>)> {
    let mut manifest = Vec::new();
    let end = backup.read(&mut |piece| match piece {
        BaseBackupPiece::Archive(tablespace) => parts.begin_archive(tablespace, take),
        BaseBackupPiece::Data(data) => {
            count(data.len());
            parts.write(data, take)
        }
        BaseBackupPiece::Manifest(data) => {
            manifest.extend_from_slice(data);
            Ok(())
        }
    })?;
    let elsewhere = parts.finish(take)?;
    Ok((end, manifest, elsewhere))
}

/// What a part is, beside its size.
#[derive(Debug, Clone)]
struct PartMark {
    tablespace: Option<u32>,
    /// How many files and folders are in it.
    entries: u64,
}

/// The part under way, and where it goes.
struct PartCutter<'scope> {
    frames: FrameStream<'scope, End<PartMark>>,
    /// Once a part holds this many bytes, it ends before the next entry.
    part_bytes: u64,
    splitter: TarSplitter,
    /// The part under way, if it has an entry.
    current: Option<End<PartMark>>,
    tablespace: Option<u32>,
    /// The configuration, which lies in the data directory.
    captured: CapturedConfiguration,
}

impl<'scope> PartCutter<'scope> {
    fn new(frames: FrameStream<'scope, End<PartMark>>, part_bytes: u64) -> Self {
        let splitter = TarSplitter::default();
        let captured = CapturedConfiguration::default();
        Self { frames, part_bytes, splitter, current: None, tablespace: None, captured }
    }

    fn begin_archive(&mut self, tablespace: Option<u32>, take: Take<'_, PartMark>) -> Result<()> {
        self.end_archive(take)?;
        self.tablespace = tablespace;
        Ok(())
    }

    fn write(&mut self, data: &[u8], take: Take<'_, PartMark>) -> Result<()> {
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.read(data, &mut |stretch| self.stretch(stretch, take))?;
        self.splitter = splitter;
        Ok(())
    }

    fn stretch(&mut self, stretch: TarStretch<'_>, take: Take<'_, PartMark>) -> Result<()> {
        match stretch {
            TarStretch::Entry => {
                if self.current.as_ref().is_some_and(|part| part.size >= self.part_bytes) {
                    self.end_part(take)?;
                }
                if self.tablespace.is_none() {
                    self.captured.entry();
                }
                let mark = PartMark { tablespace: self.tablespace, entries: 0 };
                self.current.get_or_insert(End { size: 0, mark }).mark.entries += 1;
                Ok(())
            }
            TarStretch::Bytes(bytes) => {
                self.captured.bytes(bytes);
                if let Some(part) = &mut self.current {
                    part.size += bytes.len() as u64;
                }
                self.frames.write(bytes, take).map_err(|error| failed(&error))
            }
        }
    }

    fn end_part(&mut self, take: Take<'_, PartMark>) -> Result<()> {
        let Some(mut part) = self.current.take() else { return Ok(()) };
        self.frames.write(&END_OF_ARCHIVE, take).map_err(|error| failed(&error))?;
        part.size += END_OF_ARCHIVE.len() as u64;
        self.frames.mark(part, take).map_err(|error| failed(&error))
    }

    fn end_archive(&mut self, take: Take<'_, PartMark>) -> Result<()> {
        std::mem::take(&mut self.splitter).finish()?;
        self.end_part(take)
    }

    /// Returns what of the configuration that came leads out of the data directory.
    fn finish(mut self, take: Take<'_, PartMark>) -> Result<Vec<Elsewhere>> {
        self.end_archive(take)?;
        self.frames.finish(take).map_err(|error| failed(&error))?;
        Ok(self.captured.elsewhere())
    }
}

fn failed(error: &io::Error) -> Error {
    Error::new(Class::Internal, format!("could not compress the backup: {error}"))
}
