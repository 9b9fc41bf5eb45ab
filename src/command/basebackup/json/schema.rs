//! The documents of `basebackup list --json` and `basebackup show --json`, field by field.
//!
//! The names of fields are what programs of users read: `docs/json.md` tells when the version rises.

use serde::Serialize;

use super::super::owed::OwedJson;
use crate::basebackup::Description;
use crate::command::backups::json::{CopyJson, RepositoryJson};

#[derive(Serialize)]
pub struct ListJson {
    pub version: u32,
    pub cluster: String,
    pub repositories: Vec<RepositoryJson>,
    pub systems: Vec<SystemJson>,
}

#[derive(Serialize)]
pub struct SystemJson {
    pub system_identifier: String,
    pub wal_segment_size: Option<u64>,
    pub backups: Vec<RowJson>,
    pub unfinished: Vec<UnfinishedJson>,
    pub broken: Vec<BrokenJson>,
    pub timelines: Vec<LineJson>,
    pub dropped: Vec<DroppedRangeJson>,
    pub(in crate::command::basebackup) owed: Vec<OwedJson>,
}

/// WAL that a human dropped, as an object of a repository says.
#[derive(Serialize)]
pub struct DroppedRangeJson {
    pub first: String,
    pub last: String,
    pub when: String,
    pub host: String,
    pub why: Option<String>,
}

#[derive(Serialize)]
pub struct RowJson {
    pub id: String,
    pub label: String,
    pub postgres_version: u32,
    pub wal_segment_size: u64,
    pub start: At,
    pub stop: At,
    pub from_standby: bool,
    pub checksum_failures: bool,
    pub standalone: bool,
    pub size: u64,
    pub pinned: bool,
    /// `yes`, `no` or `unknown`.
    pub restorable: &'static str,
    pub reason: Option<String>,
    pub copies: Vec<CopyJson>,
}

#[derive(Serialize)]
pub struct At {
    pub lsn: String,
    pub timeline: u32,
    pub time: String,
}

#[derive(Serialize)]
pub struct UnfinishedJson {
    pub id: String,
    pub repository: String,
    pub objects: u64,
    pub stored_size: u64,
}

#[derive(Serialize)]
pub struct BrokenJson {
    pub id: String,
    pub repository: String,
    pub error: String,
}

#[derive(Serialize)]
pub struct LineJson {
    pub timeline: u32,
    pub branched: Option<BranchJson>,
    /// Whether what leads to it is known.
    pub followed: bool,
    pub error: Option<String>,
    pub wal: Vec<WalJson>,
}

#[derive(Serialize)]
pub struct BranchJson {
    pub timeline: u32,
    pub lsn: String,
}

/// WAL without a gap, and what is missing behind it.
#[derive(Serialize)]
pub struct WalJson {
    pub start_lsn: String,
    pub end_lsn: String,
    pub window: Option<WindowJson>,
    pub gaps: Vec<MissingJson>,
}

#[derive(Serialize)]
pub struct WindowJson {
    pub from_lsn: String,
    pub from_time: String,
    pub to_lsn: String,
    pub first_backup: String,
    pub last_backup: String,
    /// When the last one had ended: the window goes beyond.
    pub later_than: String,
}

#[derive(Serialize)]
pub struct MissingJson {
    pub first: String,
    pub last: String,
    pub segments: u64,
    /// Whether retention keeps no WAL there: then it is no fault.
    pub not_kept: bool,
}

/// One base backup with all that is known of it.
#[derive(Serialize)]
pub struct ShowJson {
    pub version: u32,
    pub system_identifier: String,
    pub backup: RowJson,
    pub wal: WalOfBackup,
    pub copies: Vec<WholeJson>,
}

#[derive(Serialize)]
pub struct WalOfBackup {
    pub first: Option<String>,
    pub last: Option<String>,
    pub repositories: Vec<WalIn>,
}

/// Whether one repository has it.
#[derive(Serialize)]
pub struct WalIn {
    pub repository: String,
    /// `None` where that is not known.
    pub complete: Option<bool>,
    pub first_missing: Option<String>,
}

#[derive(Serialize)]
pub struct WholeJson {
    pub repository: String,
    pub faults: Vec<String>,
    /// `backup.json`, as it is.
    pub description: Description,
}
