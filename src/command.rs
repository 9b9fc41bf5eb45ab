//! The programs and their verbs: the flags of each, the order of its steps, and its words, in one place. None calls another.
//!
//! Each program is a folder, and its own file knows its verbs; each verb is a file. Beside them stands what several share:
//! `created`, `restored`, `pruning` and `deletion` say what becomes of backups, `recording` and `remembering` note what was
//! seen. `series` has the verbs that Redis and media files share.

pub mod basebackup;
pub mod media_backup;
pub mod redis_backup;
pub mod seawall;
pub mod wal_fetch;
pub mod wal_push;

mod created;
mod deletion;
mod pruning;
mod recording;
mod remembering;
mod restored;
mod series;
mod shown;
