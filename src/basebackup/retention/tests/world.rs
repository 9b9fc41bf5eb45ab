//! Made-up histories of a server: it works, takes base backups, is promoted, is brought back to an
//! earlier moment, and its archive has holes.

use jiff::SignedDuration;

use super::*;
use crate::made_up::Numbers;

const SEGMENT: u64 = 1 << 20;
pub const REPOSITORIES: usize = 2;

pub fn size() -> WalSegmentSize {
    WalSegmentSize::from_bytes(1 << 20).unwrap()
}

pub fn tli(number: u32) -> TimelineId {
    TimelineId::new(number).unwrap()
}

/// Where the server was at a time.
#[derive(Clone, Copy)]
pub struct Moment {
    pub time: Timestamp,
    pub timeline: u32,
    pub lsn: Lsn,
}

#[derive(Clone)]
pub struct World {
    pub files: [BTreeSet<(u32, u64)>; REPOSITORIES],
    pub histories: BTreeMap<u32, Vec<(u32, Lsn)>>,
    pub backups: Vec<BaseCandidate>,
    pub unfinished: Vec<Attempt>,
    pub closed: BTreeSet<usize>,
    pub moments: Vec<Moment>,
    pub now: Timestamp,
}

impl World {
    pub fn new(numbers: &mut Numbers) -> Self {
        let begin: Timestamp = "2026-01-01T03:00:00Z".parse().unwrap();
        let mut world = Self {
            files: [BTreeSet::new(), BTreeSet::new()],
            histories: BTreeMap::new(),
            backups: Vec::new(),
            unfinished: Vec::new(),
            closed: BTreeSet::new(),
            moments: vec![Moment { time: begin, timeline: 1, lsn: Lsn(SEGMENT) }],
            now: begin,
        };
        let holes = 20 + numbers.below(200);
        for _ in 0..4 + numbers.below(16) {
            match numbers.below(10) {
                0 => world.switch(numbers.below(10) * SEGMENT / 10),
                1 => {
                    let moment = numbers.below(world.moments.len() as u64) as usize;
                    let back = world.moments[moment];
                    world.now += SignedDuration::from_mins(5);
                    world.branch(back.timeline, back.lsn);
                }
                2..6 => world.back_up(numbers),
                _ => {}
            }
            let hours = 1 + numbers.below(60) as i64;
            world.work(numbers.below(4 * SEGMENT), hours, holes, numbers);
        }
        if numbers.one_in(8) {
            let lost = 2 + numbers.below(3) as u32;
            world.histories.remove(&lost);
        }
        if numbers.one_in(10) {
            world.closed.insert(numbers.below(2) as usize);
        }
        world.judge();
        world
    }

    pub fn last(&self) -> Moment {
        self.moments[self.moments.len() - 1]
    }

    fn ancestors(&self, timeline: u32) -> Vec<(u32, Lsn)> {
        self.histories.get(&timeline).cloned().unwrap_or_default()
    }

    fn switch(&mut self, further: u64) {
        let last = self.last();
        self.branch(last.timeline, Lsn(last.lsn.0 + further));
    }

    /// A new timeline that leaves another one here.
    fn branch(&mut self, parent: u32, lsn: Lsn) {
        let timeline = self.moments.iter().map(|it| it.timeline).max().unwrap() + 1;
        let mut ancestors = self.ancestors(parent);
        ancestors.push((parent, lsn));
        self.histories.insert(timeline, ancestors);
        self.moments.push(Moment { time: self.now, timeline, lsn });
        let segment = lsn.0 / SEGMENT;
        self.files.iter_mut().for_each(|files| {
            files.insert((timeline, segment));
        });
    }

    /// Writes WAL, and archives what is full.
    fn work(&mut self, bytes: u64, hours: i64, holes: u64, numbers: &mut Numbers) {
        let last = self.last();
        let lsn = Lsn(last.lsn.0 + bytes);
        for segment in last.lsn.0 / SEGMENT..=lsn.0 / SEGMENT {
            for files in &mut self.files {
                if !numbers.one_in(holes) {
                    files.insert((last.timeline, segment));
                }
            }
        }
        self.now += SignedDuration::from_hours(hours);
        self.moments.push(Moment { time: self.now, timeline: last.timeline, lsn });
    }

