//! The pictures of the two objectives, each with the objective as a dashed line.
//!
//! What could have been lost (RPO): a bar for every few hours, as high as the longest time without new WAL. Very long bars
//! are cut, so that one long outage does not flatten all others; the true length of the longest one stands above it.
//!
//! How long a restore took (RTO): passed drills are points on a line. A failed drill is a cross at the bottom: its time
//! does not count as a restore.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

use super::height_axis::{self, HeightAxis, round_times};
use super::labels::{Labels, TextAnchor, TextStyle};
use super::time_axis::{TimeAxis, begin};
use super::timelines::cross;
use super::{Caption, Paper, n, picture};
use crate::history::Record;
use crate::report::facts::{Exposure, LimitKept, Wait};
use crate::report::words::{short_span, span, took};
use crate::report::zone::PageZone;

/// Above it there is room for two lines of text.
const EXPOSURE_TOP: f64 = 40.0;
const EXPOSURE_BOTTOM: f64 = 170.0;
const REHEARSALS_TOP: f64 = 26.0;
const REHEARSALS_BOTTOM: f64 = 150.0;
/// Room for the axis of time.
const BELOW: f64 = 24.0;

/// Bars are cut where they are so many times the objective, for what counts is whether it was kept; unless most
/// are longer, and would all look alike: then where they are so many times what is usual.
const CUT: f64 = 4.0;
const CUT_USUAL: f64 = 1.5;

struct ExposureBar {
    begins: Timestamp,
    ends: Timestamp,
    /// `None`: not known.
    wait: Option<Wait>,
}

impl ExposureBar {
    fn seconds(&self) -> Option<u64> {
        Some(self.wait?.longest())
    }
}

/// So many bars have room beside one another.
const BARS_WIDE: usize = 84;
const BARS_NARROW: usize = 42;

/// Draws the hours that are known; `rpo` is the objective.
pub(crate) fn exposure(
    caption: Caption<'_>,
    exposure: &Exposure,
    rpo: Duration,
    now: Timestamp,
) -> Markup {
    picture(caption, EXPOSURE_BOTTOM + BELOW, |paper, labels| {
        draw_exposure(paper, labels, exposure, rpo, (caption, now))
    })
}

fn draw_exposure(
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
    let objective = seconds(rpo);
    let worst = exposure.longest().unwrap_or(0) as f64;
    let most = (worst.max(objective) * 1.1).min((objective * CUT).max(usual(&bars) * CUT_USUAL));
    let heights = HeightAxis { most, top: EXPOSURE_TOP, bottom: EXPOSURE_BOTTOM };
    let axes = Axes::new(paper, (first.begins, now), caption.zone, heights, 4.0);
    longest(labels, &bars, (most, rpo), &axes.times);
    html! {
        (axes.draw(labels))
        @for bar in &bars {
            @if let Some(wait) = bar.wait {
                (upright(bar, wait, (rpo, caption.zone), &axes))
            }
        }
        (axes.objective(labels, rpo))
    }
}

/// The axes of such a picture: times, and how long something took.
struct Axes<'a> {
    times: TimeAxis<'a>,
    heights: HeightAxis,
    /// Seconds, and how they are shown.
    steps: Vec<(f64, String)>,
    left: f64,
    right: f64,
}

impl<'a> Axes<'a> {
    /// `apart` is left free at the right.
    fn new(
        paper: Paper,
        span: (Timestamp, Timestamp),
        zone: &'a PageZone,
        heights: HeightAxis,
        apart: f64,
    ) -> Self {
        let steps = round_times(heights.most).into_iter().map(|it| (it, short_span(it)));
        let steps: Vec<_> = steps.collect();
        let (left, right) =
            (height_axis::left(&steps, paper.choose(58.0, 52.0)), paper.width() - apart);
        let times = TimeAxis::new(span, zone, left, right);
        Self { times, heights, steps, left, right }
    }

    fn draw(&self, labels: &mut Labels) -> Markup {
        let HeightAxis { top, bottom, .. } = self.heights;
        html! {
            (self.times.draw(labels, top, bottom))
            @let () = self.times.until_now(labels, bottom);
            (self.heights.draw(labels, &self.steps, self.left, self.right))
        }
    }

    fn objective(&self, labels: &mut Labels, limit: Duration) -> Markup {
        let name = format!("objective {}", span(limit));
        self.heights.objective(labels, seconds(limit), &name, self.left, self.right)
    }
}

/// Of an objective, which is never nothing.
fn seconds(limit: Duration) -> f64 {
    limit.as_secs_f64().max(1.0)
}

