use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

use super::heights::{Heights, round_times};
use super::times::Times;
use super::{Caption, Paper, n, picture};
use crate::report::facts::Exposure;
use crate::report::words::{moment, short_span, span};

/// Above it there is room for two lines of text.
const TOP: f64 = 40.0;
const BOTTOM: f64 = 170.0;
const BELOW: f64 = 24.0;

/// Bars are cut where they are so many times the objective, for what counts is whether it was kept; unless most
/// are longer, and would all look alike: then where they are so many times what is usual.
const CUT: f64 = 4.0;
const CUT_USUAL: f64 = 1.5;

struct Bar {
    begins: Timestamp,
    ends: Timestamp,
    /// `None`: not known.
    seconds: Option<u64>,
}

/// What could have been lost at worst, for every few hours, with the objective as a line.
pub fn exposure(
    caption: Caption<'_>,
    exposure: &Exposure,
    rpo: Duration,
    now: Timestamp,
) -> Markup {
    picture(caption, |_| BOTTOM + BELOW, |paper| draw(paper, exposure, rpo, now))
}

fn draw(paper: Paper, exposure: &Exposure, rpo: Duration, now: Timestamp) -> Markup {
    let hours = paper.choose(4, 8);
    let bars = bars(exposure, hours);
    let Some(first) = bars.first() else { return html! {} };
    let (left, right) = (paper.choose(58.0, 52.0), paper.width() - 4.0);
    let times = Times::new(first.begins, now, left, right);
    let objective = rpo.as_secs_f64().max(1.0);
    let worst = exposure.worst().unwrap_or(0) as f64;
    let most = (worst.max(objective) * 1.1).min((objective * CUT).max(usual(&bars) * CUT_USUAL));
    let heights = Heights { most, top: TOP, bottom: BOTTOM };
    let steps: Vec<_> = round_times(most).into_iter().map(|it| (it, short_span(it))).collect();
    html! {
        (times.draw(TOP, BOTTOM, paper.choose(10, 5)))
        (heights.draw(&steps, left, right))
        @for bar in &bars {
            @if let Some(seconds) = bar.seconds {
                (upright(bar, seconds, objective, &times, &heights))
            }
        }
        (heights.objective(objective, &format!("objective {}", span(rpo)), left, right))
        (longest(&bars, most, &times))
    }
}

/// The median in seconds.
fn usual(bars: &[Bar]) -> f64 {
    let mut known: Vec<u64> = bars.iter().filter_map(|bar| bar.seconds).collect();
    known.sort_unstable();
    known.get(known.len() / 2).map_or(0.0, |seconds| *seconds as f64)
}

fn bars(exposure: &Exposure, hours: usize) -> Vec<Bar> {
    let ends = |begins: Timestamp| begins.checked_add((hours as i64).hours()).unwrap_or(begins);
    let bar = |(begins, seconds)| Bar { begins, ends: ends(begins), seconds };
    exposure.every(hours).map(bar).collect()
}

fn upright(bar: &Bar, seconds: u64, objective: f64, times: &Times, heights: &Heights) -> Markup {
    let value = seconds as f64;
    let (x, end, y) = (times.x(bar.begins), times.x(bar.ends), heights.y(value));
    let class = if value > objective { "over" } else { "within" };
    html! {
        rect class=(class) x=(n(x + 0.5)) y=(n(y)) width=(n((end - x - 1.0).max(1.0))) height=(n((heights.bottom - y).max(0.7))) {
            title { "At worst " (span(Duration::from_secs(seconds))) " in the hours from " (moment(bar.begins)) }
        }
        // A bar that goes on beyond the paper is torn off.
        @if value > heights.most {
            line class="torn" x1=(n(x - 0.5)) x2=(n(end + 0.5)) y1=(n(heights.top + 7.0)) y2=(n(heights.top + 3.0)) {}
        }
    }
}

/// How high the highest of the bars that were cut really is.
fn longest(bars: &[Bar], most: f64, times: &Times) -> Markup {
    let cut = bars.iter().filter_map(|bar| Some((bar, bar.seconds?)));
    let Some((bar, seconds)) = cut.max_by_key(|(_, seconds)| *seconds) else { return html! {} };
    if seconds as f64 <= most {
        return html! {};
    }
    let x = (times.x(bar.begins) + times.x(bar.ends)) / 2.0;
    let anchor = if x > times.x(Timestamp::MAX) - 50.0 { "end" } else { "middle" };
    html! {
        text class="alarm" x=(n(x)) y=(n(TOP - 6.0)) text-anchor=(anchor) {
            (span(Duration::from_secs(seconds)))
        }
    }
}
