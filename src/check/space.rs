//! Room: how much is left on the disks of repositories and of `pg_wal`, and for how long at the present rate.
//!
//! Each kind of object grows until retention deletes as much as comes, so that a young repository is not taken for one
//! that grows for ever.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::finding::{CheckState, Finding, FindingDraft, count, size};
use super::gather::Case;
use crate::config::{KeepConfig, Location};
use crate::data_directory::DataDirectory;
use crate::storage::Volume;

/// Nobody needs to know more exactly.
const DAYS_MAX: f64 = 3650.0;

/// Over how many days the rate is taken.
const RATE_DAYS: i64 = 7;

/// More than so many times what retention would leave means that nobody prunes.
const NOT_PRUNED: f64 = 2.0;

const FULL_REPOSITORY: &str =
    "Make room or grow the disk; `basebackup prune --dry-run` shows what retention would delete.";

const FULL_PG_WAL: &str = "The server stops when pg_wal is full. See what keeps WAL: archiving that fails, pg_replication_slots.";

/// Objects that are kept by one rule.
#[derive(Debug, Clone, Copy)]
struct KeptVolume<'a> {
    volume: &'a Volume,
    /// How many days' worth of them retention leaves in the end.
    kept_days: f64,
}

/// Free bytes for those who are not root, and all that these can have, of a file system: as `df` counts, whose
/// per cent people know. `None` where there are none.
fn room(path: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(path).ok()?;
    let used = found.f_blocks.checked_sub(found.f_bfree)?;
    let all = used.checked_add(found.f_bavail)?;
    let room = (found.f_bavail.checked_mul(found.f_frsize)?, all.checked_mul(found.f_frsize)?);
    Some(room).filter(|(_, all)| *all > 0)
}

pub(super) fn of_repository(case: &Case<'_>, number: usize) -> Option<Finding> {
    let mut draft = FindingDraft::new(case.repository(number), "space", None);
    let room = match &case.config.repositories.get(number)?.location {
        Location::Folder(root) => room(root),
        Location::S3(_) => None,
    };
    if let Some((free, all)) = room {
        judge_room(case, (free, all), FULL_REPOSITORY, &mut draft);
    }
    // What was not listed to the end says nothing.
    if case.answering().contains(&number) {
        let kinds = kept_volumes(case, number);
        let stored: u64 = kinds.iter().map(|kind| kind.volume.total()).sum();
        draft.number("seawall_stored_bytes", stored as f64);
        draft.ok(format!("{} stored", size(stored)));
        let days = room.and_then(|(free, _)| days_until_full(&kinds, free, case.now));
        days.into_iter().for_each(|days| judge_growth(case, days, &mut draft));
    } else {
        room?;
    }
    Some(draft.finding())
}

fn judge_room(case: &Case<'_>, (free, all): (u64, u64), mend: &str, draft: &mut FindingDraft) {
    let wanted = case.config.objectives.free_space;
    let ratio = free as f64 / all as f64;
    draft.number("seawall_free_bytes", free as f64);
    draft.measured("seawall_free_ratio", ratio, f64::from(wanted) / 100.0);
    let per_cent = (ratio * 100.0).floor();
    let text = format!("{per_cent:.0} % of the file system free ({})", size(free));
    match ratio * 100.0 < f64::from(wanted) {
        true => {
            draft.say(CheckState::Critical, format!("{text}, expected at least {wanted} %"), mend);
        }
        false => draft.ok(text),
    }
}

fn judge_growth(case: &Case<'_>, days: f64, draft: &mut FindingDraft) {
    let wanted = case.config.objectives.days_until_full;
    draft.measured("seawall_days_until_full", days, f64::from(wanted));
    let text = format!("full in {} at the present rate", count(days as u64, "day"));
    if days < f64::from(wanted) {
        draft.say(
            CheckState::Warning,
            format!("{text}, expected at least {wanted}"),
            "Grow the disk, or keep less: the tables `retention`, `redis` and `media_backup` say how much is kept.",
        );
    } else if days < DAYS_MAX {
        draft.ok(text);
    }
}

