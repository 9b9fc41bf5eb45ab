//! The section on what can be restored of one system: the picture of its windows, near and far, and tables of its gaps,
//! its base backups and what retention deletes next. A system from before a `pg_upgrade` has such a section, too.

use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

use super::{brief, id, signs};
use crate::report::drawing::{Caption, DrawnPeriod, timelines};
use crate::report::facts::{
    BaseBackup, CanRestore, ClusterFacts, Going, SystemFacts, TimelineFacts, WalGap,
};
use crate::report::words::{between, count, plain, size, span};
use crate::report::zone::PageZone;

/// The near picture shows so many days; the far one is drawn where there is half as much again.
const NEAR_DAYS: i64 = 14;

/// Base backups that are listed without asking.
const LISTED: usize = 7;

/// So many of those that retention deletes next are listed.
const GOING_LISTED: usize = 12;

/// The words of PostgreSQL that the picture needs.
const EXPLAINED: &str = "WAL is the record that PostgreSQL keeps of every change. \
                         With a base backup and all WAL since, you can restore any later moment; \
                         missing WAL is a gap. A new timeline begins when a standby takes \
                         over, or after a restore.";

/// What can be restored of one system.
pub(crate) fn recovery(
    facts: &ClusterFacts,
    system: &SystemFacts,
    at: usize,
    newest: bool,
) -> Markup {
    let oldest = oldest(system).unwrap_or(facts.now);
    let near = facts.now.checked_sub((NEAR_DAYS * 24).hours()).unwrap_or(oldest);
    let far = facts.now.checked_sub((NEAR_DAYS * 36).hours()).unwrap_or(oldest);
    let recent =
        system.backups.last().is_some_and(|it| it.ended > near) || system.newest_wal > Some(near);
    html! {
        section {
            h2 { @if newest { "What can be restored" } @else { "Before the upgrade" } }
            p class="note" { "PostgreSQL " (system.postgres) ", system " (system.identifier) }
            @if newest { p { (EXPLAINED) } }
            @if recent {
                @let title = if oldest > near { "From the beginning" } else { "The last 14 days" };
                (figure(facts, system, &id(facts, &format!("near{at}")), title, DrawnPeriod { from: near.max(oldest), to: facts.now }))
            }
            @if !recent || oldest < far {
                (figure(facts, system, &id(facts, &format!("far{at}")), "Since the oldest base backup", DrawnPeriod { from: oldest, to: facts.now }))
            }
            (signs::legend(system))
            (gaps(facts, system))
            (unknown_ancestors(system))
            (second_contents(system))
            (backups(facts, system))
            @if newest { (going(facts, system)) }
        }
    }
}

fn oldest(system: &SystemFacts) -> Option<Timestamp> {
    let backups = system.backups.iter().map(|backup| backup.began);
    let stretches = system.lines.iter().flat_map(|line| &line.stretches);
    backups.chain(stretches.filter_map(|stretch| stretch.from)).min()
}

fn figure(
    facts: &ClusterFacts,
    system: &SystemFacts,
    id: &str,
    title: &str,
    period: DrawnPeriod,
) -> Markup {
    let description = described(system, &facts.zone);
    let caption = Caption { id, title, description: &description, zone: &facts.zone };
    html! {
        h3 { (title) }
        figure { (timelines(caption, system, period)) }
    }
}

/// The picture in words.
fn described(system: &SystemFacts, zone: &PageZone) -> String {
    let line = |line: &TimelineFacts| {
        let windows = line.stretches.iter().filter_map(|it| Some((it.restorable?, it.to?)));
        let windows = windows
            .map(|(from, to)| format!("{} to {}", zone.day_and_hour(from), zone.day_and_hour(to)))
            .collect::<Vec<_>>();
        let reach = if windows.is_empty() { "nothing".to_owned() } else { windows.join(", ") };
        let gaps = line.gaps.iter().filter(|gap| !gap.not_kept).count();
        let gaps = count(gaps as u64, "gap");
        format!("Timeline {}: restorable {reach}; {gaps}.", line.timeline)
    };
    let lines: Vec<String> = system.lines.iter().rev().take(5).map(line).collect();
    format!("{} {}", count(system.backups.len() as u64, "base backup") + ".", lines.join(" "))
}

