//! The picture of what can be restored: a row for each timeline, with bars for its restorable windows, hatched pieces
//! for its gaps and signs for its base backups. A dashed line shows when one timeline left another.

use jiff::Timestamp;
use maud::{Markup, html};

use super::labels::{Area, Labels, TextAnchor, TextStyle};
use super::time_axis::TimeAxis;
use super::{Caption, Paper, n, picture};
use crate::report::facts::{
    BaseBackup, CanRestore, SystemFacts, TimelineFacts, WalGap, WalStretch,
};
use crate::report::words::{count, plain, size};
use crate::report::zone::PageZone;

const ROW: f64 = 56.0;
const TOP: f64 = 6.0;
/// Where in its row a bar lies, and its height.
const BAR: f64 = 34.0;
const BAR_HEIGHT: f64 = 12.0;
/// Room for the axis.
const BELOW: f64 = 24.0;
/// Timelines that are drawn, the newest: more would make no picture.
const LINES_MAX: usize = 12;
/// Marks of the same kind that lie closer together than this are one.
const CLOSE: f64 = 8.0;

/// From when to when it is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DrawnPeriod {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Draws the timelines of which something falls into the period.
pub(crate) fn timelines(caption: Caption<'_>, system: &SystemFacts, period: DrawnPeriod) -> Markup {
    let shown: Vec<&TimelineFacts> =
        system.lines.iter().filter(|line| happens(line, system, period)).collect();
    let lines = &shown[shown.len().saturating_sub(LINES_MAX)..];
    let bottom = TOP + ROW * lines.len() as f64;
    picture(caption, bottom + BELOW, |paper, labels| {
        let times = TimeAxis::new((period.from, period.to), caption.zone, 6.0, paper.width() - 6.0);
        html! {
            (gap_pattern(&caption, paper))
            (times.draw(labels, TOP, bottom))
            @let () = times.until_now(labels, bottom);
            @for (at, line) in lines.iter().enumerate() {
                @let y = TOP + ROW * at as f64;
                @let row = TimelineRow { line, system, times: &times, zone: caption.zone, y, pattern: pattern(&caption, paper) };
                (branch(line, lines, at, &times))
                (row.draw(labels))
            }
        }
    })
}

fn happens(line: &TimelineFacts, system: &SystemFacts, period: DrawnPeriod) -> bool {
    let ended = |stretch: &WalStretch| stretch.to.is_none_or(|to| to >= period.from);
    let mut backups = system.backups.iter().filter(|it| it.timeline == line.timeline);
    line.stretches.iter().any(ended) || backups.any(|it| it.ended >= period.from)
}

struct TimelineRow<'a> {
    line: &'a TimelineFacts,
    system: &'a SystemFacts,
    times: &'a TimeAxis<'a>,
    zone: &'a PageZone,
    y: f64,
    pattern: String,
}

impl TimelineRow<'_> {
    fn draw(&self, labels: &mut Labels) -> Markup {
        let name = match self.line.left {
            Some((parent, _)) => format!("Timeline {}, left {parent}", self.line.timeline),
            None => format!("Timeline {}", self.line.timeline),
        };
        labels.write(TextStyle::Row, TextAnchor::Start, 6.0, self.y + 13.0, &name);
        let backups = marks(self);
        for pinned in backups.iter().filter(|backup| backup.pinned) {
            labels.keep_off(flag_area(self.times.x(pinned.ended), self.middle()));
        }
        html! {
            @for stretch in &self.line.stretches { (bars(self, stretch)) }
            @for gap in &self.line.gaps { (missing(self, gap, labels)) }
            @for backup in backups { (mark(self, backup)) }
        }
    }

    /// Half the height of its bar.
    fn middle(&self) -> f64 {
        self.y + BAR + BAR_HEIGHT / 2.0
    }
}

fn bars(row: &TimelineRow<'_>, stretch: &WalStretch) -> Markup {
    let (Some(from), Some(to)) = (stretch.from, stretch.to) else { return html! {} };
    let to_text = row.zone.moment(to);
    html! {
        @match stretch.restorable {
            None => (bar(row, "useless", from, to, &format!("WAL to {to_text}: no base backup leads to it"))),
            Some(begin) => {
                @if begin > from {
                    (bar(row, "useless", from, begin, "WAL before the first base backup"))
                }
                (bar(row, "window", begin, to.max(begin), &format!("Every second from {}", row.zone.range(begin, to.max(begin)))))
            }
        }
    }
}

fn bar(row: &TimelineRow<'_>, class: &str, from: Timestamp, to: Timestamp, said: &str) -> Markup {
    let (x, end) = (row.times.x(from), row.times.x(to));
    if end - x <= 0.0 && !row.times.holds(to) {
        return html! {};
    }
    html! {
        rect class=(class) x=(n(x)) y=(n(row.y + BAR)) width=(n((end - x).max(1.5))) height=(n(BAR_HEIGHT)) {
            title { (said) }
        }
    }
}

