//! The pictures of sizes. Of backups an upright line for each at its time, as high as its bytes. Of WAL a bar for each day
//! on which some came; the days are those of the zone of the page, so a bar is as wide as its day is long. And a small
//! picture for a cell of a table.

use jiff::Timestamp;
use maud::{Markup, html};

use super::height_axis::{self, HeightAxis, round_sizes};
use super::labels::Labels;
use super::time_axis::{TimeAxis, begin};
use super::{Caption, Paper, n, picture};
use crate::report::words::size;
use crate::report::zone::Days;

const TOP: f64 = 12.0;
const BOTTOM: f64 = 120.0;
const BELOW: f64 = 24.0;

/// At least so many days are drawn: of fewer each would be a wall.
const LEAST_DAYS: usize = 7;

/// Of a sparkline.
const SPARK_WIDTH: f64 = 120.0;
const SPARK_HEIGHT: f64 = 22.0;

/// More points than this are no more to be seen.
const POINTS_MAX: usize = 60;

/// The size of each backup over time: when it was taken, and its bytes, the oldest first.
pub(crate) fn backups(caption: Caption<'_>, sizes: &[(Timestamp, u64)], now: Timestamp) -> Markup {
    picture(caption, BOTTOM + BELOW, |paper, labels| {
        draw_backups(paper, labels, sizes, (caption, now))
    })
}

fn draw_backups(
    paper: Paper,
    labels: &mut Labels,
    sizes: &[(Timestamp, u64)],
    (caption, now): (Caption<'_>, Timestamp),
) -> Markup {
    let most = sizes.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0) as f64 * 1.05;
    let steps = round_sizes(most).into_iter().map(|it| (it, size(it as u64)));
    let steps: Vec<_> = steps.collect();
    let (left, right) = (height_axis::left(&steps, paper.choose(70.0, 62.0)), paper.width() - 6.0);
    let from = begin(sizes.first().map_or(now, |(time, _)| *time), now);
    let times = TimeAxis::new((from, now), caption.zone, left, right);
    let heights = HeightAxis { most, top: TOP, bottom: BOTTOM };
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

/// Of those that fall on the same place the largest, so that no small line hides a large one.
fn apart(sizes: &[(Timestamp, u64)], times: &TimeAxis<'_>) -> Vec<(f64, u64, Timestamp)> {
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

/// A bar for each day. `per_day` has today last. The picture begins with the first day on which some WAL came.
pub(crate) fn wal(caption: Caption<'_>, per_day: &[u64], days: &Days) -> Markup {
    picture(caption, BOTTOM + BELOW, |paper, labels| {
        draw_wal(paper, labels, per_day, (caption, days))
    })
}

fn draw_wal(
    paper: Paper,
    labels: &mut Labels,
    per_day: &[u64],
    (caption, days): (Caption<'_>, &Days),
) -> Markup {
    let most = per_day.iter().copied().max().unwrap_or(0) as f64 * 1.05;
    let steps = round_sizes(most).into_iter().map(|it| (it, size(it as u64)));
    let steps: Vec<_> = steps.collect();
    let (left, right) = (height_axis::left(&steps, paper.choose(70.0, 62.0)), paper.width() - 6.0);
    let came = per_day.iter().position(|bytes| *bytes > 0).unwrap_or(0);
    let first = came.min(per_day.len().saturating_sub(LEAST_DAYS));
    let period = (days.begin(first), days.begin(per_day.len()));
    let times = TimeAxis::new(period, caption.zone, left, right);
    let heights = HeightAxis { most, top: TOP, bottom: BOTTOM };
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

/// The course of the sizes of Redis or media backups. The text in the next cell tells the numbers, so the picture has no
/// words and screen readers pass over it (`aria-hidden`). Nothing is drawn of a single size, or of empty backups.
pub(crate) fn sparkline(sizes: &[u64]) -> Markup {
    let sizes = &sizes[sizes.len().saturating_sub(POINTS_MAX)..];
    let most = sizes.iter().copied().max().unwrap_or(0);
    if sizes.len() < 2 || most == 0 {
        return html! {};
    }
    let step = (SPARK_WIDTH - 6.0) / (sizes.len() - 1) as f64;
    let place = |(at, bytes): (usize, &u64)| {
        let part = *bytes as f64 / most as f64;
        (3.0 + step * at as f64, SPARK_HEIGHT - 3.0 - part * (SPARK_HEIGHT - 6.0))
    };
    let places: Vec<(f64, f64)> = sizes.iter().enumerate().map(place).collect();
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect();
    let (x, y) = places.last().copied().unwrap_or_default();
    html! {
        svg class="spark" viewBox=(format!("0 0 {SPARK_WIDTH} {SPARK_HEIGHT}")) aria-hidden="true" {
            polyline class="course" points=(points.join(" ")) {}
            circle class="point" cx=(n(x)) cy=(n(y)) r="2.5" {}
        }
    }
}