/// The median in seconds.
fn usual(bars: &[ExposureBar]) -> f64 {
    let mut known: Vec<u64> = bars.iter().filter_map(ExposureBar::seconds).collect();
    known.sort_unstable();
    known.get(known.len() / 2).map_or(0.0, |seconds| *seconds as f64)
}

fn bars(exposure: &Exposure, hours: usize) -> Vec<ExposureBar> {
    let ends = |begins: Timestamp| begins.checked_add((hours as i64).hours()).unwrap_or(begins);
    let bar = |(begins, wait)| ExposureBar { begins, ends: ends(begins), wait };
    exposure.every(hours).map(bar).collect()
}

fn upright(
    bar: &ExposureBar,
    wait: Wait,
    (rpo, zone): (Duration, &PageZone),
    Axes { times, heights, .. }: &Axes<'_>,
) -> Markup {
    let kept = wait.kept(rpo.as_secs());
    // What surely could have been lost counts more than a longer time of silence.
    let seconds = if kept == LimitKept::No { wait.written } else { wait.longest() };
    let value = seconds as f64;
    let (x, end, y) = (times.x(bar.begins), times.x(bar.ends), heights.y(value));
    let (class, more) = match kept {
        LimitKept::Yes => ("within", ""),
        LimitKept::Unknown => ("quiet", ", if the server wrote anything"),
        LimitKept::No => ("over", ""),
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
fn longest(
    labels: &mut Labels,
    bars: &[ExposureBar],
    (most, rpo): (f64, Duration),
    times: &TimeAxis<'_>,
) {
    let known = bars.iter().filter_map(|bar| Some((bar, bar.seconds()?)));
    let cut = known.filter(|(_, seconds)| *seconds as f64 > most);
    if let Some((bar, seconds)) = cut.max_by_key(|(_, seconds)| *seconds) {
        let x = (times.x(bar.begins) + times.x(bar.ends)) / 2.0;
        let text = span(Duration::from_secs(seconds));
        let surely = bar.wait.is_some_and(|wait| wait.kept(rpo.as_secs()) == LimitKept::No);
        let style = if surely { TextStyle::Alarm } else { TextStyle::Row };
        labels.write(style, TextAnchor::Middle, x, EXPOSURE_TOP - 6.0, &text);
    }
}

/// `drills` are in order, the oldest first; `rto` is the objective.
pub(crate) fn rehearsals(
    caption: Caption<'_>,
    drills: &[Record],
    rto: Duration,
    now: Timestamp,
) -> Markup {
    picture(caption, REHEARSALS_BOTTOM + BELOW, |paper, labels| {
        draw_rehearsals(paper, labels, drills, rto, (caption, now))
    })
}

fn draw_rehearsals(
    paper: Paper,
    labels: &mut Labels,
    drills: &[Record],
    rto: Duration,
    (caption, now): (Caption<'_>, Timestamp),
) -> Markup {
    let objective = seconds(rto);
    let most = drills.iter().map(Record::rto_seconds).fold(objective, f64::max) * 1.1;
    let from = begin(drills.first().map_or(now, |drill| drill.began), now);
    let heights = HeightAxis { most, top: REHEARSALS_TOP, bottom: REHEARSALS_BOTTOM };
    let axes = Axes::new(paper, (from, now), caption.zone, heights, 10.0);
    let passed: Vec<&Record> = drills.iter().filter(|drill| drill.passed).collect();
    let point = |drill: &Record| (axes.times.x(drill.ended), heights.y(drill.rto_seconds()));
    let places = passed.iter().map(|drill| point(drill));
    let places: Vec<String> = places.map(|(x, y)| format!("{},{}", n(x), n(y))).collect();
    html! {
        (axes.draw(labels))
        (axes.objective(labels, rto))
        @if places.len() > 1 { polyline class="course" points=(places.join(" ")) {} }
        @for drill in drills {
            @let (x, y) = point(drill);
            g {
                title { (said(drill, caption.zone)) }
                @if !drill.passed {
                    path class="cross" d=(cross(x, REHEARSALS_BOTTOM - 8.0)) {}
                } @else {
                    circle class=(if drill.rto_seconds() > objective { "late" } else { "point" }) cx=(n(x)) cy=(n(y)) r="3.5" {}
                }
            }
        }
    }
}

fn said(drill: &Record, zone: &PageZone) -> String {
    let at = zone.moment(drill.ended);
    match drill.passed {
        true => format!("{at}: {}", took(drill.rto_seconds())),
        false => format!("{at}: failed"),
    }
}
