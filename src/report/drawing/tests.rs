//! Every picture of every past, on any day: no text sticks out of it, and none lies on another. Measured as the
//! pictures themselves measure; `tests/suite/report/browser.rs` has a browser measure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::labels::TextStyle;
use super::{Caption, DrawnPeriod, Paper, backups, exposure, rehearsals, timelines, wal};
use crate::history::{Phase, Record, RecordKind};
use crate::made_up::{self, Numbers};
use crate::report::facts::{
    BaseBackup, CanRestore, Exposure, SystemFacts, TimelineFacts, WalGap, WalStretch,
};
use crate::report::zone::{DAYS, Days, PageZone};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// A system as of some moment.
struct Past {
    now: Timestamp,
    system: SystemFacts,
    objective: Duration,
}

impl Past {
    fn new(now: Timestamp) -> Self {
        let system = SystemFacts {
            identifier: "7711021090723955933".to_owned(),
            postgres: "18.6".to_owned(),
            backups: Vec::new(),
            second_contents: 0,
            lines: Vec::new(),
            newest_timeline: None,
            exposure: None,
            wal_per_day: [0; DAYS],
            wal_came: vec![0],
            wal_stored: Vec::new(),
            newest_wal: None,
            going: None,
            drills: Vec::new(),
        };
        Self { now, system, objective: Duration::from_secs(600) }
    }

    fn ago(&self, seconds: u64) -> Timestamp {
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        self.now.checked_sub(seconds).unwrap_or(Timestamp::MIN)
    }

    fn backup(mut self, ago: u64, stored: u64, pinned: bool) -> Self {
        let ended = self.ago(ago);
        self.system.backups.push(BaseBackup {
            id: "20261122T203000Z-4f2a".to_owned(),
            label: String::new(),
            began: ended,
            ended,
            size: stored,
            stored,
            timeline: 1,
            restore: CanRestore::Yes,
            pinned,
            places: Vec::new(),
            checksum_failures: false,
        });
        self
    }

    /// WAL between two moments, on a timeline that left another where its number says so.
    fn wal(mut self, timeline: u32, from: u64, to: u64) -> Self {
        let (from, to) = (Some(self.ago(from)), Some(self.ago(to)));
        let stretch =
            WalStretch { from, to, restorable: from, since: from, to_lsn: "0/0".to_owned() };
        let gap = |last: &WalStretch| WalGap {
            first: String::new(),
            last: String::new(),
            segments: 3,
            not_kept: false,
            from: last.to,
            to: from,
            dropped: None,
        };
        match self.system.lines.iter_mut().find(|line| line.timeline == timeline) {
            Some(line) => {
                line.gaps.extend(line.stretches.last().map(gap));
                line.stretches.push(stretch);
            }
            None => self.system.lines.push(TimelineFacts {
                timeline,
                left: (timeline > 1).then_some((1, from)),
                followed: true,
                stretches: vec![stretch],
                gaps: Vec::new(),
                windows: 1,
            }),
        }
        let mut exposure = self.system.exposure.take().unwrap_or(Exposure::until(self.now));
        exposure.waited(from.unwrap(), to.unwrap(), timeline > 1);
        self.system.exposure = Some(exposure);
        self
    }

    fn drill(mut self, ago: u64, seconds: f64, passed: bool) -> Self {
        let ended = self.ago(ago);
        self.system.drills.push(Record {
            seawall: 1,
            id: String::new(),
            kind: RecordKind::Drill,
            began: ended,
            ended,
            passed,
            backups: Vec::new(),
            repository: None,
            phases: vec![Phase { name: "fetch".to_owned(), seconds }],
            reached: None,
            checks: Vec::new(),
            found: Vec::new(),
            past: false,
        });
        self
    }

    fn per_day(mut self, bytes: u64) -> Self {
        self.system.wal_per_day = std::array::from_fn(|day| bytes / (day as u64 + 1));
        self
    }

