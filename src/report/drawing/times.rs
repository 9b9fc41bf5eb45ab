//! The axis of time below a picture: moments of a period become places on the paper, with names below the line. `marks`
//! chooses the moments; a name that has no room is left out, and its line stays.

use jiff::Timestamp;
use maud::{Markup, html};

use super::labels::{Anchor, Labels, Style};
use super::marks::{Mark, Span};
use super::n;
use crate::report::zone::Zone;

/// The picture of a course goes back at least so far: an axis needs two ends.
const LEAST_SECONDS: i64 = 86_400;

/// The part of it before the first point, which would be cut in half on the edge.
const LEAD: i64 = 25;

/// Where an axis begins whose first point lies there.
pub fn begin(first: Timestamp, now: Timestamp) -> Timestamp {
    let (first, end) = (first.as_second(), now.as_second());
    let begin = (first - (end - first) / LEAD).min(end - LEAST_SECONDS);
    Timestamp::from_second(begin).unwrap_or(Timestamp::MIN)
}

/// An axis of time.
#[derive(Debug, Clone, Copy)]
pub struct Times<'a> {
    span: Span<'a>,
    left: f64,
    right: f64,
}

impl<'a> Times<'a> {
    pub fn new((from, to): (Timestamp, Timestamp), zone: &'a Zone, left: f64, right: f64) -> Self {
        Self { span: Span::new(from, to, zone), left, right }
    }

    /// Where a moment is drawn, at an edge if it lies beyond.
    pub fn x(&self, time: Timestamp) -> f64 {
        self.left + self.span.part(time) * (self.right - self.left)
    }

    pub fn holds(&self, time: Timestamp) -> bool {
        self.span.holds(time)
    }

    /// The axis itself: a thin line at `y` with its days below, and faint lines up to `top`.
    pub fn draw(&self, labels: &mut Labels, top: f64, y: f64) -> Markup {
        let marks = self.span.marks(self.right - self.left);
        self.name(labels, y + 15.0, &marks);
        html! {
            @for mark in &marks {
                @let x = n(self.x(mark.time));
                line class="grid" x1=(x) x2=(x) y1=(n(top)) y2=(n(y)) {}
            }
            line class="axis" x1=(n(self.left)) x2=(n(self.right)) y1=(n(y)) y2=(n(y)) {}
        }
    }

    /// Those at the edges of the paper can't stand under their marks. Where they have no room beside them they go.
    fn name(&self, labels: &mut Labels, y: f64, marks: &[Mark]) {
        let place = |mark: &Mark| (Style::Mark, Anchor::Middle, self.x(mark.time));
        let (inside, edge): (Vec<_>, Vec<_>) = marks.iter().partition(|mark| {
            let (style, anchor, x) = place(mark);
            labels.holds(style, anchor, x, &mark.name)
        });
        for mark in inside.into_iter().chain(edge) {
            let (style, anchor, x) = place(mark);
            labels.write(style, anchor, x, y, &mark.name);
        }
    }

    /// Where it ends is told where there is room: of a short past, no mark may lie near.
    pub fn until_now(&self, labels: &mut Labels, y: f64) {
        labels.write(Style::Mark, Anchor::End, self.right, y + 15.0, "now");
    }
}
