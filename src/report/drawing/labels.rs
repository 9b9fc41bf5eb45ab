//! The texts of a picture: none sticks out of it, and none lies on another.

use maud::{Markup, html};

use super::n;

/// How far letters reach above and below the line that they stand on.
const ABOVE: f64 = 11.0;
const BELOW: f64 = 3.0;

/// What is left free between two texts on one line.
const APART: f64 = 5.0;

/// The size of all letters in pictures, as in the style sheet.
const LETTER_SIZE: f64 = 12.0;

/// Letters by their widths in parts of the size: plain, then bold.
const LETTER_WIDTHS: [(&str, f64, f64); 7] = [
    ("ijl", 0.28, 0.35),
    (" \u{a0},.I", 0.34, 0.40),
    ("frt-:/", 0.46, 0.50),
    ("cksvxyzJL", 0.60, 0.67),
    ("abdeghnopqu0123456789", 0.65, 0.72),
    ("wm", 0.98, 1.05),
    ("ABCDEFGHKNOPQRSTUVXYZ", 0.80, 0.86),
];

/// Of any other letter.
const WIDEST_LETTER: (f64, f64) = (1.04, 1.11);

/// What a text is for, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextStyle {
    /// Beside an axis.
    Mark,
    /// What a row is called.
    Row,
    /// What is wrong.
    Alarm,
    /// What was promised.
    Promise,
}

impl TextStyle {
    fn class(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Row => "row",
            Self::Alarm => "alarm",
            Self::Promise => "promise",
        }
    }

    /// How wide such a text is at most.
    pub(crate) fn width(self, text: &str) -> f64 {
        text_width(text, self != Self::Mark)
    }
}

/// Which part of a text its place names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextAnchor {
    Start,
    Middle,
    End,
}

impl TextAnchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }

    /// How much of a text lies before its place.
    fn before(self, width: f64) -> f64 {
        match self {
            Self::Start => 0.0,
            Self::Middle => width / 2.0,
            Self::End => width,
        }
    }
}

/// A part of the paper.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Area {
    fn meets(&self, other: &Self) -> bool {
        self.left < other.right + APART
            && other.left < self.right + APART
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// What is written on one picture, in order of importance.
#[derive(Debug)]
pub(super) struct Labels {
    paper: f64,
    taken: Vec<Area>,
    texts: Vec<Markup>,
}

impl Labels {
    /// For a paper of this width.
    pub(crate) fn new(paper: f64) -> Self {
        Self { paper, taken: Vec::new(), texts: Vec::new() }
    }

    /// No text that is written later lies there.
    pub(super) fn keep_off(&mut self, area: Area) {
        self.taken.push(area);
    }

    /// Writes a text, pushed sideways as far as it has to be to stay on the paper. It is left out where it would lie on
    /// what is there already.
    pub(crate) fn write(
        &mut self,
        style: TextStyle,
        anchor: TextAnchor,
        x: f64,
        y: f64,
        text: &str,
    ) {
        let width = style.width(text);
        let wanted = x - anchor.before(width);
        let left = wanted.min(self.paper - width).max(0.0);
        let area = Area { left, right: left + width, top: y - ABOVE, bottom: y + BELOW };
        if area.right > self.paper || self.taken.iter().any(|taken| taken.meets(&area)) {
            return;
        }
        self.taken.push(area);
        let x = n(x + left - wanted);
        self.texts.push(html! {
            text class=(style.class()) x=(x) y=(n(y)) text-anchor=(anchor.name()) { (text) }
        });
    }

    /// Whether a text would stay where it is wanted, as far as the edges of the paper are concerned.
    pub(super) fn holds(&self, style: TextStyle, anchor: TextAnchor, x: f64, text: &str) -> bool {
        let width = style.width(text);
        let left = x - anchor.before(width);
        left >= 0.0 && left + width <= self.paper
    }

    /// On top of everything else.
    pub(super) fn draw(self) -> Markup {
        html! { @for text in &self.texts { (text) } }
    }
}

/// At most so many pixels, whatever sans-serif font the reader's system has: nothing is loaded, so it is not known which.
/// The widest of those that systems come with are DejaVu Sans and, for some capitals, Lato and Helvetica.
fn text_width(text: &str, bold: bool) -> f64 {
    let of = |letter: char| {
        let known = LETTER_WIDTHS.iter().find(|(letters, ..)| letters.contains(letter));
        let (plain, heavy) = known.map_or(WIDEST_LETTER, |(_, plain, heavy)| (*plain, *heavy));
        if bold { heavy } else { plain }
    };
    text.chars().map(of).sum::<f64>() * LETTER_SIZE
}
