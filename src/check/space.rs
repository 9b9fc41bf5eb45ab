//! Room: how much is left, and for how long at the present rate.
//! `growth` is the reckoning behind the rate.

mod growth;

use std::path::Path;

use self::growth::{Class, days_until_full};
use super::case::Case;
use super::draft::Draft;
use super::verdict::{Finding, State};
use super::words::{count, size};
use crate::config::{KeepConfig, Location};
use crate::data_directory::DataDirectory;
use crate::storage::Volume;

/// Nobody needs to know more exactly.
const DAYS_MAX: f64 = 3650.0;

/// Free bytes for those who are not root, and all that these can have, of a file system: as `df` counts, whose
/// per cent people know.
fn room(path: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(path).ok()?;
    let used = found.f_blocks.checked_sub(found.f_bfree)?;
    let all = used.checked_add(found.f_bavail)?;
    Some((found.f_bavail.checked_mul(found.f_frsize)?, all.checked_mul(found.f_frsize)?))
}

pub fn of_repository(case: &Case<'_>, number: usize) -> Option<Finding> {
    let mut draft = Draft::new(case.repository(number), "space", None);
    let room = match &case.config.repositories.get(number)?.location {
        Location::Folder(root) => room(root).filter(|(_, all)| *all > 0),
        Location::S3(_) => None,
    };
    if let Some((free, all)) = room {
        judge_room(case, free, all, &mut draft);
    }
    // What was not listed to the end says nothing.
    if case.answering().contains(&number) {
        let classes = classes(case, number);
        let stored: u64 = classes.iter().map(|class| class.volume.total()).sum();
        draft.number("seawall_stored_bytes", stored as f64);
        draft.ok(format!("{} stored", size(stored)));
        let days = room.and_then(|(free, _)| days_until_full(&classes, free, case.now));
        days.into_iter().for_each(|days| growth(case, days, &mut draft));
    } else {
        room?;
    }
    Some(draft.finding())
}

fn judge_room(case: &Case<'_>, free: u64, all: u64, draft: &mut Draft) {
    let wanted = case.config.objectives.free_space;
    let ratio = free as f64 / all as f64;
    draft.number("seawall_free_bytes", free as f64);
    draft.measured("seawall_free_ratio", ratio, f64::from(wanted) / 100.0);
    let per_cent = (ratio * 100.0).floor();
    let text = format!("{per_cent:.0} % of the file system free ({})", size(free));
    match ratio * 100.0 < f64::from(wanted) {
        true => draft.say(
            State::Critical,
            format!("{text}, expected at least {wanted} %"),
            "Make room or grow the disk; `basebackup prune --dry-run` shows what retention would delete.",
        ),
        false => draft.ok(text),
    }
}

fn growth(case: &Case<'_>, days: f64, draft: &mut Draft) {
    let wanted = case.config.objectives.days_until_full;
    draft.measured("seawall_days_until_full", days, f64::from(wanted));
    let text = format!("full in {} at the present rate", count(days as u64, "day"));
    if days < f64::from(wanted) {
        draft.say(
            State::Warning,
            format!("{text}, expected at least {wanted}"),
            "Grow the disk, or keep less: the tables `retention`, `redis` and `media_backup` say how much is kept.",
        );
    } else if days < DAYS_MAX {
        draft.ok(text);
    }
}

/// What lies in a repository, by what decides how long it is kept.
fn classes<'a>(case: &'a Case<'_>, number: usize) -> Vec<Class<'a>> {
    let gathered = case.gathered;
    let retention = &case.config.retention;
    let objectives = &case.config.objectives;
    let wal_days = days(retention.wal_window) + days(objectives.base_backups.age);
    let wal = gathered.survey.systems.iter();
    let wal = wal.filter_map(|it| it.inventories.get(number)?.as_ref());
    let wal = wal.map(|it| Class { volume: &it.volume, kept_days: wal_days });
    let base = gathered.survey.catalogue.volumes.iter().filter(|(at, ..)| *at == number);
    let base_days = kept_days(&retention.keep, days(objectives.base_backups.age));
    let base = base.map(|(.., volume)| Class { volume, kept_days: base_days });
    let redis_days = kept_days(&case.config.redis.keep, days(objectives.redis.age));
    let redis = gathered.redis.iter();
    let redis = redis.filter_map(|it| class(it.series.volumes.get(number), redis_days));
    let media_days = kept_days(&case.config.media_backup.keep, days(objectives.media.age));
    let media = gathered.media.iter();
    let media = media.filter_map(|it| class(it.series.volumes.get(number), media_days));
    wal.chain(base).chain(redis).chain(media).collect()
}

fn class(volume: Option<&Volume>, kept_days: f64) -> Option<Class<'_>> {
    volume.map(|volume| Class { volume, kept_days })
}

fn days(time: std::time::Duration) -> f64 {
    time.as_secs_f64() / 86_400.0
}

/// For how many days' worth of backups the policy makes room: those within the time, and the single ones
/// that it keeps beyond, each as much as is made in an interval.
fn kept_days(keep: &KeepConfig, interval: f64) -> f64 {
    let beyond = keep.last + keep.daily + keep.weekly + keep.monthly + keep.yearly;
    days(keep.within) + beyond as f64 * interval
}

/// The disk that the server stops on when archiving does not keep up. Only where the server is on this host.
pub fn of_pg_wal(case: &Case<'_>) -> Option<Finding> {
    let server = case.server()?;
    let pg_wal = server.data_directory.as_ref()?.join("pg_wal");
    let directory = DataDirectory::find(&pg_wal.join("x"))?;
    if directory.system_identifier().ok()? != server.system {
        return None;
    }
    let (free, all) = room(&pg_wal).filter(|(_, all)| *all > 0)?;
    let mut draft = Draft::new(case.postgres(), "space of pg_wal", None);
    let wanted = case.config.objectives.free_space;
    let ratio = free as f64 / all as f64;
    draft.number("seawall_free_bytes", free as f64);
    draft.measured("seawall_free_ratio", ratio, f64::from(wanted) / 100.0);
    let text = format!("{:.0} % of the file system free ({})", (ratio * 100.0).floor(), size(free));
    match ratio * 100.0 < f64::from(wanted) {
        true => draft.say(
            State::Critical,
            format!("{text}, expected at least {wanted} %"),
            "The server stops when pg_wal is full. See what keeps WAL: archiving that fails, pg_replication_slots.",
        ),
        false => draft.ok(text),
    }
    Some(draft.finding())
}
