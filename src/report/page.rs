//! The page: one file, nothing fetched, no script. Everything that stands in it goes through maud, which escapes it.
//!
//! `of_cluster` puts the sections of a cluster in order, and each section has a file; `signs`, `icon`, `growth` and
//! `runbook` help them.

mod exposed;
mod figures;
mod going;
mod growth;
mod icon;
mod overview;
mod recovery;
mod rehearsed;
mod runbook;
mod signs;
mod stored;
mod tiles;
mod told;
mod typed;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::facts::{Facts, System};
use super::words::plain;
use crate::check::CheckState;

/// Nothing may be loaded or run, whatever found its way into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The whole page: of one cluster, or of several, which follow one another.
pub fn html(clusters: &[Facts]) -> String {
    let names: Vec<String> = clusters.iter().map(|facts| plain(&facts.cluster)).collect();
    let worst = clusters.iter().map(|facts| facts.headline().state).max();
    let icon = icon::icon(worst.unwrap_or(CheckState::Unknown));
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
                    @if clusters.len() > 1 { (overview::overview(clusters)) }
                    @for facts in clusters { (of_cluster(facts)) }
                }
            }
        }
    };
    page.into_string()
}

fn of_cluster(facts: &Facts) -> Markup {
    html! {
        article id=(id(facts, "cluster")) {
            (told::headline(facts))
            (tiles::tiles(facts))
            (figures::figures(facts))
            (told::next(facts))
            (typed::typed(facts))
            @for (at, system) in facts.systems.iter().enumerate().rev() {
                (of_system(facts, system, at))
            }
            (stored::places(facts))
            (stored::series(facts))
            (told::promises(facts))
            (told::footer(facts))
        }
    }
}

/// What tells a part of this cluster from that of another on the page.
fn id(facts: &Facts, part: &str) -> String {
    match facts.number {
        0 => part.to_owned(),
        number => format!("{part}-of-{}", number + 1),
    }
}

fn of_system(facts: &Facts, system: &System, at: usize) -> Markup {
    let newest = at + 1 == facts.systems.len();
    html! {
        (recovery::recovery(facts, system, at, newest))
        @if newest {
            (exposed::exposed(facts, system))
            (rehearsed::rehearsed(facts, system))
            (stored::sizes(facts, system))
        }
    }
}

/// A time that programs can read too.
fn time(facts: &Facts, at: jiff::Timestamp) -> Markup {
    html! { time datetime=(machine(at)) { (facts.zone.moment(at)) } }
}

/// The same, short, for a table.
fn brief(facts: &Facts, at: jiff::Timestamp) -> Markup {
    html! {
        time datetime=(machine(at)) title=(facts.zone.moment(at)) { (facts.zone.brief(at, facts.now)) }
    }
}

fn machine(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