/// A gap is hatched, framed, and has a name.
fn missing(row: &TimelineRow<'_>, gap: &WalGap, labels: &mut Labels) -> Markup {
    let (Some(from), Some(to)) = (gap.from, gap.to) else { return html! {} };
    let (x, end) = (row.times.x(from), row.times.x(to));
    if end - x <= 0.0 && !row.times.holds(to) {
        return html! {};
    }
    let width = (end - x).max(4.0);
    let (top, height) = (row.y + BAR - 2.0, BAR_HEIGHT + 4.0);
    // Of a narrow one nobody could tell which word is meant for it.
    if width > 30.0 {
        let (style, word) =
            if gap.not_kept { (TextStyle::Mark, "not kept") } else { (TextStyle::Alarm, "gap") };
        labels.write(style, TextAnchor::Middle, x + width / 2.0, top - 4.0, word);
    }
    html! {
        rect class="gap" x=(n(x)) y=(n(top)) width=(n(width)) height=(n(height)) fill=(format!("url(#{})", row.pattern)) {
            title {
                @if gap.not_kept {
                    "Not kept: " (count(gap.segments, "segment")) " before the WAL window, from " (gap.first) " on"
                } @else {
                    "Gap: " (count(gap.segments, "segment")) " missing, from " (gap.first) " on"
                }
            }
        }
    }
}

/// Those that can be told from one another: of restorable ones close together one is enough.
fn marks<'a>(row: &TimelineRow<'a>) -> Vec<&'a BaseBackup> {
    let all = row.system.backups.iter().filter(|it| it.timeline == row.line.timeline);
    let mut last = f64::MIN;
    all.filter(|backup| row.times.holds(backup.ended))
        .filter(|backup| {
            let plain = backup.restore == CanRestore::Yes && !backup.pinned;
            let x = row.times.x(backup.ended);
            let apart = !plain || x - last >= CLOSE;
            if apart && plain {
                last = x;
            }
            apart
        })
        .collect()
}

/// A disc for a base backup, a cross for one that can't be restored, a ring for one of which that is not known;
/// a flag on what is pinned.
fn mark(row: &TimelineRow<'_>, backup: &BaseBackup) -> Markup {
    let (x, y) = (row.times.x(backup.ended), row.middle());
    let fate = match &backup.restore {
        CanRestore::Yes => String::new(),
        CanRestore::No(reason) => format!(", can't be restored: {}", plain(reason)),
        CanRestore::Unknown(reason) => format!(", perhaps can't be restored: {}", plain(reason)),
    };
    let pinned = if backup.pinned { ", pinned" } else { "" };
    html! {
        g {
            title { (plain(&backup.label)) " " (plain(&backup.id)) ", " (size(backup.stored)) (pinned) (fate) }
            @if backup.pinned { (flag(x, y)) }
            @match backup.restore {
                CanRestore::Yes => { circle class="backup" cx=(n(x)) cy=(n(y)) r="3.5" {} }
                CanRestore::Unknown(_) => { circle class="doubtful" cx=(n(x)) cy=(n(y)) r="3.5" {} }
                CanRestore::No(_) => { path class="cross" d=(cross(x, y)) {} }
            }
        }
    }
}

/// A pole with a pennant.
pub(crate) fn flag(x: f64, y: f64) -> Markup {
    let Area { top, right, .. } = flag_area(x, y);
    let [x, y, top, tip, slope, hem] = [x, y, top, right, top + 3.5, top + 7.0].map(n);
    html! { path class="pin" d=(format!("M{x} {y}V{top}L{tip} {slope}L{x} {hem}")) {} }
}

/// Where such a flag flies.
fn flag_area(x: f64, y: f64) -> Area {
    Area { left: x, right: x + 8.0, top: y - 19.0, bottom: y }
}

pub(crate) fn cross(x: f64, y: f64) -> String {
    let [left, right, top, bottom] = [x - 3.5, x + 3.5, y - 3.5, y + 3.5].map(n);
    format!("M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}")
}

/// A line from the row that a timeline left, at the time it did.
fn branch(
    line: &TimelineFacts,
    lines: &[&TimelineFacts],
    at: usize,
    times: &TimeAxis<'_>,
) -> Markup {
    let parent = line.left.and_then(|(parent, when)| {
        let row = lines[..at].iter().position(|it| it.timeline == parent)?;
        Some((row, when.filter(|when| times.holds(*when))?))
    });
    let Some((row, when)) = parent else { return html! {} };
    let x = n(times.x(when));
    let y = |row: usize| TOP + ROW * row as f64 + BAR;
    html! { line class="branch" x1=(x) x2=(x) y1=(n(y(row) + BAR_HEIGHT)) y2=(n(y(at))) {} }
}

fn pattern(caption: &Caption<'_>, paper: Paper) -> String {
    format!("{}-{}-hatched", caption.id, paper.class())
}

fn gap_pattern(caption: &Caption<'_>, paper: Paper) -> Markup {
    html! {
        defs {
            pattern id=(pattern(caption, paper)) width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                line class="hatch" x1="0" x2="0" y1="0" y2="5" {}
            }
        }
    }
}
