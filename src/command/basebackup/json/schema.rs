//! The documents of `basebackup list --json` and `basebackup show --json`, field by field.
//!
//! The names of fields are what programs of users read: `docs/json.md` tells when the version rises.

use serde::Serialize;

use crate::basebackup::Description;

#[derive(Serialize)]
pub struct List {
    pub version: u32,
    pub cluster: String,
    pub repositories: Vec<Place>,
    pub systems: Vec<System>,
}

#[derive(Serialize)]
pub struct Place {
    pub name: String,
    pub place: String,
    /// Why it could not be looked at to the end.
    pub error: Option<String>,
}

#[derive(Serialize)]
pub struct System {
    pub system_identifier: String,
    pub wal_segment_size: Option<u64>,
    pub backups: Vec<Row>,
    pub unfinished: Vec<Unfinished>,
    pub broken: Vec<Broken>,
    pub timelines: Vec<Line>,
}

#[derive(Serialize)]
pub struct Row {
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
    pub copies: Vec<Stored>,
}

#[derive(Serialize)]
pub struct At {
    pub lsn: String,
    pub timeline: u32,
    pub time: String,
}

#[derive(Serialize)]
pub struct Stored {
    pub repository: String,
    pub encrypted: bool,
    pub stored_size: u64,
    pub pinned: bool,
    pub fault: Option<String>,
}

#[derive(Serialize)]
pub struct Unfinished {
    pub id: String,
    pub repository: String,
    pub objects: u64,
    pub stored_size: u64,
}

#[derive(Serialize)]
pub struct Broken {
    pub id: String,
    pub repository: String,
    pub error: String,
}

#[derive(Serialize)]
pub struct Line {
    pub timeline: u32,
    pub branched: Option<Branch>,
    /// Whether what leads to it is known.
    pub followed: bool,
    pub error: Option<String>,
    pub wal: Vec<Wal>,
}

#[derive(Serialize)]
pub struct Branch {
    pub timeline: u32,
    pub lsn: String,
}

/// WAL without a gap, and what is missing behind it.
#[derive(Serialize)]
pub struct Wal {
    pub start_lsn: String,
    pub end_lsn: String,
    pub window: Option<Window>,
    pub gaps: Vec<Missing>,
}

#[derive(Serialize)]
pub struct Window {
    pub from_lsn: String,
    pub from_time: String,
    pub to_lsn: String,
    pub first_backup: String,
    pub last_backup: String,
    /// When the last one had ended: the window goes beyond.
    pub later_than: String,
}

#[derive(Serialize)]
pub struct Missing {
    pub first: String,
    pub last: String,
    pub segments: u64,
    /// Whether retention keeps no WAL there: then it is no fault.
    pub not_kept: bool,
}

/// One base backup with all that is known of it.
#[derive(Serialize)]
pub struct Show {
    pub version: u32,
    pub system_identifier: String,
    pub backup: Row,
    pub wal: WalOfBackup,
    pub copies: Vec<Whole>,
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
pub struct Whole {
    pub repository: String,
    pub faults: Vec<String>,
    /// `backup.json`, as it is.
    pub description: Description,
}
