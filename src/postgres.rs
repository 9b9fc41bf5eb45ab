//! PostgreSQL's own vocabulary and file formats, as pure types and parsers: no I/O, no clock, and
//! nothing else of Seawall. Each parser names the PostgreSQL source file that it follows.

mod backup_history;
mod backup_label;
mod backup_manifest;
mod configuration_file;
mod control_file;
mod lsn;
mod malformed;
mod page_header;
mod record_walk;
mod recovery_landmark;
mod tablespace_creation;
mod tablespace_folder;
mod tablespace_map;
mod timeline;
mod timeline_history;
mod version;
mod wal_file_name;
mod wal_segment;

pub use backup_history::check_backup_history;
pub use backup_label::BackupLabel;
pub use backup_manifest::{
    BackupManifest, ChecksumAlgorithm, ChecksumHasher, FileChecksum, ManifestFile, ManifestWalRange,
};
pub use configuration_file::{Setting, last_setting, settings_in};
pub use control_file::{
    in_production, shut_down_in_recovery, system_identifier_of_control_file,
    wal_segment_size_of_control_file,
};
pub use lsn::Lsn;
pub use malformed::Malformed;
pub use page_header::{FIRST_PAGE_HEADER_BYTES, WalPageHeader};
pub use recovery_landmark::{Landmark, LandmarkScan};
pub use tablespace_creation::{TablespaceCreation, TablespaceScan};
pub use tablespace_folder::tablespace_folder_version;
pub use tablespace_map::TablespaceMap;
pub use timeline::TimelineId;
pub use timeline_history::{TimelineHistory, TimelineSwitch};
pub use version::{SUPPORTED, SUPPORTED_IN_WORDS, ServerVersion};
pub use wal_file_name::WalFileName;
pub use wal_segment::{SystemIdentifier, WalSegment, WalSegmentSize};
