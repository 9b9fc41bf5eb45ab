//! How far a recovery from the newest base backup gets, with what one repository has.

use jiff::Timestamp;

use super::base_backups;
use super::case::Case;
use crate::basebackup::catalogue::Backup;
use crate::postgres::{Lsn, TimelineId};

/// How far a repository alone gets, and since when there is nothing behind it.
pub struct Reach {
    pub lsn: Lsn,
    pub since: Timestamp,
    /// Whether that is on the timeline that the server is on.
    pub on_timeline: bool,
}

/// From the newest base backup to the timeline of the server, or else to the one that leads on from it and got WAL last.
pub fn reach(case: &Case<'_>, number: usize, newest: &Backup) -> Option<Reach> {
    let system = case.gathered.survey.system(newest.system)?;
    let alone = system.alone(number)?;
    let span = newest.span();
    let wanted = case.server().map(|server| server.timeline);
    let on_it = wanted.and_then(|timeline| alone.reach(&span, timeline));
    let inventory = system.inventories.get(number).and_then(Option::as_ref);
    let stored = |lsn| inventory.and_then(|it| it.stored(lsn, system.segment_size));
    // Nobody wrote anything of a timeline of which there is a history alone: the one counts whose WAL came last.
    let all: Vec<TimelineId> = alone.all().collect();
    let reaches = || all.iter().filter_map(|it| Some((alone.reach(&span, *it)?, *it)));
    let elsewhere = || reaches().max_by_key(|(lsn, timeline)| (stored(*lsn), *timeline));
    let lsn = on_it.or_else(|| elsewhere().map(|(lsn, _)| lsn))?;
    let stored = stored(lsn);
    let since = stored.map_or(newest.facts.stop.time, |it| it.max(newest.facts.stop.time));
    Some(Reach { lsn, since, on_timeline: on_it.is_some() || wanted.is_none() })
}

/// Whether there is WAL behind what a recovery from the newest base backup reaches.
pub fn stops_at_a_gap(case: &Case<'_>, number: usize) -> Option<Lsn> {
    let newest = base_backups::newest(case, number)?;
    let reach = reach(case, number, newest)?;
    resumes(case, number, newest, reach.lsn).then_some(reach.lsn)
}

/// Whether there is WAL again behind the place that a recovery from this base backup reaches.
fn resumes(case: &Case<'_>, number: usize, newest: &Backup, reach: Lsn) -> bool {
    let system = case.gathered.survey.system(newest.system);
    let Some(alone) = system.and_then(|system| system.alone(number)) else { return false };
    let through = alone.all().filter(|timeline| alone.passes(&newest.span(), *timeline));
    let through: Vec<_> = through.collect();
    through.into_iter().any(|timeline| alone.resumes(timeline, reach).is_some())
}
