//! Judges the backups of one kind in one repository, whatever they are of: how old the newest is, how many there are,
//! what is damaged or cut short.
//!
//! Each repository is judged by what it can restore alone: any other one may be lost together with the server.

use jiff::Timestamp;

use super::finding::{
    CheckState, CheckSubject, Finding, FindingDraft, Service, age, at, count, objective, time,
};
use super::gather::Case;
use crate::backup::begun;
use crate::config::{BackupObjective, KeepConfig};
use crate::error::Error;

const AHEAD: &str = "A clock was wrong, or somebody planted it: who may write to the repository? `basebackup prune` keeps it for a while.";

/// What is expected of the backups of one cluster, one Redis or one media set.
pub(super) struct ExpectedBackups<'a> {
    pub subject: CheckSubject,
    /// What takes them, such as `redis-backup`.
    pub program: &'a str,
    /// How it is called for this one, such as `redis-backup create`.
    pub create: String,
    pub wanted: BackupObjective,
    pub keep: KeepConfig,
}

/// What there is of them in one repository.
pub(super) struct BackupsThere<'a> {
    /// Like `base backup`.
    pub check: &'static str,
    /// Like `restorable`.
    pub word: &'a str,
    /// The newest one that this repository alone can restore, and when it ended.
    pub newest: Option<(&'a str, Timestamp)>,
    pub good: usize,
    /// For how many whole days something of them has been stored.
    pub days: i64,
    /// Those that were described and that this repository alone can't restore, each with the reason.
    pub faults: Vec<(&'a str, String)>,
    /// Those whose description can't be read.
    pub broken: Vec<(&'a str, &'a Error)>,
    /// Those whose time nobody believes.
    pub doubted: Vec<(&'a str, String)>,
    /// Leavings of backups that were not finished, or that are being taken now.
    pub unfinished: Vec<&'a str>,
}

impl ExpectedBackups<'_> {
    fn mend_of_damage(&self, id: &str, repository: &str) -> String {
        let (create, program) = (&self.create, self.program);
        let set = match self.subject.service {
            Service::Media => format!(" --set {}", self.subject.name),
            _ => String::new(),
        };
        format!(
            "Take a new one with `{create}`, look at the disk or bucket, and delete the damaged one: `{program} delete {id}{set} \
             --repository {repository}`."
        )
    }
}

pub(super) fn judge(
    case: &Case<'_>,
    expected: &ExpectedBackups<'_>,
    there: &BackupsThere<'_>,
    number: usize,
) -> Finding {
    let repository = case.name(number);
    let mut draft = FindingDraft::new(expected.subject.clone(), there.check, Some(repository));
    let create = format!("`{}` takes one.", expected.create);
    match there.newest {
        Some(newest) => {
            judge_age(case, expected, newest, &mut draft);
            judge_number(expected, there, &create, &mut draft);
        }
        None if there.faults.is_empty() && there.broken.is_empty() => {
            draft.say(CheckState::Critical, "there is none: nothing can be restored", create);
        }
        None => draft.say(CheckState::Critical, "none can be restored", create),
    }
    for (id, fault) in &there.faults {
        let mend = expected.mend_of_damage(id, repository);
        draft.say(CheckState::Critical, format!("{id} {fault}"), mend);
    }
    for (id, error) in &there.broken {
        draft.fail(CheckState::Critical, &format!("{id} is damaged: "), error);
    }
    for (id, why) in &there.doubted {
        draft.say(
            CheckState::Warning,
            format!("{id} {why}: it does not count as the newest"),
            AHEAD,
        );
    }
    judge_unfinished(case, expected, there, &mut draft);
    draft.number("seawall_backups", there.good as f64);
    draft.number("seawall_backups_damaged", (there.faults.len() + there.broken.len()) as f64);
    draft.finding()
}

fn judge_age(
    case: &Case<'_>,
    expected: &ExpectedBackups<'_>,
    (id, ended): (&str, Timestamp),
    draft: &mut FindingDraft,
) {
    let (old, limit) = (age(ended, case.now), expected.wanted.age);
    draft.measured("seawall_backup_age_seconds", old, limit.as_secs_f64());
    let text = format!("newest {} old ({id})", time(old));
    if old <= limit.as_secs_f64() {
        draft.ok(text);
        return;
    }
    draft.say(
        CheckState::Critical,
        format!("{text}, expected at most {}", objective(limit)),
        format!(
            "Does the timer of `{}` run (systemctl list-timers)? The log of its last run says what went wrong.",
            expected.create
        ),
    );
}

/// Whether there are as many as were promised. Where one was due often enough since the first object was
/// stored, some were deleted, or never taken, and the promise is broken; before that a young repository can't
/// have them.
fn judge_number(
    expected: &ExpectedBackups<'_>,
    there: &BackupsThere<'_>,
    create: &str,
    draft: &mut FindingDraft,
) {
    let wanted = expected.wanted;
    let found = format!("{} {}", there.good, there.word);
    if there.good >= wanted.count {
        draft.ok(found);
        return;
    }
    let text = format!("{found}, expected {}", wanted.count);
    let due = wanted.age.as_secs_f64() * wanted.count as f64;
    if (there.days * 86_400) as f64 <= due {
        draft.say(CheckState::Warning, text, create);
        return;
    }
    let program = expected.program;
    draft.say(
        CheckState::Critical,
        text,
        format!("Were some deleted? `{program} prune --dry-run` says what retention keeps, and why; {create}"),
    );
}

/// What has been unfinished for longer than any takes.
fn judge_unfinished(
    case: &Case<'_>,
    expected: &ExpectedBackups<'_>,
    there: &BackupsThere<'_>,
    draft: &mut FindingDraft,
) {
    let limit = expected.keep.unfinished.as_secs_f64();
    let old = |id: &&&str| begun(id).is_some_and(|begun| age(begun, case.now) > limit);
    let old: Vec<_> = there.unfinished.iter().filter(old).collect();
    if let Some(first) = old.first() {
        let text = format!("{} cut short, the oldest {first}", count(old.len() as u64, "backup"));
        let mend = format!("`{} prune` removes what is left of it.", expected.program);
        draft.say(CheckState::Warning, text, mend);
    }
}

/// How many are kept for good, of these ids in any order. That is no fault, but they take room.
pub(super) fn pins(
    expected: &ExpectedBackups<'_>,
    what: &str,
    mut ids: Vec<&str>,
) -> Option<Finding> {
    ids.sort_unstable();
    ids.dedup();
    let oldest = ids.first()?;
    let since =
        begun(oldest).map_or(String::new(), |begun| format!(", the oldest of {}", at(begun)));
    let mut draft = FindingDraft::new(expected.subject.clone(), "pins", None);
    draft.ok(format!("{} pinned{since}", count(ids.len() as u64, what)));
    draft.number("seawall_pinned_backups", ids.len() as f64);
    Some(draft.finding())
}