/// Days until this much room is full, when as much is stored a day as within the last week, and retention
/// deletes what it deletes. `None`: never, or nobody can tell, because a day of it was not seen yet.
fn days_until_full(kinds: &[KeptVolume<'_>], free: u64, now: Timestamp) -> Option<f64> {
    // Bytes a day, and how many more come before retention holds the balance.
    let growing = kinds.iter().filter_map(|kind| {
        let days = kind.volume.days(now).min(RATE_DAYS);
        // What a first day holds may be all that there was to store.
        let rate = (days > 1).then(|| kind.volume.within(days, now) as f64 / days as f64)?;
        let (left, stored) = (rate * kind.kept_days, kind.volume.total() as f64);
        let more =
            if stored > left * NOT_PRUNED { f64::INFINITY } else { (left - stored).max(0.0) };
        (rate > 0.0 && more > 0.0).then_some((rate, more))
    });
    let mut growing: Vec<(f64, f64)> = growing.collect();
    growing.sort_by(|one, other| (one.1 / one.0).total_cmp(&(other.1 / other.0)));
    let (mut free, mut passed) = (free as f64, 0.0);
    for at in 0..growing.len() {
        let rate: f64 = growing[at..].iter().map(|(rate, _)| rate).sum();
        let until = growing[at].1 / growing[at].0;
        if free <= rate * (until - passed) {
            return Some(passed + free / rate);
        }
        free -= rate * (until - passed);
        passed = until;
    }
    None
}

/// What lies in a repository, by what decides how long it is kept.
fn kept_volumes<'a>(case: &'a Case<'_>, number: usize) -> Vec<KeptVolume<'a>> {
    let gathered = case.gathered;
    let retention = &case.config.retention;
    let objectives = &case.config.objectives;
    let wal_days = days(retention.wal_window) + days(objectives.base_backups.age);
    let wal = gathered.survey.systems.iter();
    let wal = wal.filter_map(|it| it.inventories.get(number)?.as_ref());
    let wal = wal.map(|it| KeptVolume { volume: &it.volume, kept_days: wal_days });
    let base = gathered.survey.catalogue.volumes.iter().filter(|(at, ..)| *at == number);
    let base_days = kept_days(&retention.keep, days(objectives.base_backups.age));
    let base = base.map(|(.., volume)| KeptVolume { volume, kept_days: base_days });
    let redis_days = kept_days(&case.config.redis.keep, days(objectives.redis.age));
    let redis = gathered.redis.iter();
    let redis = redis.filter_map(|it| kept_volume(it.series.volume(number), redis_days));
    let media_days = kept_days(&case.config.media_backup.keep, days(objectives.media.age));
    let media = gathered.media.iter();
    let media = media.filter_map(|it| kept_volume(it.series.volume(number), media_days));
    wal.chain(base).chain(redis).chain(media).collect()
}

fn kept_volume(volume: Option<&Volume>, kept_days: f64) -> Option<KeptVolume<'_>> {
    volume.map(|volume| KeptVolume { volume, kept_days })
}

fn days(time: Duration) -> f64 {
    time.as_secs_f64() / 86_400.0
}

/// For how many days' worth of backups the policy makes room: those within the time, and the single ones
/// that it keeps beyond, each as much as is made in an interval.
fn kept_days(keep: &KeepConfig, interval: f64) -> f64 {
    let beyond = keep.last + keep.daily + keep.weekly + keep.monthly + keep.yearly;
    days(keep.within) + beyond as f64 * interval
}

/// The disk that the server stops on when archiving does not keep up. Only where the server is on this host.
pub(super) fn of_pg_wal(case: &Case<'_>) -> Option<Finding> {
    let server = case.server()?;
    let pg_wal = server.pg_wal()?;
    let directory = DataDirectory::find(&pg_wal.join("x"))?;
    if directory.system_identifier().ok()? != server.facts.system {
        return None;
    }
    let room = room(&pg_wal)?;
    let mut draft = FindingDraft::new(case.postgres(), "space of pg_wal", None);
    judge_room(case, room, FULL_PG_WAL, &mut draft);
    Some(draft.finding())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const NOW: i64 = 1_795_000_000;

    /// So many bytes a day, for so many days up to today.
    fn daily(bytes: u64, days: i64) -> Volume {
        let mut volume = Volume::default();
        for day in 0..days {
            let time = Timestamp::from_second(NOW).unwrap() - SignedDuration::from_hours(24 * day);
            volume.add_bytes(bytes, Some(time));
        }
        volume
    }

    fn until(kinds: &[(&Volume, f64)], free: u64) -> Option<f64> {
        let kind = |(volume, kept_days): &(&'static Volume, f64)| KeptVolume {
            volume,
            kept_days: *kept_days,
        };
        let kinds: Vec<(&'static Volume, f64)> = kinds
            .iter()
            .map(|(volume, days)| (&*Box::leak(Box::new((*volume).clone())), *days))
            .collect();
        let kinds: Vec<_> = kinds.iter().map(kind).collect();
        days_until_full(&kinds, free, Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn a_young_repository_grows_until_retention_holds_the_balance() {
        let young = daily(10, 3);
        // Seven days' worth are kept: 40 bytes more come, in four days.
        assert_eq!(until(&[(&young, 7.0)], 20), Some(2.0));
        assert_eq!(until(&[(&young, 7.0)], 40), Some(4.0));
        assert_eq!(until(&[(&young, 7.0)], 41), None);
    }

    #[test]
    fn what_retention_holds_does_not_grow_and_what_nobody_prunes_does() {
        assert_eq!(until(&[(&daily(10, 8), 8.0)], 1), None);
        assert_eq!(until(&[(&daily(10, 30), 8.0)], 100), Some(10.0));
    }

    #[test]
    fn several_kinds_fill_it_together() {
        let (one, other) = (daily(10, 3), daily(20, 3));
        // Both for one day, then the second one alone.
        assert_eq!(until(&[(&one, 4.0), (&other, 100.0)], 30 + 40), Some(3.0));
        assert_eq!(until(&[(&one, 4.0)], 10), Some(1.0));
    }

    #[test]
    fn a_first_day_tells_nothing() {
        assert_eq!(until(&[(&daily(1000, 1), 7.0)], 1), None);
        assert_eq!(until(&[(&Volume::default(), 7.0)], 1), None);
        assert_eq!(until(&[], 1), None);
    }
}