    fn promised(self, seconds: u64) -> Self {
        Self { objective: Duration::from_secs(seconds), ..self }
    }

    /// Two weeks with gaps, a promotion, pins and three rehearsals.
    fn eventful(now: Timestamp) -> Self {
        let past = Self::new(now).wal(1, 14 * DAY, 9 * DAY).wal(1, 8 * DAY, 7 * DAY);
        let past = past.wal(1, 5 * DAY, 3 * DAY).wal(2, 3 * DAY, 240).per_day(9 << 30);
        let past = past.backup(14 * DAY, 3000, true).backup(8 * DAY + HOUR, 4000, true);
        past.drill(60 * DAY, 1900.0, true).drill(30 * DAY, 200.0, false).drill(3 * DAY, 250.0, true)
    }

    fn young(now: Timestamp) -> Self {
        Self::new(now).wal(1, 2520, 120).backup(2400, 1023 << 20, false).per_day(999 << 20)
    }

    fn failing(now: Timestamp) -> Self {
        let past = Self::new(now).wal(1, 5 * DAY, 600).backup(4 * DAY, 3000, false);
        [90, 60, 30, 2].into_iter().fold(past, |past, days| past.drill(days * DAY, 20.0, false))
    }

    /// More than a year of backups.
    fn long(now: Timestamp) -> Self {
        let past = Self::new(now).wal(1, 400 * DAY, 600).per_day(3 << 40);
        let months = (0..13).rev();
        months.fold(past, |past, month| {
            let ago = (month * 30 + 5) * DAY;
            past.backup(ago + 12 * HOUR, 1 << 40, false).drill(
                ago,
                400.0 + 90.0 * month as f64,
                true,
            )
        })
    }

    /// A store whose clock stood in 1970.
    fn ancient(now: Timestamp) -> Self {
        let since = now.as_second().unsigned_abs();
        Self::new(now).wal(1, since, 30).backup(since, 900 << 20, false).drill(since, 9e6, true)
    }

    fn anything(now: Timestamp, numbers: &mut Numbers) -> Self {
        let mut past = Self::new(now).promised(numbers.of_any_size(28));
        let mut ago = numbers.of_any_size(36);
        for number in 0..5 {
            let to = numbers.below(ago + 1);
            past = past.wal(1 + number / 3, ago, to);
            past = past.backup(to, numbers.of_any_size(62), numbers.below(3) == 0);
            past = past.drill(ago, numbers.of_any_size(30) as f64, numbers.below(3) > 0);
            ago = numbers.below(to + 1);
        }
        past.system.drills.sort_by_key(|drill| drill.ended);
        past.system.backups.sort_by_key(|backup| backup.ended);
        past.per_day(numbers.of_any_size(62))
    }

    /// All pictures of it.
    fn drawn(&self) -> Vec<(&'static str, String)> {
        let (system, now) = (&self.system, self.now);
        let zone = PageZone::utc();
        let days = Days::until(now, &zone);
        let caption = Caption { id: "it", title: "", description: "", zone: &zone };
        let oldest = system.lines.iter().flat_map(|line| &line.stretches).filter_map(|it| it.from);
        let oldest = oldest.min().unwrap_or(now);
        let near = DrawnPeriod { from: self.ago(14 * DAY).max(oldest), to: now };
        let far = DrawnPeriod { from: oldest, to: now };
        let sizes: Vec<_> = system.backups.iter().map(|it| (it.ended, it.stored)).collect();
        let exposed = system.exposure.as_ref().unwrap();
        let all = [
            ("near", timelines(caption, system, near)),
            ("far", timelines(caption, system, far)),
            ("exposure", exposure(caption, exposed, self.objective, now)),
            ("rehearsals", rehearsals(caption, &system.drills, self.objective, now)),
            ("backups", backups(caption, &sizes, now)),
            ("wal", wal(caption, &system.wal_per_day, &days)),
        ];
        // Of hours of which nothing is known there is no picture.
        let there = |name: &str| name != "exposure" || exposed.known() > 0;
        let all = all.into_iter().filter(|(name, _)| there(name));
        all.map(|(name, picture)| (name, picture.into_string())).collect()
    }
}

