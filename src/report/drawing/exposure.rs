//! The picture of what could have been lost: a bar for every few hours, as high as the longest time without new WAL,
//! and the objective (RPO) as a dashed line. Very long bars are cut, so that one long outage does not flatten all
//! others; the true length of the longest one stands above it.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

use super::heights::{self, Heights, round_times};
use super::labels::{Anchor, Labels, Style};
use super::times::Times;
use super::{Caption, Paper, n, picture};
use crate::report::facts::{Exposure, Kept, Wait};
use crate::report::words::{short_span, span};
use crate::report::zone::Zone;

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
    wait: Option<Wait>,
}

impl Bar {
    fn seconds(&self) -> Option<u64> {
        Some(self.wait?.longest())
    }
}

/// So many bars have room beside one another.
const BARS_WIDE: usize = 84;
const BARS_NARROW: usize = 42;

/// Draws the hours that are known; `rpo` is the objective.
pub fn exposure(
    caption: Caption<'_>,
    exposure: &Exposure,
    rpo: Duration,
    now: Timestamp,
) -> Markup {
    picture(caption, BOTTOM + BELOW, |paper, labels| {
        draw(paper, labels, exposure, rpo, (caption, now))
    })
}

fn draw(
    paper: Paper,
    labels: &mut Labels,
    exposure: &Exposure,
    rpo: Duration,
    (caption, now): (Caption<'_>, Timestamp),
) -> Markup {
    let most = paper.choose(BARS_WIDE, BARS_NARROW);
    let hours = exposure.known().div_ceil(most).max(1).next_power_of_two();
    let bars = bars(exposure, hours);
    let Some(first) = bars.first() else { return html! {} };
    let objective = rpo.as_secs_f64().max(1.0);
    let worst = exposure.longest().unwrap_or(0) as f64;
    let most = (worst.max(objective) * 1.1).min((objective * CUT).max(usual(&bars) * CUT_USUAL));
    let steps: Vec<_> = round_times(most).into_iter().map(|it| (it, short_span(it))).collect();
    let (left, right) = (heights::left(&steps, paper.choose(58.0, 52.0)), paper.width() - 4.0);
    let times = Times::new((first.begins, now), caption.zone, left, right);
    let heights = Heights { most, top: TOP, bottom: BOTTOM };
    longest(labels, &bars, (most, rpo), &times);
    html! {
        (times.draw(labels, TOP, BOTTOM))
        @let () = times.until_now(labels, BOTTOM);
        (heights.draw(labels, &steps, left, right))
        @for bar in &bars {
            @if let Some(wait) = bar.wait {
                (upright(bar, wait, (rpo, caption.zone), &times, &heights))
            }
        }
        (heights.objective(labels, objective, &format!("objective {}", span(rpo)), left, right))
    }
}

/// The median in seconds.
fn usual(bars: &[Bar]) -> f64 {
    let mut known: Vec<u64> = bars.iter().filter_map(Bar::seconds).collect();
    known.sort_unstable();
    known.get(known.len() / 2).map_or(0.0, |seconds| *seconds as f64)
}

fn bars(exposure: &Exposure, hours: usize) -> Vec<Bar> {
    let ends = |begins: Timestamp| begins.checked_add((hours as i64).hours()).unwrap_or(begins);
    let bar = |(begins, wait)| Bar { begins, ends: ends(begins), wait };
    exposure.every(hours).map(bar).collect()
}

fn upright(
    bar: &Bar,
    wait: Wait,
    (rpo, zone): (Duration, &Zone),
    times: &Times<'_>,
    heights: &Heights,
) -> Markup {
    let kept = wait.kept(rpo.as_secs());
    // What surely could have been lost counts more than a longer time of silence.
    let seconds = if kept == Kept::No { wait.written } else { wait.longest() };
    let value = seconds as f64;
    let (x, end, y) = (times.x(bar.begins), times.x(bar.ends), heights.y(value));
    let (class, more) = match kept {
        Kept::Yes => ("within", ""),
        Kept::Unknown => ("quiet", ", if the server wrote anything"),
        Kept::No => ("over", ""),
    };
    let about = format!(
        "At worst {}{more}, in the hours from {}",
        span(Duration::from_secs(seconds)),
        zone.moment(bar.begins)
    );
    html! {
        rect class=(class) x=(n(x + 0.5)) y=(n(y)) width=(n((end - x - 1.0).max(1.0))) height=(n((heights.bottom - y).max(0.7))) {
            title { (about) }
        }
        // A bar that goes on beyond the paper is torn off.
        @if value > heights.most {
            line class="torn" x1=(n(x - 0.5)) x2=(n(end + 0.5)) y1=(n(heights.top + 7.0)) y2=(n(heights.top + 3.0)) {}
        }
    }
}

/// How high the highest of the bars that were cut really is.
fn longest(labels: &mut Labels, bars: &[Bar], (most, rpo): (f64, Duration), times: &Times<'_>) {
    let known = bars.iter().filter_map(|bar| Some((bar, bar.seconds()?)));
    let cut = known.filter(|(_, seconds)| *seconds as f64 > most);
    if let Some((bar, seconds)) = cut.max_by_key(|(_, seconds)| *seconds) {
        let x = (times.x(bar.begins) + times.x(bar.ends)) / 2.0;
        let text = span(Duration::from_secs(seconds));
        let surely = bar.wait.is_some_and(|wait| wait.kept(rpo.as_secs()) == Kept::No);
        let style = if surely { Style::Alarm } else { Style::Row };
        labels.write(style, Anchor::Middle, x, TOP - 6.0, &text);
    }
}
