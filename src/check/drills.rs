//! The last drill and the last full verification.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::backups::ExpectedBackups;
use super::finding::{CheckState, Finding, FindingDraft, age, at, objective, time};
use super::gather::Case;
use crate::backup::begun;
use crate::history::{self, Record, RecordKind};

const PAST: &str = "This can't be mended, and a recovery from the newest base backup does not need \
                    it. prune deletes it together with the older base backups; the next \
                    verification after that finds no fault.";

/// So many records that count for nothing are named.
const TOLD_MAX: usize = 3;

const PLANTED: &str = "No drill or verification of Seawall stores such a record. Who may write to \
                       the repository? Delete the record, and run the drill or verification again.";

/// `oldest` is when the oldest backup was begun; `ids` are of all that is stored, whatever became of it. Nothing is
/// said where there is nothing yet to rehearse.
pub(super) fn judge(
    case: &Case<'_>,
    expected: &ExpectedBackups<'_>,
    record: &history::RecordSubject,
    oldest: Option<Timestamp>,
    ids: &BTreeSet<&str>,
) -> Vec<Finding> {
    let (Some(oldest), Some(records)) = (oldest, case.gathered.records_of(record)) else {
        return Vec::new();
    };
    let (subject, program) = (&expected.subject, expected.program);
    let of = |kind| records.doubtful.iter().filter(move |(it, ..)| *it == kind);
    let (last, verified) = (records.drills.last(), records.verification.as_ref());
    let mut drill = FindingDraft::new(subject.clone(), "drill", None);
    let mut verification = FindingDraft::new(subject.clone(), "verification", None);
    judge_drill(case, program, last, &mut drill);
    judge_verification(case, program, verified, oldest, &mut verification);
    for (draft, kind, last) in [
        (&mut drill, RecordKind::Drill, last),
        (&mut verification, RecordKind::Verification, verified),
    ] {
        for (_, key, why) in of(kind).take(TOLD_MAX) {
            draft.say(CheckState::Warning, format!("{key} does not count: {why}"), PLANTED);
        }
        if let Some(id) = last.and_then(|it| lacks(case, expected.keep.within, ids, it)) {
            let text = format!("it says that it read {id}, which no repository has");
            let verb = if kind == RecordKind::Drill { "drill" } else { "verify" };
            let hint =
                format!("{PLANTED} Where you deleted that one, run `{program} {verb}` anew.");
            draft.say(CheckState::Warning, text, hint);
        }
    }
    vec![drill.finding(), verification.finding()]
}

/// The backup that a record names, and that must be there, because retention keeps each for so long, and is not.
fn lacks<'r>(
    case: &Case<'_>,
    kept: Duration,
    ids: &BTreeSet<&str>,
    record: &'r Record,
) -> Option<&'r str> {
    // Who passed it can't have read it from a repository that is down.
    let seen = record.passed && case.answering().len() == case.repositories.len();
    let is_kept = |id: &str| begun(id).is_some_and(|it| age(it, case.now) < kept.as_secs_f64());
    let mut named = record.backups.iter().filter(|_| seen);
    named.find(|id| is_kept(id) && !ids.contains(id.as_str())).map(String::as_str)
}

fn judge_drill(case: &Case<'_>, program: &str, last: Option<&Record>, draft: &mut FindingDraft) {
    let objectives = &case.config.objectives;
    let Some(last) = last else {
        let hint = format!("`{program} drill` rehearses the restore of the newest backup.");
        draft.say(CheckState::Warning, "none yet: it is not known whether a restore works", hint);
        return;
    };
    let (old, limit) = (age(last.ended, case.now), objectives.drill_age.as_secs_f64());
    draft.number("seawall_drill_passed", f64::from(u8::from(last.passed)));
    if !last.passed {
        let failed: Vec<&str> = last
            .checks
            .iter()
            .filter(|check| !check.passed)
            .map(|check| check.name.as_str())
            .collect();
        let failed = match (failed.is_empty(), last.found.is_empty()) {
            (false, _) => format!(" ({})", failed.join(", ")),
            (true, false) => told(last),
            (true, true) => String::new(),
        };
        draft.say(
            CheckState::Critical,
            format!("the last one failed, {}{failed}", at(last.ended)),
            format!("Mend what it found, then run `{program} drill` again."),
        );
        return;
    }
    draft.measured("seawall_drill_age_seconds", old, limit);
    let text = format!("passed {} ago", time(old));
    match old > limit {
        true => draft.say(
            CheckState::Warning,
            format!("{text}, expected at most {}", objective(objectives.drill_age)),
            format!("Does the timer of `{program} drill` run (systemctl list-timers)?"),
        ),
        false => draft.ok(text),
    }
    rto(case, last, draft);
}

/// What its record says is wrong.
fn told(last: &Record) -> String {
    if last.found.is_empty() { String::new() } else { format!(": {}", last.found.join("; ")) }
}

fn rto(case: &Case<'_>, last: &Record, draft: &mut FindingDraft) {
    if last.phases.is_empty() {
        return;
    }
    let (found, limit) = (last.rto_seconds(), case.config.objectives.rto);
    draft.measured("seawall_drill_rto_seconds", found, limit.as_secs_f64());
    let text = format!("restored in {}", time(found));
    match found > limit.as_secs_f64() {
        true => draft.say(
            CheckState::Critical,
            format!("{text}, expected at most {}", objective(limit)),
            "More frequent backups leave less to replay; a local repository is read faster. Or raise objectives.rto.",
        ),
        false => draft.ok(text),
    }
}

fn judge_verification(
    case: &Case<'_>,
    program: &str,
    last: Option<&Record>,
    oldest: Timestamp,
    draft: &mut FindingDraft,
) {
    let wanted = case.config.objectives.verify_age;
    let hint = format!("`{program} verify` reads every byte.");
    let Some(last) = last else {
        match age(oldest, case.now) > wanted.as_secs_f64() {
            true => {
                let text = format!("none yet, expected one within {}", objective(wanted));
                draft.say(CheckState::Warning, text, hint);
            }
            false => draft.ok("none yet"),
        }
        return;
    };
    draft.number("seawall_verification_passed", f64::from(u8::from(last.passed)));
    if !last.passed {
        let text = format!("the last one found faults, {}{}", at(last.ended), told(last));
        let hint = format!("Mend what it names, then run `{program} verify` again.");
        match last.past {
            false => draft.say(CheckState::Critical, text, hint),
            // The newest base backup needs nothing of it, and nobody has it any more.
            true => draft.say(CheckState::Warning, text, PAST),
        }
        return;
    }
    let old = age(last.ended, case.now);
    draft.measured("seawall_verification_age_seconds", old, wanted.as_secs_f64());
    let text = format!("no fault {} ago", time(old));
    match old > wanted.as_secs_f64() {
        true => {
            let text = format!("{text}, expected at most {}", objective(wanted));
            draft.say(CheckState::Warning, text, hint);
        }
        false => draft.ok(text),
    }
}
