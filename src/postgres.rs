//! PostgreSQL's own vocabulary and file formats, as pure types and parsers: no I/O, no clock, and nothing else
//! of Seawall. Each parser names the PostgreSQL source file that it follows.
//!
//! `wal_segment`, `wal_file_name` and `timeline_history` name what is archived; `page_header` tells whose a
//! segment is, `record_walk` goes through its records and `record_scans` says what is looked for in them.
//! `backup_label`, `backup_manifest`, `tablespaces`, `control_file` and `pid_file` are files of a data directory.

mod backup_label;
mod backup_manifest;
mod configuration_file;
mod control_file;
mod page_header;
mod pid_file;
mod record_scans;
mod record_walk;
mod tablespaces;
mod timeline_history;
mod version;
mod wal_file_name;
mod wal_segment;

pub use backup_label::BackupLabel;
pub use backup_manifest::{
    BackupManifest, ChecksumAlgorithm, ChecksumHasher, FileChecksum, ManifestFile, ManifestWalRange,
};
pub use configuration_file::{ConfigurationLine, last_setting, settings_in};
pub use control_file::{
    in_production, shut_down_in_recovery, system_identifier_of_control_file,
    wal_segment_size_of_control_file,
};
pub use page_header::{FIRST_PAGE_HEADER_BYTES, WalPageHeader};
pub use pid_file::{PID_FILE, PidFile};
pub use record_scans::{Landmark, LandmarkScan, TablespaceCreation, TablespaceScan};
pub use tablespaces::{TablespaceMap, tablespace_folder_version};
pub use timeline_history::{TimelineHistory, TimelineSwitch, check_backup_history};
pub use version::{SUPPORTED, SUPPORTED_IN_WORDS, ServerVersion};
pub use wal_file_name::WalFileName;
pub use wal_segment::{Lsn, SystemIdentifier, TimelineId, WalSegment, WalSegmentSize};

use std::error::Error;
use std::fmt;

/// Bytes or text that PostgreSQL would not have made. The message is a whole clause, with what was
/// expected against what was found, so that a caller only has to say which file it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl Malformed {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Malformed {}
