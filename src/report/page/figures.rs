//! The four figures of a cluster: how far back, how much would be lost now, how long a restore takes, how many base
//! backups. All four are of the system that is backed up now.

use maud::{Markup, html};

use crate::report::facts::{Facts, System};
use crate::report::words::{between, count, span, took};

/// The four numbers that say most.
pub fn figures(facts: &Facts) -> Markup {
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

fn reach(facts: &Facts, system: &System) -> Markup {
    match system.window() {
        Some(window) => {
            let back = span(between(window.from, facts.now));
            figure("Reaches back", &back, &format!("to {}", facts.zone.moment(window.from)))
        }
        None => figure("Reaches back", "not at all", "no WAL follows a base backup"),
    }
}

/// What the check found, who may have asked the server; else how old the newest WAL is.
fn loss(facts: &Facts, system: &System) -> Markup {
    let newest = system.newest_wal.map(|newest| between(newest, facts.now));
    let now = facts.rpo_now().or(newest).map(span);
    let objective = format!("objective {}", span(facts.objectives.rpo));
    figure("At most lost now", now.as_deref().unwrap_or("not known"), &objective)
}

fn speed(facts: &Facts, system: &System) -> Markup {
    let last = system.drills.iter().rfind(|drill| drill.passed);
    let took = last.map_or("not known".to_owned(), |drill| took(drill.rto_seconds()));
    figure("A restore takes", &took, &format!("objective {}", span(facts.objectives.rto)))
}

fn backups(facts: &Facts, system: &System) -> Markup {
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