    fn back_up(&mut self, numbers: &mut Numbers) {
        let began = self.now;
        let start = self.last();
        self.work(1000 + numbers.below(2 * SEGMENT), 1, 1 << 40, numbers);
        let stop = self.last();
        let point = |it: Moment| Point { timeline: tli(it.timeline), lsn: it.lsn };
        let span = Span { start: point(start), stop: point(stop), carries_wal: false };
        let id = format!("{}-{:04x}", began.strftime("%Y%m%dT%H%M%SZ"), numbers.below(1 << 16));
        let which = numbers.below(5);
        for repository in (0..REPOSITORIES).filter(|it| which != *it as u64) {
            if numbers.one_in(10) {
                self.unfinished.push(Attempt {
                    repository,
                    id: id.clone(),
                    newest: None,
                    bytes: 0,
                });
                continue;
            }
            let damaged = numbers.one_in(12);
            self.backups.push(BaseCandidate {
                repository,
                id: id.clone(),
                needs: span,
                began,
                ended: self.now,
                dates: Dates { store: Some(self.now), noted: None },
                bytes: 0,
                pinned: numbers.one_in(12),
                owed_to: Vec::new(),
                fell: false,
                condition: match damaged {
                    true => Condition::Bad("a part is missing".to_owned()),
                    false => Condition::Good,
                },
            });
        }
    }

    pub fn ranges(&self, repository: usize) -> Vec<WalRange> {
        let segment = |(timeline, number): &(u32, u64)| {
            WalSegment::at(Lsn(number * SEGMENT), tli(*timeline), size()).unwrap()
        };
        let mut ranges: Vec<WalRange> = Vec::new();
        for segment in self.files[repository].iter().map(segment) {
            match ranges.last_mut() {
                Some(last) if last.last.next(size()) == Some(segment) => last.last = segment,
                _ => ranges.push(WalRange { first: segment, last: segment, size: size() }),
            }
        }
        ranges
    }

    /// Of one repository, or of all together.
    pub fn timelines(&self, repository: Option<usize>) -> Timelines {
        let history = |(timeline, ancestors): (&u32, &Vec<(u32, Lsn)>)| {
            let switch =
                |(parent, at): &(u32, Lsn)| TimelineSwitch { timeline: tli(*parent), at: *at };
            let ancestors = ancestors.iter().map(switch).collect();
            (tli(*timeline), TimelineHistory { timeline: tli(*timeline), ancestors })
        };
        let ranges = match repository {
            Some(one) => self.ranges(one),
            None => {
                let mut all = self.clone();
                all.files[0].extend(&self.files[1]);
                all.ranges(0)
            }
        };
        let histories = self.histories.iter().map(history).collect();
        let spans: Vec<Span> = self.backups.iter().map(|it| it.needs).collect();
        Timelines::new(&Wal { segment_size: size(), ranges, histories }, &spans)
    }

    /// Finds out which base backups are good, as a look at the repositories would.
    pub fn judge(&mut self) {
        let alone = [self.timelines(Some(0)), self.timelines(Some(1))];
        for it in &mut self.backups {
            let needed = alone[it.repository].needed(&it.needs);
            it.condition = match (&it.condition, needed) {
                (Condition::Bad(why), _) if why == "a part is missing" => continue,
                (_, Needed::Complete) => Condition::Good,
                (_, Needed::Missing(_)) => Condition::Bad("WAL is missing".to_owned()),
                (_, Needed::Unknown) => Condition::Unknown("not known".to_owned()),
            };
        }
    }

    pub fn holdings<'a>(&self, timelines: &'a Timelines) -> SystemHoldings<'a> {
        SystemHoldings {
            stored: Holdings {
                backups: self.backups.clone(),
                unfinished: self.unfinished.clone(),
                broken: Vec::new(),
                closed: self.closed.clone(),
            },
            wal: (0..REPOSITORIES).map(|it| (it, self.ranges(it))).collect(),
            young: BTreeMap::new(),
            owed: BTreeMap::new(),
            timelines,
            mixed_sizes: false,
        }
    }

    /// What is left after some steps.
    pub fn after(&self, steps: &[Deletion]) -> Self {
        let mut left = self.clone();
        for step in steps {
            match step {
                Deletion::Stored(line) => {
                    let is_it =
                        |repository, id: &str| (repository, id) == (line.repository, &line.id);
                    match line.what {
                        PlanSubject::Backup => {
                            left.backups.retain(|it| !is_it(it.repository, &it.id));
                        }
                        _ => left.unfinished.retain(|it| !is_it(it.repository, &it.id)),
                    }
                }
                Deletion::Wal(WalLine { repository, range, .. }) => {
                    for segment in range.segments() {
                        let number = segment.start(size()).unwrap().0 / SEGMENT;
                        left.files[*repository].remove(&(segment.timeline.number(), number));
                    }
                }
            }
        }
        left
    }
}
