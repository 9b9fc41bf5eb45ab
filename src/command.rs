//! The programs and their verbs: the flags of each, the order of its steps, and its words, in one place. None calls another.
//!
//! Each program is a folder, and its own file knows its verbs; each verb is a file. Beside them stands what several share:
//! `created`, `restored` and `pruning` say what becomes of backups, and `recording` notes what was seen. `backups` has the
//! verbs that all kinds of backups have.

pub mod basebackup;
pub mod media_backup;
pub mod redis_backup;
pub mod seawall;
pub mod wal_fetch;
pub mod wal_push;

mod backups;
mod created;
mod pruning;
mod recording;
mod restored;