fn gaps(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    let all: Vec<&WalGap> = system.lines.iter().flat_map(|line| &line.gaps).collect();
    html! {
        @if !all.is_empty() {
            h3 { "Gaps" }
            div class="scroll" {
                table {
                    thead { tr { th { "Between" } th { "Missing" } th { "Segments" } } }
                    tbody {
                        @for gap in all.iter().rev().take(20) {
                            tr {
                                td { (moments(facts, gap)) }
                                td class="nowrap" {
                                    (count(gap.segments, "segment"))
                                    @if gap.not_kept { ", not kept: before the WAL window" }
                                }
                                td {
                                    code { (gap.first) } @if gap.segments > 1 { " to " code { (gap.last) } }
                                    @if let Some(dropped) = &gap.dropped { br; (dropped) }
                                }
                            }
                        }
                    }
                }
            }
            @if all.len() > 20 { p class="note" { "And " (all.len() - 20) " older ones: basebackup list names them all." } }
        }
    }
}

fn moments(facts: &ClusterFacts, gap: &WalGap) -> Markup {
    let known =
        |at: Option<Timestamp>| html! { @match at { Some(at) => (brief(facts, at)), None => "?" } };
    html! { (known(gap.from)) " and " (known(gap.to)) }
}

fn unknown_ancestors(system: &SystemFacts) -> Markup {
    let lost: Vec<String> = system
        .lines
        .iter()
        .filter(|line| !line.followed)
        .map(|line| line.timeline.to_string())
        .collect();
    html! {
        @if !lost.is_empty() {
            p class="note" { "What leads to timeline " (lost.join(", ")) " is not known: its history can't be read here." }
        }
    }
}

fn second_contents(system: &SystemFacts) -> Markup {
    html! {
        @if system.second_contents > 0 {
            p class="note" {
                (count(system.second_contents, "second content"))
                " of segments in which a timeline was left: kept, and not replayed. basebackup list names them."
            }
        }
    }
}

fn backups(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    let (older, newer) = system.backups.split_at(system.backups.len().saturating_sub(LISTED));
    html! {
        h3 { "Base backups" }
        (table(facts, newer))
        @if !older.is_empty() {
            details {
                summary { (count(older.len() as u64, "older base backup")) }
                (table(facts, older))
            }
        }
    }
}

fn table(facts: &ClusterFacts, backups: &[BaseBackup]) -> Markup {
    html! {
        div class="scroll" {
            table {
                thead {
                    tr {
                        th { "Ended" } th { "Label" } th class="number spare" { "Size" } th class="number" { "Stored" }
                        th class="number spare" { "Took" } th class="spare" { "Lies in" } th { "Restorable" }
                    }
                }
                tbody { @for backup in backups.iter().rev() { (row(facts, backup)) } }
            }
        }
    }
}

fn row(facts: &ClusterFacts, backup: &BaseBackup) -> Markup {
    html! {
        tr {
            td class="nowrap" title=(plain(&backup.id)) { (brief(facts, backup.ended)) }
            td class="label" { (plain(&backup.label)) @if backup.pinned { " (pinned)" } }
            td class="number spare" { (size(backup.size)) }
            td class="number" { (size(backup.stored)) }
            td class="number spare" { (span(between(backup.began, backup.ended))) }
            td class="spare" { (backup.places.join(", ")) }
            td class="long" {
                @match &backup.restore {
                    CanRestore::Yes => "yes",
                    CanRestore::No(reason) => { strong { "no" } ": " (plain(reason)) },
                    CanRestore::Unknown(reason) => { "perhaps: " (plain(reason)) },
                }
                @if backup.checksum_failures { "; the server found wrong page checksums" }
            }
        }
    }
}

/// What retention deletes next, with the reason for each, so that a base backup can be pinned in time.
fn going(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    let Some(going) = &system.going else { return html! {} };
    let bytes = going.iter().map(|it| it.bytes).sum();
    html! {
        h3 { "What retention deletes next" }
        @if going.is_empty() {
            p { "Nothing: each base backup is still within what is to be kept." }
        } @else {
            p {
                "The next " code { "basebackup prune" } " deletes " (count(going.len() as u64, "base backup")) ", "
                (size(bytes)) " in all, and the WAL that only " @if going.len() == 1 { "it" } @else { "they" } " needed. "
                code { "basebackup pin" } " keeps one."
            }
            div class="scroll" {
                table {
                    thead { tr { th { "Ended" } th { "Lies in" } th class="number" { "Takes" } th { "Why" } } }
                    tbody { @for one in going.iter().take(GOING_LISTED) { (going_row(facts, one)) } }
                }
            }
            @if going.len() > GOING_LISTED { p class="note" { "And " (going.len() - GOING_LISTED) " younger ones." } }
        }
    }
}

fn going_row(facts: &ClusterFacts, one: &Going) -> Markup {
    html! {
        tr {
            td class="nowrap" title=(plain(&one.id)) { (brief(facts, one.ended)) }
            td { (plain(&one.place)) }
            td class="number" { (size(one.bytes)) }
            td class="long" { (plain(&one.reason)) }
        }
    }
}
