//! The table of the base backups that retention deletes next, with the reason for each, so that a base backup can be
//! pinned in time. `facts::retention` made the list.

use maud::{Markup, html};

use super::brief;
use crate::report::facts::{Facts, Going, System};
use crate::report::words::{count, plain, size};

/// So many are listed.
const LISTED: usize = 12;

/// What retention deletes next.
pub fn going(facts: &Facts, system: &System) -> Markup {
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
                    tbody { @for one in going.iter().take(LISTED) { (row(facts, one)) } }
                }
            }
            @if going.len() > LISTED { p class="note" { "And " (going.len() - LISTED) " younger ones." } }
        }
    }
}

fn row(facts: &Facts, one: &Going) -> Markup {
    html! {
        tr {
            td class="nowrap" title=(plain(&one.id)) { (brief(facts, one.ended)) }
            td { (plain(&one.place)) }
            td class="number" { (size(one.bytes)) }
            td class="long" { (plain(&one.reason)) }
        }
    }
}
