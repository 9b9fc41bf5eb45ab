//! The sections on sizes: how base backups and WAL grow, what lies in which repository, and the backups of Redis and
//! media files.

use maud::{Markup, html};

use super::{brief, growth, id, signs};
use crate::report::drawing::{self, Caption, sparkline};
use crate::report::facts::{DAYS, Facts, Place, Series, System};
use crate::report::words::{between, count, plain, size, span};

/// What [`Series::kind`] may be.
const KINDS: [&str; 2] = ["Redis", "Media files"];

/// How large backups and WAL are, and how they grow.
pub fn sizes(facts: &Facts, system: &System) -> Markup {
    let sizes: Vec<_> = system.backups.iter().map(|it| (it.ended, it.stored)).collect();
    let newest = sizes.last().map_or(0, |(_, bytes)| *bytes);
    let oldest = sizes.first().map_or(0, |(_, bytes)| *bytes);
    let base = match sizes.len() {
        1 => format!("1 base backup, which takes {}.", size(newest)),
        many => format!(
            "{}; the newest takes {}, the oldest {}.",
            count(many as u64, "base backup"),
            size(newest),
            size(oldest)
        ),
    };
    // Today is not over, and would look like a saving.
    let whole_days = &system.wal_per_day[..DAYS - 1];
    let with_wal = whole_days.iter().filter(|bytes| **bytes > 0).count().max(1) as u64;
    let of_whole_days: u64 = whole_days.iter().sum();
    let wal = match (of_whole_days, system.wal_per_day[DAYS - 1]) {
        (0, 0) => "No WAL came in the last 30 days.".to_owned(),
        (0, today) => format!("{} of WAL came so far, all of it today.", size(today)),
        (sum, _) => format!("{} of WAL on an average day of the last 30.", size(sum / with_wal)),
    };
    html! {
        section {
            h2 { "Sizes and growth" }
            p { (base) " " (wal) }
            // One line, or one bar, is no course: the sentence tells it.
            @if sizes.len() > 1 {
                @let id = id(facts, "sizes");
                h3 { "Base backups as stored" }
                figure {
                    (drawing::backups(Caption { id: &id, title: "Stored size of each base backup", description: &base, zone: &facts.zone }, &sizes, facts.now))
                }
            }
            @if of_whole_days > 0 {
                @let id = id(facts, "wal");
                h3 { "WAL per day" }
                figure {
                    (drawing::wal(Caption { id: &id, title: "WAL stored on each day", description: &wal, zone: &facts.zone }, &system.wal_per_day, &facts.days))
                    figcaption { "As stored, by the day it came, in the repository that got most. Today is not over." }
                }
            }
        }
    }
}

/// What lies where, by kind.
pub fn places(facts: &Facts) -> Markup {
    let kinds: Vec<&str> =
        KINDS.into_iter().filter(|kind| facts.series.iter().any(|it| it.kind == *kind)).collect();
    html! {
        section {
            h2 { "Where it lies" }
            div class="scroll" {
                table {
                    thead {
                        tr {
                            th { "Repository" } th class="number spare" { "Base backups" } th class="number spare" { "WAL" }
                            @for kind in &kinds { th class="number spare" { (kind) } }
                            th class="number" { "Together" } th class="number" { "A month adds" }
                        }
                    }
                    tbody { @for (at, place) in facts.places.iter().enumerate() { (row(facts, at, place, &kinds)) } }
                }
            }
            p class="note" { (growth::explained(facts)) }
        }
    }
}

fn row(facts: &Facts, at: usize, place: &Place, kinds: &[&str]) -> Markup {
    let stored = |kind: &str| -> u64 {
        facts.series.iter().filter(|it| it.kind == kind).filter_map(|it| it.stored.get(at)).sum()
    };
    let series: u64 = kinds.iter().map(|kind| stored(kind)).sum();
    let encrypted = if place.encrypts { "encrypted" } else { "not encrypted" };
    html! {
        tr {
            td class="long" {
                strong { (plain(&place.name)) } br;
                code { (plain(&place.place)) } br;
                (encrypted)
                @if let Some(trouble) = &place.trouble { br; strong { "Did not answer: " } (plain(trouble)) }
            }
            td class="number spare" { (size(place.base_backups)) }
            td class="number spare" { (size(place.wal)) }
            @for kind in kinds { td class="number spare" { (size(stored(kind))) } }
            td class="number" { strong { (size(place.base_backups + place.wal + series)) } }
            td class="number" { (growth::told(facts, at)) }
        }
    }
}

/// Redis and media files.
pub fn series(facts: &Facts) -> Markup {
    html! {
        section {
            h2 { "Redis and media files" }
            @if !facts.series.is_empty() {
                div class="scroll" {
                    table {
                        thead {
                            tr {
                                th { "Of" } th { "Newest" } th class="spare" { "Holds" } th { "Rehearsed" }
                                th class="spare" { "Course of the size" } th class="number" { "Backups" }
                            }
                        }
                        tbody { @for series in &facts.series { (of_series(facts, series)) } }
                    }
                }
            } @else {
                p { "There are no backups of a Redis, and no media set is configured." }
            }
        }
    }
}

fn of_series(facts: &Facts, series: &Series) -> Markup {
    let sizes: Vec<u64> = series.backups.iter().map(|backup| backup.stored).collect();
    let pinned = series.backups.iter().filter(|backup| backup.pinned).count();
    let damaged = series.backups.iter().filter(|backup| !backup.whole).count();
    html! {
        tr {
            td {
                strong { (plain(&series.name)) } br; (series.kind)
                @if !series.watched { br; span class="note" { "not configured here" } }
            }
            @if let Some(newest) = series.newest() {
                td class="nowrap" title=(plain(&newest.id)) { (brief(facts, newest.ended)) br; (span(between(newest.ended, facts.now))) " old" }
                td class="spare" {
                    (plain(&newest.content)) br; (size(newest.stored)) " stored"
                    @if !newest.label.is_empty() { br; (plain(&newest.label)) }
                }
            } @else {
                td { "none" @if series.partly { " in the repositories that answered" } } td class="spare" {}
            }
            td {
                @match &series.drill {
                    Some(drill) => { (signs::outcome(drill.passed)) br; (brief(facts, drill.ended)) },
                    None => "never",
                }
            }
            td class="spare" { (sparkline(&sizes)) }
            td class="number" {
                (series.backups.len()) br; (size(series.stored.iter().sum()))
                @if pinned > 0 { br; (pinned) " pinned" }
                @if damaged > 0 { br; strong { (damaged) " damaged" } }
            }
        }
    }
}
