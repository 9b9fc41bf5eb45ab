//! Whether everything configured can be restored, to when, and how fast: what the repositories and the server
//! show, judged against the objectives. Nothing is written, no object of data is read.
//!
//! What is asked of a repository grows with the pages of its listings only: descriptions are read of the
//! newest backups, records of the newest drill and verification.

mod arriving;
mod base_backups;
mod clock;
mod draft;
mod gather;
mod judge;
mod metrics;
mod records;
mod rpo;
mod series;
mod server;
mod space;
mod verdict;
mod wal;
mod words;

pub use metrics::{METRICS, Metric};
pub use server::{Archiver, Asked, Backlog, Server, ask};
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
    let gathered = gather::gather(config, repositories, server, now);
    judge::judge(&judge::Case { config, repositories, server, now, gathered: &gathered })
}
