//! The sections on the two objectives: what could have been lost in the last days (RPO), and how fast a restore was
//! (RTO). Each is a sentence and a picture of `drawing::objectives`.
//!
//! An idle server sends no WAL, so the first section says apart how many hours nobody can judge. A failed drill says why
//! it failed, or where that is written down.

use std::time::Duration;

use maud::{Markup, html};

use super::{brief, id, signs};
use crate::history::Record;
use crate::report::drawing::{self, Caption, rehearsals};
use crate::report::facts::{ClusterFacts, Exposure, LimitKept, SystemFacts};
use crate::report::words::{count, plain, span, took};

/// Of fewer hours there is no course: the sentence tells it.
const LEAST_HOURS: usize = 6;

/// So many of the newest drills.
const LISTED: usize = 5;

/// So many reasons of one that failed.
const REASONS: usize = 3;

/// What could have been lost in the last days.
pub(crate) fn exposed(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    let Some(exposure) = system.exposure.as_ref().filter(|it| it.known() > 0) else {
        return html! {};
    };
    let objective = facts.objectives.rpo;
    let description = exposure_described(exposure, objective);
    let id = id(facts, "rpo");
    let caption = Caption {
        id: &id,
        title: "What could have been lost, hour by hour",
        description: &description,
        zone: &facts.zone,
    };
    html! {
        section {
            h2 { "How much could have been lost" }
            p { (description) }
            @if exposure.known() >= LEAST_HOURS {
                figure {
                    (drawing::exposure(caption, exposure, objective, facts.now))
                    (legend(exposure, objective))
                    figcaption {
                        "The longest time since the newest WAL of a repository, in the last 14 days: \
                         this much would have been lost if the server had died just before more \
                         WAL was stored. A server that writes nothing sends no WAL and loses \
                         nothing. So a long time without WAL is grey, unless WAL had piled up meanwhile."
                    }
                }
            }
        }
    }
}

fn exposure_described(exposure: &Exposure, objective: Duration) -> String {
    let counted = |kept| exposure.count(objective.as_secs(), kept);
    let (yes, unknown, no) =
        (counted(LimitKept::Yes), counted(LimitKept::Unknown), counted(LimitKept::No));
    let hours = |number: usize| count(number as u64, "hour");
    let objective = span(objective);
    let silent = match unknown {
        0 => String::new(),
        _ => format!(
            "In {} no WAL was stored within the objective, and none had piled up: the server was idle, or wrote less than a segment.",
            hours(unknown)
        ),
    };
    if yes + no == 0 {
        return format!("Whether the objective of {objective} was kept is not known. {silent}");
    }
    let mut kept =
        format!("The objective of {objective} was kept in {yes} of {}.", hours(yes + no));
    if no > 0 {
        let worst = span(Duration::from_secs(exposure.worst().unwrap_or(0)));
        kept += &format!(" At worst it was {worst}.");
    }
    format!("{kept} {silent}").trim_end().to_owned()
}

/// What the colours mean, of those that there are.
fn legend(exposure: &Exposure, objective: Duration) -> Markup {
    let all = [
        (LimitKept::Yes, "within", "within the objective"),
        (LimitKept::Unknown, "quiet", "nothing came: the server was idle, or wrote little"),
        (LimitKept::No, "over", "WAL came too late"),
    ];
    let there = all.iter().filter(|(kept, ..)| exposure.count(objective.as_secs(), *kept) > 0);
    html! {
        ul class="legend" {
            @for (_, class, meaning) in there {
                li {
                    svg viewBox="0 0 18 18" aria-hidden="true" { rect class=(class) x="0" y="4" width="18" height="10" {} }
                    (meaning)
                }
            }
        }
    }
}

/// How fast a restore was, each time it was rehearsed.
pub(crate) fn rehearsed(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    let drills = &system.drills;
    let objective = facts.objectives.rto;
    html! {
        section {
            h2 { "How fast it is restored" }
            @if let Some(last) = drills.last() {
                @let description = drills_described(drills, last);
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

fn drills_described(drills: &[Record], last: &Record) -> String {
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

fn table(facts: &ClusterFacts, drills: &[Record]) -> Markup {
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
