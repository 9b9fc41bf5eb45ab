//! One module for each verb: the order of its steps, and nothing else. None calls another.
//!
//! Beside the verbs stands what several of them share: `created`, `restored`, `pruning` and `deletion` say what becomes
//! of backups, `recording` and `remembering` note what was seen, `hook` runs commands of the user's, and `shown` has
//! the forms of all texts. `series` has the verbs that Redis and media files share.

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
