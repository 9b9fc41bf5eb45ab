//! The head of a page that has several clusters: how many of them are well, and a table in which each row leads to its
//! cluster.

use maud::{Markup, html};

use super::{brief, id, signs};
use crate::check::CheckState;
use crate::report::facts::{Facts, Tile};
use crate::report::words::{count, plain};

/// Only a page of more than one cluster has it.
pub fn overview(clusters: &[Facts]) -> Markup {
    let worst =
        clusters.iter().map(|facts| facts.headline().state).max().unwrap_or(CheckState::Unknown);
    let well = clusters.iter().filter(|facts| facts.headline().state == CheckState::Ok).count();
    let all = count(clusters.len() as u64, "cluster");
    html! {
        header {
            (signs::state(worst))
            h1 {
                @if well == clusters.len() { "All " (all) " are well." } @else { (well) " of " (all) " are well." }
            }
        }
        div class="scroll" {
            table {
                thead {
                    tr {
                        th { "Cluster" } th { "State" } th { "PostgreSQL" } th class="spare" { "Redis" } th class="spare" { "Media files" }
                    }
                }
                tbody { @for facts in clusters { (row(facts)) } }
            }
        }
    }
}

fn row(facts: &Facts) -> Markup {
    let [postgres, redis, media] = facts.tiles();
    html! {
        tr {
            td { a href=(format!("#{}", id(facts, "cluster"))) { (plain(&facts.cluster)) } }
            td class="nowrap" { (signs::state(facts.headline().state)) }
            td { (newest(facts, &postgres)) }
            td class="spare" { (newest(facts, &redis)) }
            td class="spare" { (newest(facts, &media)) }
        }
    }
}

fn newest(facts: &Facts, tile: &Tile) -> Markup {
    html! {
        @match (tile.state, tile.newest) {
            (None, _) => { span class="note" { "not configured" } },
            (_, Some(newest)) => { "to " (brief(facts, newest)) },
            (_, None) => { strong { "nothing" } },
        }
    }
}
