//! The sections on sizes: how base backups and WAL grow, what lies in which repository, and the backups of Redis and
//! media files.
//!
//! What a month adds to a repository are the bytes that came on the last whole days, taken for 30 days. Today is not over
//! and would look like a saving, and of too few days nothing is said.

use std::time::Duration;

use maud::{Markup, html};

use super::{brief, id, signs};
use crate::report::drawing::{self, Caption, sparkline};
use crate::report::facts::{ClusterFacts, RepositoryFacts, SeriesFacts, SystemFacts};
use crate::report::words::{between, count, plain, size, span};
use crate::report::zone::{DAYS, RATE};

/// What [`SeriesFacts::kind`] may be.
const KINDS: [&str; 2] = ["Redis", "Media files"];

const DAY_SECONDS: u64 = 86_400;

const MONTH_SECONDS: u64 = 30 * DAY_SECONDS;

/// Of a shorter time nothing is said of a month.
const LEAST_TIME: Duration = Duration::from_secs(3 * DAY_SECONDS);

/// How large backups and WAL are, and how they grow.
pub(crate) fn sizes(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
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
                    figcaption { "Stored size by day, in the repository that received most. Today is not over." }
                }
            }
        }
    }
}

/// What lies where, by kind.
pub(crate) fn places(facts: &ClusterFacts) -> Markup {
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
            p class="note" { (month_explained(facts)) }
        }
    }
}

fn row(facts: &ClusterFacts, at: usize, place: &RepositoryFacts, kinds: &[&str]) -> Markup {
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
            td class="number" { (month_told(facts, at)) }
        }
    }
}

/// What a month adds to the repository at this place, before retention takes off what is older.
fn monthly(facts: &ClusterFacts, place: usize) -> Option<u64> {
    let time = time_known(facts).filter(|time| *time >= LEAST_TIME)?;
    let series = facts.series.iter().filter_map(|it| it.came.get(place)).sum::<u64>();
    let came = facts.places.get(place)?.came + series;
    let month = u128::from(came) * u128::from(MONTH_SECONDS) / u128::from(time.as_secs());
    Some(month.try_into().unwrap_or(u64::MAX))
}

/// The same in words.
fn month_told(facts: &ClusterFacts, place: usize) -> String {
    monthly(facts, place).map_or_else(|| "not known yet".to_owned(), size)
}

/// What that goes by.
fn month_explained(facts: &ClusterFacts) -> String {
    match time_known(facts).filter(|time| *time >= LEAST_TIME) {
        None => {
            format!(
                "The page shows what a month adds once there are {} before today.",
                span(LEAST_TIME)
            )
        }
        Some(time) => format!(
            "What a month adds is the data of the {} before today, multiplied to 30 days. It does \
             not subtract what retention deletes, so a repository grows by less. For the bill of a store see docs/s3-providers.md.",
            span(time)
        ),
    }
}

/// How much of the days that count there was anything at all.
fn time_known(facts: &ClusterFacts) -> Option<Duration> {
    let days = facts.days.all(RATE);
    let begun = facts.begun()?.max(days.start);
    Some(between(begun, days.end)).filter(|_| begun < days.end)
}

/// Redis and media files.
pub(crate) fn series(facts: &ClusterFacts) -> Markup {
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

fn of_series(facts: &ClusterFacts, series: &SeriesFacts) -> Markup {
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
