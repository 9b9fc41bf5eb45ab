use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

use super::heights::{self, Heights, round_sizes};
use super::labels::Labels;
use super::times::Times;
use super::{Caption, Paper, n, picture};
use crate::report::words::{day, size};

const TOP: f64 = 12.0;
const BOTTOM: f64 = 120.0;
const BELOW: f64 = 24.0;

/// How much WAL came on each day, today last.
pub fn wal(caption: Caption<'_>, per_day: &[u64], now: Timestamp) -> Markup {
    picture(caption, BOTTOM + BELOW, |paper, labels| draw(paper, labels, per_day, now))
}

fn draw(paper: Paper, labels: &mut Labels, per_day: &[u64], now: Timestamp) -> Markup {
    let most = per_day.iter().copied().max().unwrap_or(0) as f64 * 1.05;
    let steps = round_sizes(most).into_iter().map(|it| (it, size(it as u64)));
    let steps: Vec<_> = steps.collect();
    let (left, right) = (heights::left(&steps, paper.choose(70.0, 62.0)), paper.width() - 6.0);
    let midnight = now.as_second().div_euclid(86_400) * 86_400;
    let begins = |at: usize| {
        let back = (per_day.len() - 1).saturating_sub(at) as i64;
        Timestamp::from_second(midnight - back * 86_400).unwrap_or(now)
    };
    let ends = |begins: Timestamp| begins.checked_add(24.hours()).unwrap_or(begins);
    let times = Times::new(begins(0), ends(begins(per_day.len())), left, right);
    let heights = Heights { most, top: TOP, bottom: BOTTOM };
    html! {
        (times.draw(labels, TOP, BOTTOM))
        (heights.draw(labels, &steps, left, right))
        @for (at, bytes) in per_day.iter().enumerate().filter(|(_, bytes)| **bytes > 0) {
            @let (x, end, y) = (times.x(begins(at)), times.x(ends(begins(at))), heights.y(*bytes as f64));
            rect class="within" x=(n(x + 1.0)) y=(n(y)) width=(n((end - x - 2.0).max(1.0))) height=(n((BOTTOM - y).max(0.7))) {
                title { (day(begins(at))) ": " (size(*bytes)) }
            }
        }
    }
}
