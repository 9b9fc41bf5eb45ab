//! The plan of a restore for people.

use std::fmt::Write as _;

use bytesize::ByteSize;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::plan::RestorePlan;
use super::recovery_target::{RecoveryTarget, RestoreTarget, in_utc};
use super::target_search::Located;
use super::target_time::{in_both, local_zone};
use crate::basebackup::windows::{Left, LivesOn};
use crate::postgres::Lsn;
use crate::words::plain;

/// A line for each thing that there is to say.
#[derive(Default)]
struct PlanLines(String);

impl PlanLines {
    fn line(&mut self, what: &str, value: &str) {
        // A label comes from a repository.
        let _ = writeln!(self.0, "{what:<12}{}", plain(value));
    }
}

impl RestorePlan<'_> {
    /// The plan for people. `names` are those of the repositories, `opened` the places of those that gave what was tried, `room`
    /// is what is free where the files go, in bytes.
    pub fn describe(
        &self,
        wanted: &RestoreTarget<'_>,
        names: &[&str],
        opened: &[usize],
        room: Option<u64>,
    ) -> String {
        let mut text = PlanLines::default();
        let stored: Vec<&str> = opened.iter().map(|at| names[*at]).collect();
        self.describe_backup(&mut text, &stored.join(", then "), room);
        self.describe_wal(&mut text, wanted.target);
        self.describe_target(&mut text, wanted);
        text.0
    }

    fn describe_backup(&self, text: &mut PlanLines, from: &str, room: Option<u64>) {
        let facts = &self.backup.facts;
        text.line("backup", &format!("{} ({})", self.backup.id, facts.label));
        text.line("taken", &format!("{} to {}", in_utc(facts.start.time), in_utc(facts.stop.time)));
        text.line("from", from);
        text.line("system", &self.backup.system.to_string());
        text.line("files", &format!("{} to write", ByteSize(facts.size)));
        if let Some(room) = room {
            text.line("room", &format!("{} free", ByteSize(room)));
        }
    }

    fn describe_wal(&self, text: &mut PlanLines, target: &RecoveryTarget) {
        let (facts, reach) = (&self.backup.facts, self.choice.reach);
        let timeline = self.choice.timeline.number();
        text.line(
            "WAL",
            &format!("{} to {reach} on timeline {timeline}, without a gap", facts.start.lsn),
        );
        if let Some(resumes) = self.resumes {
            text.line(
                "gap",
                &format!(
                    "then WAL is missing up to {resumes}: a recovery beyond {reach} stops with an error"
                ),
            );
        }
        if let Some(dropped) = self.dropped {
            let beyond = match self.resumes {
                Some(_) => String::new(),
                None => format!(": a recovery beyond {reach} stops with an error"),
            };
            text.line("gap", &format!("{dropped}{beyond}"));
        }
        if self.ends_at_a_gap() && *target == RecoveryTarget::Latest {
            let stop = facts.stop.lsn;
            text.line(
                "beware",
                &format!(
                    "without a target the server recovers into that gap and stops. To end before \
                     the gap: --target-lsn or --target-time; to end with the backup, at \
                     {stop}: --target-immediate"
                ),
            );
        }
        if let Some(LivesOn { place, end }) = self.lives_on {
            let (left, followed) = (place.timeline.number(), timeline);
            text.line(
                "beware",
                &format!(
                    "timeline {left} went on to {end} behind {}, where it was left for timeline {followed}: \
                     this restore does not contain what was written there. If timeline {followed} was a mistake or a test: --target-timeline {left}",
                    place.lsn
                ),
            );
        }
        if let (false, Some(left)) = (self.ends_at_a_gap(), self.left) {
            let what = if left.missing { "gap" } else { "beware" };
            text.line(what, &unbegun(left, reach));
        }
        for name in &self.beyond {
            let what = format!("{name} is a second content of its segment, and is not replayed");
            text.line("beware", &what);
        }
    }

    fn describe_target(&self, text: &mut PlanLines, wanted: &RestoreTarget<'_>) {
        text.line("target", &target(wanted.target, wanted.inclusive, self.located.as_ref()));
        if let Some(older) = self.older.first() {
            let stop = in_utc(self.backup.facts.stop.time);
            text.line("older", &format!("if it lies before {stop}: --backup {older}"));
        }
        if let Some(stored) = self.falls_short(wanted.target) {
            let stored = in_utc(stored);
            text.line(
                "beware",
                &format!(
                    "this WAL was stored by {stored}, before the target: the server will not start"
                ),
            );
        }
    }

    /// When the last WAL was stored, if that was before the target. Clocks may differ, so that is no reason to
    /// refuse it.
    fn falls_short(&self, target: &RecoveryTarget) -> Option<Timestamp> {
        let RecoveryTarget::Time(time) = target else { return None };
        // Some stores tell whole seconds only.
        self.stored.filter(|stored| *time >= *stored + SignedDuration::from_secs(1))
    }
}

/// A history is archived at once, the first segment of its timeline only when it is full.
fn unbegun(left: Left, reach: Lsn) -> String {
    let (timeline, by, at) = (left.place.timeline.number(), left.by.number(), left.place.lsn);
    match left.missing {
        true => format!(
            "then WAL is missing up to {at}, where timeline {by} left timeline {timeline}: \
             a recovery beyond {reach} stops with an error"
        ),
        false => format!(
            "timeline {by} has archived nothing yet: it ends where that left timeline {timeline}, at {at}. \
             If timeline {by} was a mistake, continue with --target-timeline {timeline}"
        ),
    }
}

fn target(target: &RecoveryTarget, inclusive: bool, located: Option<&Located>) -> String {
    let side = if inclusive { "" } else { ", not included" };
    let place = match located {
        Some(Located::At { lsn, .. }) => format!("at {lsn}"),
        Some(Located::Nowhere) => {
            "which was not found in the WAL: the server will hardly reach it".to_owned()
        }
        None => "whether it is in this WAL shows only in the recovery".to_owned(),
    };
    match target {
        RecoveryTarget::Latest => "as far as the WAL goes".to_owned(),
        RecoveryTarget::Immediate => "the end of the backup".to_owned(),
        RecoveryTarget::Time(time) => {
            // Where the zone is not known, the time was given with one.
            let zone = local_zone().unwrap_or(TimeZone::UTC);
            format!("{}{side}", in_both(*time, &zone))
        }
        RecoveryTarget::Lsn(lsn) => format!("LSN {lsn}{side}"),
        RecoveryTarget::Xid(xid) => format!("transaction {xid}{side} ({place})"),
        RecoveryTarget::Name(name) => format!("restore point {name:?} ({place})"),
    }
}
