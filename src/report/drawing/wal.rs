//! The picture of WAL: a bar for each day on which WAL came, as high as its stored bytes. The days are those of the
//! zone of the page, so a bar is as wide as its day is long.

use maud::{Markup, html};

use super::heights::{self, Heights, round_sizes};
use super::labels::Labels;
use super::times::Times;
use super::{Caption, Paper, n, picture};
use crate::report::facts::Days;
use crate::report::words::size;

const TOP: f64 = 12.0;
const BOTTOM: f64 = 120.0;
const BELOW: f64 = 24.0;

/// At least so many days are drawn: of fewer each would be a wall.
const LEAST_DAYS: usize = 7;

/// `per_day` has today last. The picture begins with the first day on which some WAL came.
pub fn wal(caption: Caption<'_>, per_day: &[u64], days: &Days) -> Markup {
    picture(caption, BOTTOM + BELOW, |paper, labels| draw(paper, labels, per_day, (caption, days)))
}

fn draw(
    paper: Paper,
    labels: &mut Labels,
    per_day: &[u64],
    (caption, days): (Caption<'_>, &Days),
) -> Markup {
    let most = per_day.iter().copied().max().unwrap_or(0) as f64 * 1.05;
    let steps = round_sizes(most).into_iter().map(|it| (it, size(it as u64)));
    let steps: Vec<_> = steps.collect();
    let (left, right) = (heights::left(&steps, paper.choose(70.0, 62.0)), paper.width() - 6.0);
    let came = per_day.iter().position(|bytes| *bytes > 0).unwrap_or(0);
    let first = came.min(per_day.len().saturating_sub(LEAST_DAYS));
    let period = (days.begin(first), days.begin(per_day.len()));
    let times = Times::new(period, caption.zone, left, right);
    let heights = Heights { most, top: TOP, bottom: BOTTOM };
    html! {
        (times.draw(labels, TOP, BOTTOM))
        (heights.draw(labels, &steps, left, right))
        @for (at, bytes) in per_day.iter().enumerate().filter(|(_, bytes)| **bytes > 0) {
            @let (x, end, y) = (times.x(days.begin(at)), times.x(days.end(at)), heights.y(*bytes as f64));
            rect class="within" x=(n(x + 1.0)) y=(n(y)) width=(n((end - x - 2.0).max(1.0))) height=(n((BOTTOM - y).max(0.7))) {
                title { (caption.zone.day(days.begin(at))) ": " (size(*bytes)) }
            }
        }
    }
}
