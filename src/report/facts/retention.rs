//! Which base backups the next `basebackup prune` deletes. The planner of the prune itself is asked, with what the page
//! knows already, so both go by the same rules; nothing is deleted here.

use jiff::Timestamp;

use crate::basebackup::catalogue::{Survey, SystemWal};
use crate::basebackup::prune::gather;
use crate::basebackup::retention::plan;
use crate::config::Config;
use crate::repository::Repository;
use crate::retention::ago;

/// A base backup in one repository that the next `basebackup prune` deletes.
#[derive(Debug)]
pub struct Going {
    pub id: String,
    pub ended: Timestamp,
    /// The name of the repository.
    pub place: String,
    /// Bytes of its folder there.
    pub bytes: u64,
    pub reason: String,
}

/// Those of one system, the oldest first; `None` where the clock of this host is wrong for certain. Nothing is listed
/// once more for that, so the WAL that goes with them is not among them.
pub fn going(
    (survey, wal): (&Survey, &SystemWal),
    repositories: &[Repository],
    config: &Config,
    now: Timestamp,
) -> Option<Vec<Going>> {
    let holdings = gather(survey, wal, &[], config, ago(now, config.retention.wal_window)).holdings;
    let plan = plan(&holdings, &config.retention, now).ok()?;
    let goes = holdings
        .stored
        .backups
        .iter()
        .zip(plan.stored.backups)
        .filter(|(_, verdict)| !verdict.keep);
    let mut going: Vec<Going> = goes
        .map(|(backup, verdict)| Going {
            id: backup.id.clone(),
            ended: backup.ended,
            place: repositories.get(backup.repository).map_or("", Repository::name).to_owned(),
            bytes: backup.bytes,
            reason: verdict.reason,
        })
        .collect();
    going.sort_by(|one, other| (one.ended, &one.place).cmp(&(other.ended, &other.place)));
    Some(going)
}
