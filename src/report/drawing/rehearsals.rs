//! The picture of rehearsals: the time that each drill's restore took, with the objective (RTO) as a dashed line.
//! Passed drills are points on a line. A failed drill is a cross at the bottom: its time does not count as a restore.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use super::heights::{self, Heights, round_times};
use super::labels::Labels;
use super::times::{Times, begin};
use super::windows::cross;
use super::{Caption, Paper, n, picture};
use crate::history::Record;
use crate::report::words::{short_span, span, took};
use crate::report::zone::Zone;

const TOP: f64 = 26.0;
const BOTTOM: f64 = 150.0;
const BELOW: f64 = 24.0;

/// `drills` are in order, the oldest first; `rto` is the objective.
pub fn rehearsals(
    caption: Caption<'_>,
    drills: &[Record],
    rto: Duration,
    now: Timestamp,
) -> Markup {
    picture(caption, BOTTOM + BELOW, |paper, labels| {
        draw(paper, labels, drills, rto, (caption, now))
    })
}

fn draw(
    paper: Paper,
    labels: &mut Labels,
    drills: &[Record],
    rto: Duration,
    (caption, now): (Caption<'_>, Timestamp),
) -> Markup {
    let objective = rto.as_secs_f64().max(1.0);
    let most = drills.iter().map(Record::rto_seconds).fold(objective, f64::max) * 1.1;
    let steps: Vec<_> = round_times(most).into_iter().map(|it| (it, short_span(it))).collect();
    let (left, right) = (heights::left(&steps, paper.choose(58.0, 52.0)), paper.width() - 10.0);
    let from = begin(drills.first().map_or(now, |drill| drill.began), now);
    let times = Times::new((from, now), caption.zone, left, right);
    let heights = Heights { most, top: TOP, bottom: BOTTOM };
    let passed: Vec<&Record> = drills.iter().filter(|drill| drill.passed).collect();
    let point = |drill: &Record| (times.x(drill.ended), heights.y(drill.rto_seconds()));
    let places = passed.iter().map(|drill| point(drill));
    let places: Vec<String> = places.map(|(x, y)| format!("{},{}", n(x), n(y))).collect();
    html! {
        (times.draw(labels, TOP, BOTTOM))
        @let () = times.until_now(labels, BOTTOM);
        (heights.draw(labels, &steps, left, right))
        (heights.objective(labels, objective, &format!("objective {}", span(rto)), left, right))
        @if places.len() > 1 { polyline class="course" points=(places.join(" ")) {} }
        @for drill in drills {
            @let (x, y) = point(drill);
            g {
                title { (said(drill, caption.zone)) }
                @if !drill.passed {
                    path class="cross" d=(cross(x, BOTTOM - 8.0)) {}
                } @else {
                    circle class=(if drill.rto_seconds() > objective { "late" } else { "point" }) cx=(n(x)) cy=(n(y)) r="3.5" {}
                }
            }
        }
    }
}

fn said(drill: &Record, zone: &Zone) -> String {
    let at = zone.moment(drill.ended);
    match drill.passed {
        true => format!("{at}: {}", took(drill.rto_seconds())),
        false => format!("{at}: failed"),
    }
}
