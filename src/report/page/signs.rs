//! The signs of the page: every state and outcome is a drawing, a word and a colour, for those who do not see colours.
//! The legend explains the signs in the picture of the timelines.

use maud::{Markup, html};

use crate::check::CheckState;
use crate::report::facts::{BaseBackup, CanRestore, SystemFacts};

/// A state: a sign, a word and a colour.
pub(crate) fn state(state: CheckState) -> Markup {
    let (class, word, drawn) = match state {
        CheckState::Ok => ("good", "Good", "M2 7.5l3.3 3.5L12 3.5"),
        CheckState::Unknown => ("unknown", "Not known", "M2 7h10"),
        CheckState::Warning => ("warning", "Look at this", "M7 2v6M7 11.5v.2"),
        CheckState::Critical => ("critical", "In danger", "M3 3l8 8M11 3l-8 8"),
    };
    sign(class, word, drawn)
}

/// What nobody looks after.
pub(super) fn absent() -> Markup {
    sign("unknown", "Not backed up here", "M2 7h10")
}

/// How something went that is over.
pub(super) fn outcome(passed: bool) -> Markup {
    let (class, word, drawn) = match passed {
        true => ("good", "passed", "M2 7.5l3.3 3.5L12 3.5"),
        false => ("critical", "failed", "M3 3l8 8M11 3l-8 8"),
    };
    sign(class, word, drawn)
}

fn sign(class: &str, word: &str, drawn: &str) -> Markup {
    html! {
        span class=(format!("state {class}")) {
            svg viewBox="0 0 14 14" aria-hidden="true" { path d=(drawn) {} }
            (word)
        }
    }
}

/// What the signs in the picture of the windows mean, of those that there are.
pub(super) fn legend(system: &SystemFacts) -> Markup {
    let is = |wanted: fn(&BaseBackup) -> bool| system.backups.iter().any(wanted);
    let stretches = || system.lines.iter().flat_map(|line| &line.stretches);
    let useless = stretches().any(|it| it.restorable.is_none_or(|begin| it.from < Some(begin)));
    let gaps = system.lines.iter().any(|line| !line.gaps.is_empty());
    let flag = crate::report::drawing::flag(6.0, 18.0);
    let entry = |sign: Markup, meaning: &str| {
        html! { li { svg viewBox="0 0 18 18" aria-hidden="true" { (sign) } (meaning) } }
    };
    html! {
        ul class="legend" {
            @if stretches().any(|it| it.restorable.is_some()) {
                (entry(html! { rect class="window" x="0" y="4" width="18" height="10" {} }, "every second can be restored"))
            }
            @if useless {
                (entry(html! { rect class="useless" x="0" y="4" width="18" height="10" {} }, "WAL that no base backup leads to"))
            }
            @if is(|it| it.restore == CanRestore::Yes) {
                (entry(html! { circle class="backup" cx="9" cy="9" r="4" {} }, "base backup"))
            }
            @if is(|it| matches!(it.restore, CanRestore::No(_))) {
                (entry(html! { path class="cross" d="M5 5L13 13M5 13L13 5" {} }, "base backup that can't be restored"))
            }
            @if is(|it| matches!(it.restore, CanRestore::Unknown(_))) {
                (entry(html! { circle class="doubtful" cx="9" cy="9" r="4" {} }, "base backup that perhaps can't"))
            }
            @if is(|it| it.pinned) { (entry(flag, "pinned: kept whatever its age")) }
            @if gaps {
                (entry(html! { rect class="gap" x="1" y="4" width="16" height="10" fill="none" {} path class="hatch" d="M4 13L12 5" {} }, "gap in the WAL"))
            }
        }
    }
}

/// The sign of the page's tab: a wave in the colour of the worst state, legible on light and on dark. It is a `data:`
/// address, because the page loads nothing.
pub(super) fn icon(state: CheckState) -> String {
    let colour = match state {
        CheckState::Ok => "0b7a99",
        CheckState::Unknown => "75808a",
        CheckState::Warning => "b97d10",
        CheckState::Critical => "c93c26",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http:%2F%2Fwww.w3.org%2F2000%2Fsvg' viewBox='0 0 16 16'%3E\
         %3Crect width='16' height='16' rx='3' fill='%23{colour}'/%3E\
         %3Cpath d='M2 10.5c2 0 2-5 4-5s2 5 4 5 2-5 4-5' fill='none' stroke='%23fff' stroke-width='2' stroke-linecap='round'/%3E\
         %3C/svg%3E"
    )
}
