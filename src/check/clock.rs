//! Clocks that disagree: every age that is judged here hangs on them.

use jiff::Timestamp;

use super::case::Case;
use super::draft::Draft;
use super::verdict::{Finding, State};
use super::words::time;

/// Nobody minds so many seconds.
const TOLERATED: f64 = 60.0;

/// So many spoil every judgement.
const SPOILS: f64 = 3600.0;

const HINT: &str =
    "Set the clocks by NTP (timedatectl): ages, retention and S3 signatures hang on them.";

/// What lies in a repository can't have been stored later than now.
pub fn of_repository(case: &Case<'_>, number: usize) -> Option<Finding> {
    if !case.answering().contains(&number) {
        return None;
    }
    let mut draft = Draft::new(case.repository(number), "clock", None);
    let newest = newest(case, number);
    let ahead = newest.map_or(0.0, |newest| newest.duration_since(case.now).as_secs_f64());
    draft.number("seawall_clock_offset_seconds", ahead.max(0.0));
    match ahead > TOLERATED {
        true => {
            let text = format!(
                "the newest object is dated {} in the future: this host's clock or the store's is wrong",
                time(ahead)
            );
            draft.say(state(ahead), text, HINT);
        }
        false => draft.ok("nothing is from the future"),
    }
    Some(draft.finding())
}

fn newest(case: &Case<'_>, number: usize) -> Option<Timestamp> {
    let survey = &case.gathered.survey;
    let base = survey.catalogue.volumes.iter().filter(|(at, ..)| *at == number);
    let base = base.filter_map(|(.., volume)| volume.newest());
    let wal = survey.systems.iter().filter_map(|it| it.inventories.get(number)?.as_ref());
    let redis = case.gathered.redis.iter().filter_map(|it| it.series.volumes.get(number));
    let media = case.gathered.media.iter().filter_map(|it| it.series.volumes.get(number));
    let others = redis.chain(media).filter_map(|volume| volume.newest());
    // The ends of backups are by the clock of who took them.
    let copies = |copies: &[crate::backup::StoredBackup]| {
        copies.iter().any(|copy| copy.repository == number)
    };
    // One that the store had before its end is said where backups are.
    let ends = survey.catalogue.backups.iter().filter(|it| copies(&it.copies));
    let ends = ends.filter(|it| it.ahead().is_none());
    let ends = ends.map(|it| it.facts.stop.time);
    let all = base.chain(wal.filter_map(|it| it.volume.newest())).chain(others).chain(ends);
    all.max()
}

pub fn of_server(case: &Case<'_>) -> Option<Finding> {
    let (theirs, ours) = case.server()?.clock?;
    let ahead = theirs.duration_since(ours).as_secs_f64();
    let mut draft = Draft::new(case.postgres(), "clock", None);
    draft.number("seawall_clock_offset_seconds", ahead);
    let text = match ahead < 0.0 {
        true => format!("the server's clock is {} behind that of this host", time(-ahead)),
        false => format!("the server's clock is {} ahead of that of this host", time(ahead)),
    };
    match ahead.abs() > TOLERATED {
        true => draft.say(state(ahead.abs()), text, HINT),
        false => draft.ok("the server's clock agrees"),
    }
    Some(draft.finding())
}

fn state(off: f64) -> State {
    if off > SPOILS { State::Critical } else { State::Warning }
}