/// A text as it is drawn, and where it reaches.
struct Drawn<'a> {
    text: &'a str,
    left: f64,
    right: f64,
    y: f64,
}

fn texts(picture: &str) -> Vec<Drawn<'_>> {
    let all = picture.split("<text ").skip(1).map(|it| it.split_once("</text>").unwrap().0);
    all.map(|it| {
        let (attributes, text) = it.split_once('>').unwrap();
        let of = |name: &str| {
            let (_, rest) = attributes.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0
        };
        let style = if of("class") == "mark" { TextStyle::Mark } else { TextStyle::Alarm };
        let (x, width) = (of(" x").parse::<f64>().unwrap(), style.width(text));
        let left = match of("text-anchor") {
            "start" => x,
            "middle" => x - width / 2.0,
            _ => x - width,
        };
        let y = of(" y").parse().unwrap();
        Drawn { text, left, right: left + width, y }
    })
    .collect()
}

/// Holds every picture of a past against the rule. Says how many texts there were.
fn look(past: &Past, what: &str) -> usize {
    let mut count = 0;
    for (name, pictures) in past.drawn() {
        let both = pictures.split("</svg>").take(2).zip([Paper::Wide, Paper::Narrow]);
        for (picture, paper) in both {
            let place = || format!("{what}, {name} on {paper:?} as of {}", past.now);
            let all = texts(picture);
            let lowest = all.iter().map(|it| it.y).fold(0.0, f64::max);
            let times = all.iter().filter(|it| it.y == lowest).count();
            assert!((1..=15).contains(&times), "{}: {times} times", place());
            for (at, one) in all.iter().enumerate() {
                let inside = one.left > -0.1 && one.right < paper.width() + 0.1;
                assert!(inside, "{}: {} sticks out", place(), one.text);
                for other in &all[at + 1..] {
                    let beside = one.right < other.left || other.right < one.left;
                    let apart = beside || (one.y - other.y).abs() >= 14.0;
                    assert!(apart, "{}: {} lies on {}", place(), one.text, other.text);
                }
            }
            count += all.len();
        }
    }
    count
}

/// Moments of days that are hard to draw: at midnight, right before and behind it, at full hours, and between.
const MOMENTS: [u64; 8] = [0, 1, 59, HOUR, 12 * HOUR, DAY - HOUR, DAY - 20, DAY - 1];

#[test]
fn on_any_day_all_texts_have_their_room() {
    let first: Timestamp = "2026-10-31T00:00:00Z".parse().unwrap();
    for day in 0..800 {
        // Or any other: so many seconds further on each day that none comes twice.
        let moment =
            if day % 3 == 0 { day * 7919 % DAY } else { MOMENTS[day as usize % MOMENTS.len()] };
        let now = first + SignedDuration::from_secs((day * DAY + moment) as i64);
        let kinds = [
            ("eventful", Past::eventful as fn(Timestamp) -> Past),
            ("young", Past::young),
            ("failing", Past::failing),
            ("long", Past::long),
            ("ancient", Past::ancient),
        ];
        for (name, past) in kinds {
            let past = past(now);
            let count = look(&past, name);
            // Both papers: an axis has several marks, whatever the day.
            assert!(count >= 50, "{name} as of {now}: {count} texts");
        }
    }
}

#[test]
fn whatever_happened_all_texts_have_their_room() {
    made_up::each(2000, 40, |numbers| {
        let now = numbers.of_any_size(37).min(250_000_000_000);
        let now = Timestamp::from_second(i64::try_from(now).unwrap()).unwrap();
        look(&Past::anything(now, numbers), "anything");
    });
}
