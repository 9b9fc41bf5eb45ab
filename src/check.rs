//! Whether everything configured can be restored, to when, and how fast: what the repositories and the server
//! show, judged against the objectives. Nothing is written, no object of data is read.
//!
//! What is asked of a repository grows with the pages of its listings only: descriptions are read of the
//! newest backups, records of the newest drill and verification.
//!
//! What `gather` saw becomes a `case`; `judge` has the case judged thing by thing; each judgement puts a `draft`
//! together, and all findings are the `verdict`. `server` and `redis_server` ask, `deleted` and `arriving` take out
//! what only looks like a fault.

mod archiving;
mod arriving;
mod base_backups;
mod case;
mod clock;
mod deleted;
mod draft;
mod drills;
mod gather;
mod judge;
mod metrics;
mod number;
mod reach;
mod reaches_back;
mod records;
mod redis_server;
mod rpo;
mod series;
mod server;
mod space;
mod stored;
mod systems;
mod verdict;
mod wal;
mod words;

pub use gather::{Gathered, Look, gather};
pub use metrics::{METRICS, Metric};
pub use records::Records;
pub use server::{Archiver, Asked, Backlog, Server, ask};
pub use stored::Stored;
pub use verdict::{Finding, Number, Service, State, Subject, Verdict};

use jiff::Timestamp;

use crate::config::Config;
use crate::repository::Repository;

/// Looks at everything and judges it. Ask the server before the repositories are opened: what it said to be
/// archived has to be there then.
pub fn run(
    config: &Config,
    repositories: &[Repository],
    server: &Asked,
    now: Timestamp,
) -> Verdict {
    let (gathered, _) = gather(config, repositories, server, now, &Look::newest());
    judge(config, repositories, server, now, &gathered)
}

/// Judges what was gathered. Where more was looked at than [`Look::newest`] does, more is judged.
pub fn judge(
    config: &Config,
    repositories: &[Repository],
    server: &Asked,
    now: Timestamp,
    gathered: &Gathered,
) -> Verdict {
    judge::judge(&case::Case { config, repositories, server, now, gathered })
}
