//! Pictures, drawn here: SVG without a script, once for a wide window and once for a phone. Lengths are CSS pixels.
//! What is good or bad is never told by colour alone.
//!
//! `height_axis` and `time_axis` are the axes, `labels` the texts. The pictures are `timelines` (what can be restored),
//! `objectives` (what could have been lost, and how long restores took) and `sizes`.

mod height_axis;
mod labels;
mod objectives;
mod sizes;
#[cfg(test)]
mod tests;
mod time_axis;
mod timelines;

use maud::{Markup, html};

use self::labels::Labels;
use super::zone::PageZone;

pub(super) use objectives::{exposure, rehearsals};
pub(super) use sizes::{backups, sparkline, wal};
pub(super) use timelines::{DrawnPeriod, flag, timelines};

/// The paper of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paper {
    Wide,
    Narrow,
}

impl Paper {
    const ALL: [Self; 2] = [Self::Wide, Self::Narrow];

    fn width(self) -> f64 {
        match self {
            Self::Wide => 760.0,
            Self::Narrow => 350.0,
        }
    }

    /// What is better of two numbers.
    fn choose<T>(self, wide: T, narrow: T) -> T {
        match self {
            Self::Wide => wide,
            Self::Narrow => narrow,
        }
    }

    fn class(self) -> &'static str {
        self.choose("wide", "narrow")
    }
}

/// What a picture is called, and what it shows in words, for those who do not see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caption<'a> {
    /// Tells it from the others on the page.
    pub id: &'a str,
    pub title: &'a str,
    pub description: &'a str,
    /// In which it tells times.
    pub zone: &'a PageZone,
}

/// The same picture on each paper; the style sheet shows one of them. Its texts lie on top of everything else.
fn picture(
    caption: Caption<'_>,
    height: f64,
    draw: impl Fn(Paper, &mut Labels) -> Markup,
) -> Markup {
    html! {
        @for paper in Paper::ALL {
            @let mut labels = Labels::new(paper.width());
            @let drawn = draw(paper, &mut labels);
            @let (title, about) = (id(caption, paper, "t"), id(caption, paper, "d"));
            svg class=(paper.class()) viewBox=(format!("0 0 {} {}", n(paper.width()), n(height)))
                role="img" aria-labelledby=(format!("{title} {about}")) {
                title id=(title) { (caption.title) }
                desc id=(about) { (caption.description) }
                (drawn)
                (labels.draw())
            }
        }
    }
}

fn id(caption: Caption<'_>, paper: Paper, what: &str) -> String {
    format!("{}-{}-{what}", caption.id, paper.class())
}

/// A length with one digit behind the point, and none that says nothing.
fn n(length: f64) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}
