//! The page: one file, nothing fetched, no script. Everything that stands in it goes through maud, which
//! escapes it.

mod figures;
mod recovery;
mod rehearsed;
mod signs;
mod stored;
mod told;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::drawing::{self, Caption};
use super::facts::{Facts, System};
use super::words::{count, moment, plain, span};

/// Nothing may be loaded or run, whatever found its way into the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole page.
pub fn html(facts: &Facts) -> String {
    let title = format!("Seawall: {}", plain(&facts.cluster));
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
                style { (PreEscaped(include_str!("page/style.css"))) }
            }
            body {
                main {
                    (told::headline(facts))
                    (figures::figures(facts))
                    (told::next(facts))
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
    };
    page.into_string()
}

fn of_system(facts: &Facts, system: &System, at: usize) -> Markup {
    let newest = at + 1 == facts.systems.len();
    html! {
        (recovery::recovery(facts, system, at, newest))
        @if newest {
            (exposed(facts, system))
            (rehearsed::rehearsed(facts, system))
            (stored::sizes(facts, system))
        }
    }
}

fn exposed(facts: &Facts, system: &System) -> Markup {
    let Some(exposure) = system.exposure.as_ref().filter(|it| it.worst().is_some()) else {
        return html! {};
    };
    let objective = facts.objectives.rpo;
    let (known, kept) = exposure.kept(objective.as_secs());
    let worst = exposure.worst().unwrap_or(0);
    let worst = span(std::time::Duration::from_secs(worst));
    let description = format!(
        "The objective of {} was kept in {kept} of {}. At worst it was {worst}.",
        span(objective),
        count(known as u64, "hour")
    );
    let caption = Caption {
        id: "rpo",
        title: "What could have been lost, hour by hour",
        description: &description,
    };
    html! {
        section {
            h2 { "How much could have been lost" }
            p { (description) }
            figure {
                (drawing::exposure(caption, exposure, objective, facts.now))
                figcaption {
                    "For the last 14 days, the longest time since the newest WAL that a repository had: what would have \
                     been lost had the server died just before more came. An upper bound: a server that writes \
                     nothing has nothing to lose, and its bars grow all the same."
                }
            }
        }
    }
}

/// A time that programs can read too.
fn time(at: jiff::Timestamp) -> Markup {
    html! { time datetime=(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()) { (moment(at)) } }
}
