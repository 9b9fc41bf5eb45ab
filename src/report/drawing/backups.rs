//! The picture of the sizes of backups: an upright line for each backup at its time, as high as its bytes. Of backups
//! that fall on the same place only the largest is drawn, so that no small line hides a large one.

use jiff::Timestamp;
use maud::{Markup, html};

use super::heights::{self, Heights, round_sizes};
use super::labels::Labels;
use super::times::{Times, begin};
use super::{Caption, Paper, n, picture};
use crate::report::words::size;

const TOP: f64 = 12.0;
const BOTTOM: f64 = 120.0;
const BELOW: f64 = 24.0;

/// The size of each backup over time: when it was taken, and its bytes, the oldest first.
pub fn backups(caption: Caption<'_>, sizes: &[(Timestamp, u64)], now: Timestamp) -> Markup {
    picture(caption, BOTTOM + BELOW, |paper, labels| draw(paper, labels, sizes, (caption, now)))
}

fn draw(
    paper: Paper,
    labels: &mut Labels,
    sizes: &[(Timestamp, u64)],
    (caption, now): (Caption<'_>, Timestamp),
) -> Markup {
    let most = sizes.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0) as f64 * 1.05;
    let steps = round_sizes(most).into_iter().map(|it| (it, size(it as u64)));
    let steps: Vec<_> = steps.collect();
    let (left, right) = (heights::left(&steps, paper.choose(70.0, 62.0)), paper.width() - 6.0);
    let from = begin(sizes.first().map_or(now, |(time, _)| *time), now);
    let times = Times::new((from, now), caption.zone, left, right);
    let heights = Heights { most, top: TOP, bottom: BOTTOM };
    html! {
        (times.draw(labels, TOP, BOTTOM))
        @let () = times.until_now(labels, BOTTOM);
        (heights.draw(labels, &steps, left, right))
        @for (x, bytes, time) in apart(sizes, &times) {
            @let y = heights.y(bytes as f64);
            line class="stem" x1=(n(x)) x2=(n(x)) y1=(n(y)) y2=(n(BOTTOM)) {
                title { (caption.zone.moment(time)) ": " (size(bytes)) }
            }
        }
    }
}

/// Of those that fall on the same place the largest.
fn apart(sizes: &[(Timestamp, u64)], times: &Times<'_>) -> Vec<(f64, u64, Timestamp)> {
    let mut drawn: Vec<(f64, u64, Timestamp)> = Vec::new();
    for (time, bytes) in sizes {
        let x = times.x(*time);
        match drawn.last_mut().filter(|(last, ..)| x - *last < 3.0) {
            Some(last) if last.1 < *bytes => *last = (last.0, *bytes, *time),
            Some(_) => {}
            None => drawn.push((x, *bytes, *time)),
        }
    }
    drawn
}
