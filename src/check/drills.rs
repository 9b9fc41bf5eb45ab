//! The last drill and the last full verification.

use jiff::Timestamp;

use super::case::Case;
use super::draft::Draft;
use super::verdict::{Finding, State, Subject};
use super::words::{age, at, objective, time};
use crate::history::{self, Record};

const PAST: &str = "Nothing can mend it, and a recovery from the newest base backup needs nothing of it: it goes with the older \
                    base backups, and the next verification after that finds no fault.";

/// `program` has the verbs `drill` and `verify`; `oldest` is when the oldest backup was begun. Nothing is
/// said where there is nothing yet to rehearse.
pub fn judge(
    case: &Case<'_>,
    subject: &Subject,
    record: &history::Subject,
    program: &str,
    oldest: Option<Timestamp>,
) -> Vec<Finding> {
    let (Some(oldest), Some(records)) = (oldest, case.gathered.records_of(record)) else {
        return Vec::new();
    };
    vec![
        drill(case, subject, program, records.drills.last()),
        verification(case, subject, program, records.verification.as_ref(), oldest),
    ]
}

fn drill(case: &Case<'_>, subject: &Subject, program: &str, last: Option<&Record>) -> Finding {
    let mut draft = Draft::new(subject.clone(), "drill", None);
    let objectives = &case.config.objectives;
    let Some(last) = last else {
        let hint = format!("`{program} drill` rehearses the restore of the newest backup.");
        draft.say(State::Warning, "none yet: nobody knows whether a restore works", hint);
        return draft.finding();
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
            State::Critical,
            format!("the last one failed, {}{failed}", at(last.ended)),
            format!("Mend what it found, then run `{program} drill` again."),
        );
        return draft.finding();
    }
    draft.measured("seawall_drill_age_seconds", old, limit);
    let text = format!("passed {} ago", time(old));
    match old > limit {
        true => draft.say(
            State::Warning,
            format!("{text}, expected at most {}", objective(objectives.drill_age)),
            format!("Does the timer of `{program} drill` run (systemctl list-timers)?"),
        ),
        false => draft.ok(text),
    }
    rto(case, last, &mut draft);
    draft.finding()
}

/// What its record says is wrong.
fn told(last: &Record) -> String {
    if last.found.is_empty() { String::new() } else { format!(": {}", last.found.join("; ")) }
}

fn rto(case: &Case<'_>, last: &Record, draft: &mut Draft) {
    if last.phases.is_empty() {
        return;
    }
    let (found, limit) = (last.rto_seconds(), case.config.objectives.rto);
    draft.measured("seawall_drill_rto_seconds", found, limit.as_secs_f64());
    let text = format!("restored in {}", time(found));
    match found > limit.as_secs_f64() {
        true => draft.say(
            State::Critical,
            format!("{text}, expected at most {}", objective(limit)),
            "More frequent backups leave less to replay; a local repository is read faster. Or raise objectives.rto.",
        ),
        false => draft.ok(text),
    }
}

fn verification(
    case: &Case<'_>,
    subject: &Subject,
    program: &str,
    last: Option<&Record>,
    oldest: Timestamp,
) -> Finding {
    let mut draft = Draft::new(subject.clone(), "verification", None);
    let wanted = case.config.objectives.verify_age;
    let hint = format!("`{program} verify` reads every byte.");
    let Some(last) = last else {
        match age(oldest, case.now) > wanted.as_secs_f64() {
            true => {
                let text = format!("none yet, expected one within {}", objective(wanted));
                draft.say(State::Warning, text, hint);
            }
            false => draft.ok("none yet"),
        }
        return draft.finding();
    };
    draft.number("seawall_verification_passed", f64::from(u8::from(last.passed)));
    if !last.passed {
        let text = format!("the last one found faults, {}{}", at(last.ended), told(last));
        let hint = format!("Mend what it names, then run `{program} verify` again.");
        match last.past {
            false => draft.say(State::Critical, text, hint),
            // The newest base backup needs nothing of it, and nobody has it any more.
            true => draft.say(State::Warning, text, PAST),
        }
        return draft.finding();
    }
    let old = age(last.ended, case.now);
    draft.measured("seawall_verification_age_seconds", old, wanted.as_secs_f64());
    let text = format!("no fault {} ago", time(old));
    match old > wanted.as_secs_f64() {
        true => {
            let text = format!("{text}, expected at most {}", objective(wanted));
            draft.say(State::Warning, text, hint);
        }
        false => draft.ok(text),
    }
    draft.finding()
}
