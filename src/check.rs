//! Whether everything configured can be restored, to when, and how fast: what the repositories and the server
//! show, judged against the objectives. Nothing is written, no object of data is read.
//!
//! What is asked of a repository grows with the pages of its listings only: descriptions are read of the
//! newest backups, records of the newest drill and verification.
//!
//! First all is asked and read: `server` asks PostgreSQL, `gather` reads the repositories with `stored` (what stands
//! alone, and the Redis) and `records` (of drills), and `in_motion` takes out what only looks like a fault. All of it
//! is a `Case`. Then it is judged thing by thing: `access`, `backups` (for `base_backups` and `standalone` alike),
//! `reach`, `wal`, `archiving`, `drills`, `owed`, `space`. A judgement puts `finding`s together, and the order is here.

mod access;
mod archiving;
mod backups;
mod base_backups;
mod drills;
mod finding;
mod gather;
mod in_motion;
mod owed;
mod reach;
mod records;
mod server;
mod space;
mod standalone;
mod stored;
mod wal;

pub use finding::{
    CheckState, CheckSubject, Finding, METRICS, Measurement, Metric, Service, Verdict,
};
pub use gather::{GatherScope, Gathered, gather};
pub use records::Records;
pub use server::{Asked, Backlog, Server, ask};
pub use stored::NamedSeries;

pub use crate::replication::{Archiver, ServerFacts, ServerSettings};

use jiff::Timestamp;

use self::gather::Case;
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
    let (gathered, _) = gather(config, repositories, server, now, &GatherScope::newest());
    judge(config, repositories, server, now, &gathered)
}

/// Judges what was gathered: the cluster, each Redis, each media set, then the repositories. Where more was looked at
/// than [`GatherScope::newest`] does, more is judged.
pub fn judge(
    config: &Config,
    repositories: &[Repository],
    server: &Asked,
    now: Timestamp,
    gathered: &Gathered,
) -> Verdict {
    let case = &Case { config, repositories, server, now, gathered };
    let mut findings = Vec::new();
    if gathered.watches_postgres(config, server) {
        findings.extend(judge_postgres(case));
    }
    findings.extend(standalone::redis(case));
    findings.extend(standalone::media(case));
    for number in 0..repositories.len() {
        findings.push(access::repository(case, number));
        findings.extend(owed::of_repository(case, number));
        findings.extend(space::of_repository(case, number));
        findings.extend(access::clock_of_repository(case, number));
    }
    Verdict { at: now, findings }
}

fn judge_postgres(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = vec![access::server(case)];
    findings.extend(access::systems(case));
    for number in case.answering() {
        findings.push(base_backups::judge(case, number));
        findings.extend(reach::judge_reaching_back(case, number));
        findings.push(wal::gaps(case, number));
        findings.push(reach::judge_rpo(case, number));
    }
    findings.extend(archiving::archiver(case));
    findings.extend(archiving::backlog(case));
    findings.extend(base_backups::pins(case));
    findings.extend(base_backups::rehearsals(case));
    findings.extend(space::of_pg_wal(case));
    findings.extend(access::clock_of_server(case));
    findings
}
