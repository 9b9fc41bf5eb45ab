//! Backups that stand alone: of a Redis, of each media set.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::case::Case;
use super::draft::Draft;
use super::drills;
use super::number::{self, There};
use super::redis_server;
use super::stored::Stored;
use super::verdict::{Finding, Service, State, Subject};
use super::words::{age, at, count, objective, time};
use crate::backup::begun;
use crate::backup::series::{Backup, SelfContained, Series};
use crate::config::{KeepConfig, Wanted};
use crate::{history, media_backup, redis_backup};

/// What is expected of one series.
struct Expected<'a> {
    subject: Subject,
    /// What takes them, such as `redis-backup`.
    program: &'a str,
    /// How it is called for this one, such as `redis-backup create`.
    create: String,
    wanted: Wanted,
    keep: KeepConfig,
}

pub fn redis(case: &Case<'_>) -> Vec<Finding> {
    let config = case.config;
    let of_one = |it: &Stored<redis_backup::Description>| {
        let subject = Subject { service: Service::Redis, name: it.name.clone() };
        if !it.watched {
            return unwatched(case, &subject, &it.series);
        }
        let expected = Expected {
            subject,
            program: "redis-backup",
            create: "redis-backup create".to_owned(),
            wanted: config.objectives.redis,
            keep: config.redis.keep,
        };
        let mut findings = redis_server::judge(case, &expected.subject);
        let record = history::Subject::redis(&it.name);
        findings.extend(of_series(case, &expected, &it.series, &record));
        findings
    };
    case.gathered.redis.iter().flat_map(of_one).collect()
}

pub fn media(case: &Case<'_>) -> Vec<Finding> {
    let of_set = |it: &Stored<media_backup::Description>| {
        let Stored { name, series, .. } = it;
        let subject = Subject { service: Service::Media, name: name.clone() };
        if !it.watched {
            return unwatched(case, &subject, series);
        }
        let expected = Expected {
            subject,
            program: "media-backup",
            create: format!("media-backup create --set {name}"),
            wanted: case.config.objectives.media,
            keep: case.config.media_backup.keep,
        };
        let mut findings = of_series(case, &expected, series, &history::Subject::media(name));
        findings.extend(left_out(&expected, series));
        findings
    };
    case.gathered.media.iter().flat_map(of_set).collect()
}

/// What somebody else sees to, or nobody any more: nothing is promised of it, but it can be restored.
fn unwatched<D: SelfContained>(
    case: &Case<'_>,
    subject: &Subject,
    series: &Series<D>,
) -> Vec<Finding> {
    let in_one = |number: usize| {
        let further = series.further.iter().filter(|(at, _)| *at == number).count();
        let here = series.backups.iter().filter(|it| {
            it.copies.iter().any(|copy| copy.repository == number && copy.fault.is_none())
        });
        let mut draft = Draft::new(subject.clone(), "backup", Some(case.name(number)));
        let newest = here.clone().max_by_key(|it| it.ended)?;
        let (old, good) = (age(newest.ended, case.now), here.count() + further);
        draft.ok(format!("not configured here: newest {} old ({})", time(old), newest.id));
        draft.ok(format!("{good} whole"));
        draft.number("seawall_backups", good as f64);
        Some(draft.finding())
    };
    case.answering().into_iter().filter_map(in_one).collect()
}

/// Files that could not be read when the newest snapshot was taken.
fn left_out(
    expected: &Expected<'_>,
    series: &Series<media_backup::Description>,
) -> Option<Finding> {
    let newest = series.backups.last().filter(|it| it.description.totals.failures > 0)?;
    let mut draft = Draft::new(expected.subject.clone(), "files", None);
    let files = count(newest.description.totals.failures, "file or folder");
    draft.say(
        State::Warning,
        format!("{files} could not be read for the newest snapshot ({})", newest.id),
        "The log of its last run names each: look at owner and mode.",
    );
    Some(draft.finding())
}

fn of_series<D: SelfContained>(
    case: &Case<'_>,
    expected: &Expected<'_>,
    series: &Series<D>,
    record: &history::Subject,
) -> Vec<Finding> {
    let answering = case.answering();
    let mut findings: Vec<Finding> =
        answering.iter().map(|number| in_repository(case, expected, series, *number)).collect();
    findings.extend(fell(expected, series));
    findings.extend(pins(expected, series));
    let further = series.further.iter().filter_map(|(_, it)| begun(&it.id));
    let oldest = series.backups.iter().map(|it| it.began).chain(further).min();
    let ids = ids(series);
    let stored = drills::Stored { ids, kept: expected.keep.within };
    findings.extend(drills::judge(
        case,
        &expected.subject,
        record,
        expected.program,
        oldest,
        &stored,
    ));
    findings
}

/// Of all that is there, whatever became of it.
fn ids<D: SelfContained>(series: &Series<D>) -> BTreeSet<&str> {
    let further = series.further.iter().map(|(_, it)| it.id.as_str());
    let broken = series.broken.iter().map(|it| it.id.as_str());
    series.backups.iter().map(|it| it.id.as_str()).chain(further).chain(broken).collect()
}

/// The newest one holds far less than those before it.
fn fell<D: SelfContained>(expected: &Expected<'_>, series: &Series<D>) -> Option<Finding> {
    let (newest, since, said) = series.newest_fell()?;
    let mut draft = Draft::new(expected.subject.clone(), "content", None);
    draft.say(
        State::Warning,
        format!("the newest ({}) has far less than {since}: {said}", newest.id),
        format!(
            "Is everything there that it is taken from? If it is right so: `{} --accept-fewer`.",
            expected.create
        ),
    );
    Some(draft.finding())
}

