//! The section on what could have been lost in the last days: a sentence, the picture of `drawing::exposure`, and what
//! its colours mean. An idle server sends no WAL, so the section says apart how many hours nobody can judge.

use std::time::Duration;

use maud::{Markup, html};

use super::id;
use crate::report::drawing::{self, Caption};
use crate::report::facts::{Exposure, Facts, Kept, System};
use crate::report::words::{count, span};

/// Of fewer hours there is no course: the sentence tells it.
const LEAST_HOURS: usize = 6;

/// What could have been lost in the last days.
pub fn exposed(facts: &Facts, system: &System) -> Markup {
    let Some(exposure) = system.exposure.as_ref().filter(|it| it.known() > 0) else {
        return html! {};
    };
    let objective = facts.objectives.rpo;
    let description = described(exposure, objective);
    let id = id(facts, "rpo");
    let caption = Caption {
        id: &id,
        title: "What could have been lost, hour by hour",
        description: &description,
        zone: &facts.zone,
    };
    html! {
        section {
            h2 { "How much could have been lost" }
            p { (description) }
            @if exposure.known() >= LEAST_HOURS {
                figure {
                    (drawing::exposure(caption, exposure, objective, facts.now))
                    (legend(exposure, objective))
                    figcaption {
                        "For the last 14 days, the longest time since the newest WAL that a repository had: what would have \
                         been lost had the server died just before more came. A server that writes nothing has nothing to \
                         lose, and sends nothing. So a long time without WAL is grey, unless WAL had piled up meanwhile."
                    }
                }
            }
        }
    }
}

fn described(exposure: &Exposure, objective: Duration) -> String {
    let counted = |kept| exposure.count(objective.as_secs(), kept);
    let (yes, unknown, no) = (counted(Kept::Yes), counted(Kept::Unknown), counted(Kept::No));
    let hours = |number: usize| count(number as u64, "hour");
    let objective = span(objective);
    let silent = match unknown {
        0 => String::new(),
        _ => format!(
            "In {} no WAL came within it, and none had piled up: the server was idle, or wrote less than a segment.",
            hours(unknown)
        ),
    };
    if yes + no == 0 {
        return format!("Whether the objective of {objective} was kept is not known. {silent}");
    }
    let mut kept =
        format!("The objective of {objective} was kept in {yes} of {}.", hours(yes + no));
    if no > 0 {
        let worst = span(Duration::from_secs(exposure.worst().unwrap_or(0)));
        kept += &format!(" At worst it was {worst}.");
    }
    format!("{kept} {silent}").trim_end().to_owned()
}

/// What the colours mean, of those that there are.
fn legend(exposure: &Exposure, objective: Duration) -> Markup {
    let all = [
        (Kept::Yes, "within", "within the objective"),
        (Kept::Unknown, "quiet", "nothing came: the server was idle, or wrote little"),
        (Kept::No, "over", "WAL came too late"),
    ];
    let there = all.iter().filter(|(kept, ..)| exposure.count(objective.as_secs(), *kept) > 0);
    html! {
        ul class="legend" {
            @for (_, class, meaning) in there {
                li {
                    svg viewBox="0 0 18 18" aria-hidden="true" { rect class=(class) x="0" y="4" width="18" height="10" {} }
                    (meaning)
                }
            }
        }
    }
}
