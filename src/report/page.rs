//! The page: one file, nothing fetched, no script. Everything that stands in it goes through maud, which escapes it.
//!
//! `of_cluster` puts the sections of a cluster in order: `head`, `sentences`, `restore_commands`, `recovery`, `objectives`
//! and `sizes`; `signs` helps them.

mod head;
mod objectives;
mod recovery;
mod restore_commands;
mod sentences;
mod signs;
mod sizes;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::facts::{ClusterFacts, SystemFacts};
use super::words::plain;
use crate::check::CheckState;

/// Nothing may be loaded or run, whatever found its way into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The whole page: of one cluster, or of several, which follow one another.
pub fn html(clusters: &[ClusterFacts]) -> String {
    let names: Vec<String> = clusters.iter().map(|facts| plain(&facts.cluster)).collect();
    let worst = clusters.iter().map(|facts| facts.headline().state).max();
    let icon = signs::icon(worst.unwrap_or(CheckState::Unknown));
    let title = format!("Seawall: {}", names.join(", "));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                link rel="icon" href=(icon);
                style { (PreEscaped(include_str!("page/style.css"))) }
            }
            body {
                main {
                    @if clusters.len() > 1 { (head::overview(clusters)) }
                    @for facts in clusters { (of_cluster(facts)) }
                }
            }
        }
    };
    page.into_string()
}

fn of_cluster(facts: &ClusterFacts) -> Markup {
    html! {
        article id=(id(facts, "cluster")) {
            (sentences::headline(facts))
            (head::tiles(facts))
            (head::figures(facts))
            (sentences::next(facts))
            (restore_commands::restore_commands(facts))
            @for (at, system) in facts.systems.iter().enumerate().rev() {
                (of_system(facts, system, at))
            }
            (sizes::places(facts))
            (sizes::series(facts))
            (sentences::promises(facts))
            (sentences::footer(facts))
        }
    }
}

/// What tells a part of this cluster from that of another on the page.
fn id(facts: &ClusterFacts, part: &str) -> String {
    match facts.number {
        0 => part.to_owned(),
        number => format!("{part}-of-{}", number + 1),
    }
}

fn of_system(facts: &ClusterFacts, system: &SystemFacts, at: usize) -> Markup {
    let newest = at + 1 == facts.systems.len();
    html! {
        (recovery::recovery(facts, system, at, newest))
        @if newest {
            (objectives::exposed(facts, system))
            (objectives::rehearsed(facts, system))
            (sizes::sizes(facts, system))
        }
    }
}

/// A time that programs can read too.
fn time(facts: &ClusterFacts, at: jiff::Timestamp) -> Markup {
    html! { time datetime=(machine(at)) { (facts.zone.moment(at)) } }
}

/// The same, short, for a table.
fn brief(facts: &ClusterFacts, at: jiff::Timestamp) -> Markup {
    html! {
        time datetime=(machine(at)) title=(facts.zone.moment(at)) { (facts.zone.brief(at, facts.now)) }
    }
}

fn machine(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
