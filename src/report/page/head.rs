//! What stands at the top: of a page of several clusters a table of them, and of each cluster its three tiles and its
//! four figures. `facts::summary` decides what a tile says; this file decides how it looks.

use maud::{Markup, html};

use super::{brief, id, signs};
use crate::check::CheckState;
use crate::report::facts::{ClusterFacts, SystemFacts, Tile};
use crate::report::words::{between, count, plain, span, took};

/// How many of several clusters are well, and a table in which each row leads to its cluster. Only a page of more than one cluster has it.
pub(super) fn overview(clusters: &[ClusterFacts]) -> Markup {
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
                tbody { @for facts in clusters { (cluster_row(facts)) } }
            }
        }
    }
}

fn cluster_row(facts: &ClusterFacts) -> Markup {
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

fn newest(facts: &ClusterFacts, tile: &Tile) -> Markup {
    html! {
        @match (tile.state, tile.newest) {
            (None, _) => { span class="note" { "not configured" } },
            (_, Some(newest)) => { "to " (brief(facts, newest)) },
            (_, None) => { strong { "nothing" } },
        }
    }
}

/// PostgreSQL, Redis and media files beside one another: how each stands, how new and how old what can be restored is.
pub(crate) fn tiles(facts: &ClusterFacts) -> Markup {
    html! {
        ul class="tiles" {
            @for one in facts.tiles() { li { (tile(facts, &one)) } }
        }
    }
}

fn tile(facts: &ClusterFacts, tile: &Tile) -> Markup {
    html! {
        p class="kind" { strong { (tile.name) } " " span class="note" { (plain(&tile.of)) } }
        @match tile.state {
            Some(state) => {
                (signs::state(state))
                dl {
                    dt { "Newest" }
                    dd {
                        @match tile.newest {
                            Some(newest) => { (brief(facts, newest)) span class="note" { (span(between(newest, facts.now))) " old" } },
                            None => "none",
                        }
                    }
                    dt { "Reaches back to" }
                    dd {
                        @match tile.oldest {
                            Some(oldest) => { (brief(facts, oldest)) span class="note" { (span(between(oldest, facts.now))) } },
                            None => "nothing",
                        }
                    }
                }
            },
            None => { (signs::absent()) p class="note" { "No backups are configured." } },
        }
    }
}

/// The four numbers that say most, all of the system that is backed up now.
pub(super) fn figures(facts: &ClusterFacts) -> Markup {
    let Some(system) = facts.system() else { return html! {} };
    html! {
        dl class="figures" {
            (reach(facts, system))
            (loss(facts, system))
            (speed(facts, system))
            (backups(facts, system))
        }
    }
}

fn figure(name: &str, value: &str, beside: &str) -> Markup {
    html! { div { dt { (name) } dd class="value" { (value) } dd class="beside" { (beside) } } }
}

fn reach(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    match system.window() {
        Some(window) => {
            let back = span(between(window.from, facts.now));
            figure("Reaches back", &back, &format!("to {}", facts.zone.moment(window.from)))
        }
        None => figure("Reaches back", "not at all", "no WAL follows a base backup"),
    }
}

/// What the check found, who may have asked the server; else how old the newest WAL is.
fn loss(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    let newest = system.newest_wal.map(|newest| between(newest, facts.now));
    let now = facts.rpo_now().or(newest).map(span);
    let objective = format!("objective {}", span(facts.objectives.rpo));
    figure("At most lost now", now.as_deref().unwrap_or("not known"), &objective)
}

fn speed(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    let last = system.drills.iter().rfind(|drill| drill.passed);
    let took = last.map_or("not known".to_owned(), |drill| took(drill.rto_seconds()));
    figure("A restore takes", &took, &format!("objective {}", span(facts.objectives.rto)))
}

fn backups(facts: &ClusterFacts, system: &SystemFacts) -> Markup {
    let answered = facts.places.iter().filter(|place| place.trouble.is_none()).count();
    let all = facts.places.len();
    let places = match answered == all {
        true if all == 1 => "in 1 repository".to_owned(),
        true => format!("in {all} repositories"),
        false => format!(
            "{answered} of {} answered",
            count(all as u64, "repository").replace("ys", "ies")
        ),
    };
    figure("Base backups", &system.restorable().to_string(), &places)
}
