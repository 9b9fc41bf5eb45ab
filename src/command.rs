//! One module for each verb: the order of its steps, and nothing else. None calls another.

pub mod basebackup;
pub mod check;
pub mod config_show;
pub mod created;
pub mod deletion;
pub mod doctor;
pub mod hook;
pub mod init;
pub mod manuals;
pub mod media_backup;
pub mod notify;
pub mod overview;
pub mod pruning;
mod recording;
pub mod redis_backup;
mod remembering;
pub mod report;
pub mod restored;
pub mod series;
pub mod shown;
pub mod trust;
pub mod version;
pub mod wal_fetch;
pub mod wal_push;
