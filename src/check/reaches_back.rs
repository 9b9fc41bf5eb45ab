//! How far back a recovery to any second is possible, with what one repository has, against what was promised.

use std::time::Duration;

use super::base_backups::{days, further, good, newest};
use super::case::Case;
use super::draft::Draft;
use super::reach::{Reach, reach};
use super::verdict::{Finding, State};
use super::words::{age, objective, time};
use crate::backup::begun;

const METRIC: &str = "seawall_reaches_back_seconds";

/// Nothing where nothing was promised. A repository that is too young for it can't keep it yet.
pub fn judge(case: &Case<'_>, number: usize) -> Option<Finding> {
    let wanted = case.config.objectives.reaches_back?;
    let mut draft = Draft::new(case.postgres(), "reaches back", Some(case.name(number)));
    let limit = wanted.as_secs_f64();
    let reached = reached(case, number);
    draft.measured(METRIC, reached.unwrap_or_default(), limit);
    let text = match reached {
        Some(reached) => format!("any second of the last {} can be restored", time(reached)),
        None => "no second can be restored".to_owned(),
    };
    let reached = reached.unwrap_or_default();
    let window = case.config.retention.wal_window;
    if reached >= limit || goes_on_undescribed(case, number, limit) {
        draft.ok(text);
    } else if is_young(case, number, wanted) {
        draft.ok(format!("{text}; {} were promised, and it is too young", objective(wanted)));
    } else {
        let text = format!("{text}, expected {}", objective(wanted));
        draft.say(State::Critical, text, mend(window, wanted));
    }
    if window < wanted {
        let text = format!("retention.wal_window is {}: more is not kept", objective(window));
        draft.say(State::Warning, text, mend(window, wanted));
    }
    Some(draft.finding())
}

fn mend(window: Duration, wanted: Duration) -> String {
    if window < wanted {
        let days = wanted.as_secs().div_ceil(86_400);
        return format!("Set retention.wal_window = \"{days}d\", or promise less.");
    }
    "Were some deleted, or is there a gap? `basebackup list` shows what can be recovered, `basebackup prune --dry-run` what retention \
     keeps."
        .to_owned()
}

/// The age of the oldest base backup from which a recovery gets as far as from the newest.
fn reached(case: &Case<'_>, number: usize) -> Option<f64> {
    let newest = newest(case, number)?;
    let end = reach(case, number, newest)?;
    let same = |it: Reach| it.lsn == end.lsn && it.on_timeline == end.on_timeline;
    let gets_there = good(case, number)
        .into_iter()
        .filter(|it| it.ahead().is_none())
        .filter(|it| reach(case, number, it).is_some_and(same));
    let oldest = gets_there.map(|it| it.facts.stop.time).min()?;
    Some(age(oldest, case.now))
}

/// Whether more base backups lie there than were looked at, up to the time that was promised.
fn goes_on_undescribed(case: &Case<'_>, number: usize, limit: f64) -> bool {
    let mut further = further(case, number).filter_map(|it| begun(&it.id));
    let described = good(case, number).len();
    described >= super::gather::PROMISED_MAX && further.any(|it| age(it, case.now) >= limit)
}

/// Until something has been stored for so long, and the first base backup was due.
fn is_young(case: &Case<'_>, number: usize, wanted: Duration) -> bool {
    let due = wanted + case.config.objectives.base_backups.age;
    (days(case, number) * 86_400) as f64 <= due.as_secs_f64()
}