fn in_repository<D: SelfContained>(
    case: &Case<'_>,
    expected: &Expected<'_>,
    series: &Series<D>,
    number: usize,
) -> Finding {
    let mut draft = Draft::new(expected.subject.clone(), "backup", Some(case.name(number)));
    let copies = series.backups.iter().flat_map(|it| it.copies.iter().map(move |copy| (it, copy)));
    let here: Vec<_> = copies.filter(|(_, copy)| copy.repository == number).collect();
    let faults = here.iter().filter_map(|(it, copy)| Some((*it, copy.fault.as_ref()?)));
    let faults: Vec<(&Backup<D>, &String)> = faults.collect();
    let broken: Vec<_> = series.broken.iter().filter(|it| it.repository == number).collect();
    let further = series.further.iter().filter(|(at, _)| *at == number).count();
    let good = here.iter().filter(|(_, copy)| copy.fault.is_none());
    let newest = good.clone().map(|(it, _)| *it).max_by_key(|it| it.ended);
    let good = good.count() + further;
    let create = format!("`{}` takes one.", expected.create);
    match newest {
        Some(newest) => {
            age_of(case, expected, newest.ended, &newest.id, &mut draft);
            let days = series.volumes.get(number).map_or(0, |it| it.days(case.now) - 1);
            let there = There { good, word: "whole", days, program: expected.program };
            number::judge(&there, expected.wanted, &create, &mut draft);
        }
        None if here.is_empty() && broken.is_empty() => {
            draft.say(State::Critical, "there is none: nothing can be restored", create);
        }
        None => draft.say(State::Critical, "none can be restored", create),
    }
    for (backup, fault) in &faults {
        draft.say(
            State::Critical,
            format!("{} is damaged: {fault}", backup.id),
            create_anew(expected, &backup.id, case.name(number)),
        );
    }
    for broken in &broken {
        draft.fail(State::Critical, &format!("{} is damaged: ", broken.id), &broken.error);
    }
    unfinished(case, expected, series, number, &mut draft);
    draft.number("seawall_backups", good as f64);
    draft.number("seawall_backups_damaged", (faults.len() + broken.len()) as f64);
    draft.finding()
}

fn create_anew(expected: &Expected<'_>, id: &str, repository: &str) -> String {
    let (create, program) = (&expected.create, expected.program);
    let set = match expected.subject.service {
        Service::Media => format!(" --set {}", expected.subject.name),
        _ => String::new(),
    };
    format!(
        "Take a new one with `{create}`, look at the disk or bucket, and delete the damaged one: `{program} delete {id}{set} \
         --repository {repository}`."
    )
}

fn age_of(case: &Case<'_>, expected: &Expected<'_>, ended: Timestamp, id: &str, draft: &mut Draft) {
    let (old, limit) = (age(ended, case.now), expected.wanted.age);
    draft.measured("seawall_backup_age_seconds", old, limit.as_secs_f64());
    let text = format!("newest {} old ({id})", time(old));
    if old <= limit.as_secs_f64() {
        draft.ok(text);
        return;
    }
    draft.say(
        State::Critical,
        format!("{text}, expected at most {}", objective(limit)),
        format!(
            "Does the timer of `{}` run (systemctl list-timers)? The log of its last run says what went wrong.",
            expected.create
        ),
    );
}

/// What has been unfinished for longer than any takes. Objects that a whole one needs are no leavings.
fn unfinished<D: SelfContained>(
    case: &Case<'_>,
    expected: &Expected<'_>,
    series: &Series<D>,
    number: usize,
    draft: &mut Draft,
) {
    let limit = expected.keep.unfinished.as_secs_f64();
    let copies = series.backups.iter().flat_map(|it| &it.copies);
    let needed: Vec<&String> = copies.flat_map(|copy| &copy.needs).collect();
    let all =
        series.unfinished.iter().filter(|(at, it)| *at == number && !needed.contains(&&it.id));
    let old = all.filter(|(_, it)| begun(&it.id).is_some_and(|it| age(it, case.now) > limit));
    let old: Vec<&str> = old.map(|(_, it)| it.id.as_str()).collect();
    // Those that older, undescribed ones need can't be told from leavings.
    let all_described = series.further.iter().all(|(at, _)| *at != number);
    if let Some(first) = old.first().filter(|_| all_described) {
        let text = format!("{} cut short, the oldest {first}", count(old.len() as u64, "backup"));
        draft.say(
            State::Warning,
            text,
            format!("`{} prune` removes what is left of it.", expected.program),
        );
    }
}

fn pins<D: SelfContained>(expected: &Expected<'_>, series: &Series<D>) -> Option<Finding> {
    let described = series.backups.iter().filter(|it| it.pinned()).map(|it| it.id.as_str());
    let further = series.further.iter().filter(|(_, it)| it.pinned).map(|(_, it)| it.id.as_str());
    let mut ids: Vec<&str> = described.chain(further).collect();
    ids.sort_unstable();
    ids.dedup();
    let oldest = ids.first()?;
    let since =
        begun(oldest).map_or(String::new(), |begun| format!(", the oldest of {}", at(begun)));
    let mut draft = Draft::new(expected.subject.clone(), "pins", None);
    draft.ok(format!("{} pinned{since}", count(ids.len() as u64, "backup")));
    draft.number("seawall_pinned_backups", ids.len() as f64);
    Some(draft.finding())
}
