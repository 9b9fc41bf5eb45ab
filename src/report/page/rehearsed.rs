//! The section on how fast a restore was: a sentence, the picture of `drawing::rehearsals`, and a table of the newest
//! drills. A failed drill says why it failed, or where that is written down.

use maud::{Markup, html};

use super::{brief, id, signs};
use crate::history::Record;
use crate::report::drawing::{Caption, rehearsals};
use crate::report::facts::{Facts, System};
use crate::report::words::{count, plain, span, took};

const LISTED: usize = 5;

/// Of one that failed.
const REASONS: usize = 3;

/// How fast a restore was, each time it was rehearsed.
pub fn rehearsed(facts: &Facts, system: &System) -> Markup {
    let drills = &system.drills;
    let objective = facts.objectives.rto;
    html! {
        section {
            h2 { "How fast it is restored" }
            @if let Some(last) = drills.last() {
                @let description = described(drills, last);
                @let title = "How long each rehearsed restore took";
                p { (description) " The objective is " (span(objective)) "." }
                // One point is no course.
                @if drills.len() > 1 {
                    @let id = id(facts, "rto");
                    figure {
                        (rehearsals(Caption { id: &id, title, description: &description, zone: &facts.zone }, drills, objective, facts.now))
                        figcaption {
                            "Each point is a restore into a scratch directory with a real PostgreSQL: fetching and replaying, \
                             without the checks that follow. A cross is one that failed."
                        }
                    }
                }
                (table(facts, drills))
            } @else {
                p { "No restore was rehearsed yet. " code { "basebackup drill" } " does it, and measures." }
            }
        }
    }
}

fn described(drills: &[Record], last: &Record) -> String {
    let failed = drills.iter().filter(|drill| !drill.passed).count() as u64;
    let many = count(drills.len() as u64, "rehearsal");
    if failed > 1 && failed == drills.len() as u64 {
        return format!("{many}, all of them failed.");
    }
    let failures = if failed > 0 { format!(", {failed} of them failed") } else { String::new() };
    let last = match last.passed {
        true => format!("the last one took {}", took(last.rto_seconds())),
        false => "the last one failed".to_owned(),
    };
    format!("{many}{failures}; {last}.")
}

fn table(facts: &Facts, drills: &[Record]) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead {
                    tr {
                        th { "Rehearsed" } th { "Outcome" } th class="number" { "Until usable" }
                        th class="spare" { "Fetch, replay, checks" } th class="spare" { "From" }
                    }
                }
                tbody {
                    @for drill in drills.iter().rev().take(LISTED) {
                        tr {
                            td class="nowrap" { (brief(facts, drill.ended)) }
                            td class="long" { (outcome(drill)) }
                            td class="number" { (took(drill.rto_seconds())) }
                            td class="spare" { (phases(drill)) }
                            td class="spare" { (plain(drill.repository.as_deref().unwrap_or(""))) }
                        }
                    }
                }
            }
        }
    }
}

fn outcome(drill: &Record) -> Markup {
    let failed = drill.checks.iter().filter(|check| !check.passed);
    let failed: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
    html! {
        (signs::outcome(drill.passed))
        @if !failed.is_empty() { ": " (plain(&failed.join(", "))) }
        @if !drill.passed {
            @for reason in drill.found.iter().take(REASONS) { span class="reason" { (plain(reason)) } }
            @if drill.found.is_empty() && failed.is_empty() {
                span class="reason" { "Its record does not say why: the journal of its unit does." }
            }
        }
    }
}

fn phases(drill: &Record) -> String {
    let phases = drill.phases.iter().map(|phase| format!("{} {}", phase.name, took(phase.seconds)));
    plain(&phases.collect::<Vec<_>>().join(", "))
}
