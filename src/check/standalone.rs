//! Backups that stand alone, of a Redis and of each media set: what is expected of them, and what a newest one lacks.

use std::collections::BTreeSet;

use super::access;
use super::backups::{self, BackupsThere, ExpectedBackups};
use super::drills;
use super::finding::{CheckState, CheckSubject, Finding, FindingDraft, Service, age, count, time};
use super::gather::Case;
use super::stored::NamedSeries;
use crate::backup::begun;
use crate::backup::{Catalogue, SelfContained};
use crate::{history, media_backup, redis_backup};

pub(super) fn redis(case: &Case<'_>) -> Vec<Finding> {
    let config = case.config;
    let of_one = |it: &NamedSeries<redis_backup::RedisDescription>| {
        let subject = CheckSubject { service: Service::Redis, name: it.name.clone() };
        if !it.watched {
            return unwatched(case, &subject, &it.series);
        }
        let expected = ExpectedBackups {
            subject,
            program: "redis-backup",
            create: "redis-backup create".to_owned(),
            wanted: config.objectives.redis,
            keep: config.redis.keep,
        };
        let mut findings = access::redis(case, &expected.subject);
        let record = history::RecordSubject::redis(&it.name);
        findings.extend(of_series(case, &expected, &it.series, &record));
        findings
    };
    case.gathered.redis.iter().flat_map(of_one).collect()
}

pub(super) fn media(case: &Case<'_>) -> Vec<Finding> {
    let of_set = |it: &NamedSeries<media_backup::SnapshotDescription>| {
        let NamedSeries { name, series, .. } = it;
        let subject = CheckSubject { service: Service::Media, name: name.clone() };
        if !it.watched {
            return unwatched(case, &subject, series);
        }
        let expected = ExpectedBackups {
            subject,
            program: "media-backup",
            create: format!("media-backup create --set {name}"),
            wanted: case.config.objectives.media,
            keep: case.config.media_backup.keep,
        };
        let mut findings = of_series(case, &expected, series, &history::RecordSubject::media(name));
        findings.extend(left_out(&expected, series));
        findings
    };
    case.gathered.media.iter().flat_map(of_set).collect()
}

/// What somebody else sees to, or nobody any more: nothing is promised of it, but it can be restored.
fn unwatched<D: SelfContained>(
    case: &Case<'_>,
    subject: &CheckSubject,
    series: &Catalogue<D>,
) -> Vec<Finding> {
    let in_one = |number: usize| {
        let further = series.further.iter().filter(|it| it.repository == number).count();
        let here = series.backups.iter().filter(|it| {
            it.copies.iter().any(|copy| copy.repository == number && copy.fault.is_none())
        });
        let mut draft = FindingDraft::new(subject.clone(), "backup", Some(case.name(number)));
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
    expected: &ExpectedBackups<'_>,
    series: &Catalogue<media_backup::SnapshotDescription>,
) -> Option<Finding> {
    let newest = series.backups.last().filter(|it| it.facts.totals.failures > 0)?;
    let mut draft = FindingDraft::new(expected.subject.clone(), "files", None);
    let files = count(newest.facts.totals.failures, "file or folder");
    draft.say(
        CheckState::Warning,
        format!("{files} could not be read for the newest snapshot ({})", newest.id),
        "The log of its last run names each: look at owner and mode.",
    );
    Some(draft.finding())
}

fn of_series<D: SelfContained>(
    case: &Case<'_>,
    expected: &ExpectedBackups<'_>,
    series: &Catalogue<D>,
    record: &history::RecordSubject,
) -> Vec<Finding> {
    let answering = case.answering();
    let mut findings: Vec<Finding> =
        answering.iter().map(|number| in_repository(case, expected, series, *number)).collect();
    findings.extend(fell(expected, series));
    let described = series.backups.iter().filter(|it| it.pinned()).map(|it| it.id.as_str());
    let further = series.further.iter().filter(|it| it.pinned).map(|it| it.id.as_str());
    findings.extend(backups::pins(expected, "backup", described.chain(further).collect()));
    let further = series.further.iter().filter_map(|it| begun(&it.id));
    let oldest = series.backups.iter().map(|it| it.began).chain(further).min();
    findings.extend(drills::judge(case, expected, record, oldest, &ids(series)));
    findings
}

/// Of all that is there, whatever became of it.
fn ids<D: SelfContained>(series: &Catalogue<D>) -> BTreeSet<&str> {
    let further = series.further.iter().map(|it| it.id.as_str());
    let broken = series.broken.iter().map(|it| it.id.as_str());
    series.backups.iter().map(|it| it.id.as_str()).chain(further).chain(broken).collect()
}

/// The newest one holds far less than those before it.
fn fell<D: SelfContained>(
    expected: &ExpectedBackups<'_>,
    series: &Catalogue<D>,
) -> Option<Finding> {
    let (newest, since, said) = series.newest_fell()?;
    let mut draft = FindingDraft::new(expected.subject.clone(), "content", None);
    draft.say(
        CheckState::Warning,
        format!("the newest ({}) has far less than {since}: {said}", newest.id),
        format!(
            "Is all of its source there? If the smaller backup is right: `{} --accept-fewer`.",
            expected.create
        ),
    );
    Some(draft.finding())
}

fn in_repository<D: SelfContained>(
    case: &Case<'_>,
    expected: &ExpectedBackups<'_>,
    series: &Catalogue<D>,
    number: usize,
) -> Finding {
    let copies = series.backups.iter().flat_map(|it| it.copies.iter().map(move |copy| (it, copy)));
    let here: Vec<_> = copies.filter(|(_, copy)| copy.repository == number).collect();
    let damaged = here.iter().filter_map(|(it, copy)| Some((&*it.id, copy.fault.as_ref()?)));
    let good = here.iter().filter(|(_, copy)| copy.fault.is_none());
    let further = series.further.iter().filter(|it| it.repository == number).count();
    let broken = series.broken.iter().filter(|it| it.repository == number);
    let there = BackupsThere {
        check: "backup",
        word: "whole",
        newest: good.clone().map(|(it, _)| (&*it.id, it.ended)).max_by_key(|(_, ended)| *ended),
        good: good.count() + further,
        days: series.volume(number).map_or(0, |it| it.days(case.now) - 1),
        faults: damaged.map(|(id, fault)| (id, format!("is damaged: {fault}"))).collect(),
        broken: broken.map(|it| (&*it.id, &it.error)).collect(),
        doubted: Vec::new(),
        unfinished: leavings(series, number),
    };
    backups::judge(case, expected, &there, number)
}

/// What is unfinished. Objects that a whole one needs are no leavings, and those that older, undescribed ones need can't be
/// told from leavings.
fn leavings<D: SelfContained>(series: &Catalogue<D>, number: usize) -> Vec<&str> {
    if series.further.iter().any(|it| it.repository == number) {
        return Vec::new();
    }
    let copies = series.backups.iter().flat_map(|it| &it.copies);
    let needed: Vec<&String> = copies.flat_map(|copy| &copy.needs).collect();
    let all = series.unfinished.iter().filter(|it| it.repository == number);
    all.filter(|it| !needed.contains(&&it.id)).map(|it| it.id.as_str()).collect()
}
