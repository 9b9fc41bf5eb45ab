//! The way of a base backup from the server into all repositories: reads the answer to `BASE_BACKUP` and sends it on as
//! parts.
//!
//! The manifest comes last and is kept in memory: it is stored once the WAL of the base backup is in the repository.

use super::parts::{PartCutter, PartMark};
use crate::backup::{BackupFolder, Known, Sending, Sent, Take};
use crate::basebackup::layout::part_name;
use crate::basebackup::{Elsewhere, Part, Tablespace};
use crate::config::Config;
use crate::error::Result;
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
pub struct Transfer {
    pub start: WalPosition,
    pub end: BaseBackupEnd,
    pub tablespaces: Vec<Tablespace>,
    pub elsewhere: Vec<Elsewhere>,
    /// `backup_manifest`, as the server sent it.
    pub manifest: Vec<u8>,
    pub outcomes: Vec<Result<Vec<Part>>>,
}

/// Sends the backup into every repository at once.
pub fn transfer(
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
