use jiff::Timestamp;
use maud::{Markup, html};

use super::labels::{Anchor, Labels, Style};
use super::marks::{Mark, Span};
use super::n;

/// An axis of time.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    span: Span,
    left: f64,
    right: f64,
}

impl Times {
    pub fn new(from: Timestamp, to: Timestamp, left: f64, right: f64) -> Self {
        Self { span: Span::new(from, to), left, right }
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
}
