//! The row of three tiles as HTML. `facts::tiles` decides what each tile says; this file decides how it looks.

use maud::{Markup, html};

use super::{brief, signs};
use crate::report::facts::{Facts, Tile};
use crate::report::words::{between, plain, span};

/// PostgreSQL, Redis and media files beside one another: how each stands, how new and how old what can be restored is.
pub fn tiles(facts: &Facts) -> Markup {
    html! {
        ul class="tiles" {
            @for tile in facts.tiles() { li { (of_one(facts, &tile)) } }
        }
    }
}

fn of_one(facts: &Facts, tile: &Tile) -> Markup {
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
