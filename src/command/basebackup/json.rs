//! What `basebackup list` and `basebackup show` say, for programs. `version` rises when something changes its meaning
//! or goes; what is new may come at any time. LSNs, identifiers and times are texts, sizes are bytes. `schema` has the
//! fields.

mod schema;

use std::time::Duration;

use jiff::Timestamp;

use self::schema::{
    At, BranchJson, BrokenJson, DroppedRangeJson, LineJson, ListJson, MissingJson, RowJson,
    ShowJson, SystemJson, UnfinishedJson, WalIn, WalJson, WalOfBackup, WholeJson, WindowJson,
};
use super::owed::owed;
use super::restorable;
use crate::basebackup::Description;
use crate::basebackup::catalogue::{Backup, Contents, Moment, Survey, SystemWal};
use crate::basebackup::holes::Holes;
use crate::basebackup::windows::{Gap, Needed, Stretch, Timeline};
use crate::command::backups::Seen;
use crate::command::backups::json::{VERSION, copies, places, written};
use crate::error::Result;
use crate::postgres::{SystemIdentifier, WalSegment};
use crate::repository::DroppedWal;

pub fn list(seen: &Seen<'_, Description>) -> Result<String> {
    let Seen { config, survey, .. } = *seen;
    let context = Context { seen, survey };
    let wal_window = config.retention.wal_window;
    let systems = survey.catalogue.systems.iter().map(|system| context.system(*system, wal_window));
    written(&ListJson {
        version: VERSION,
        cluster: config.cluster.clone(),
        repositories: places(seen),
        systems: systems.collect(),
    })
}

struct Context<'a> {
    seen: &'a Seen<'a, Description>,
    survey: &'a Survey,
}

impl Context<'_> {
    fn name(&self, repository: usize) -> String {
        self.seen.name(repository).to_owned()
    }

    fn system(&self, system: SystemIdentifier, wal_window: Duration) -> SystemJson {
        let catalogue = &self.survey.catalogue;
        let wal = self.survey.system(system);
        let backups = catalogue.backups.iter().filter(|it| it.system == system);
        let unfinished = catalogue.unfinished.iter().filter(|it| it.system == system);
        let broken = catalogue.broken.iter().filter(|it| it.system == system);
        SystemJson {
            system_identifier: system.to_string(),
            wal_segment_size: wal.map(|wal| wal.segment_size.bytes()),
            backups: backups.map(|backup| self.row(backup)).collect(),
            unfinished: unfinished
                .map(|it| UnfinishedJson {
                    id: it.id.clone(),
                    repository: self.name(it.repository),
                    objects: it.objects,
                    stored_size: it.stored_size,
                })
                .collect(),
            broken: broken
                .map(|it| BrokenJson {
                    id: it.id.clone(),
                    repository: self.name(it.repository),
                    error: it.error.to_string(),
                })
                .collect(),
            timelines: wal.map_or(Vec::new(), |wal| self.timelines(wal, wal_window)),
            dropped: wal.map_or(Vec::new(), |wal| wal.dropped.iter().map(dropped).collect()),
            owed: wal.map_or(Vec::new(), |wal| owed(self.seen, wal)),
        }
    }

    fn row(&self, backup: &Backup) -> RowJson {
        let facts = &backup.facts;
        let verdict = self.survey.restorable(backup);
        let (word, reason) = restorable(&verdict);
        RowJson {
            id: backup.id.clone(),
            label: facts.label.clone(),
            postgres_version: facts.postgres_version.0,
            wal_segment_size: facts.segment_size.bytes(),
            start: at(&facts.start),
            stop: at(&facts.stop),
            from_standby: facts.from_standby,
            checksum_failures: facts.checksum_failures,
            standalone: facts.standalone,
            size: facts.size,
            pinned: backup.pinned(),
            restorable: word,
            reason: reason.map(str::to_owned),
            copies: copies(self.seen, backup),
        }
    }

    fn timelines(&self, system: &SystemWal, wal_window: Duration) -> Vec<LineJson> {
        let holes = self.survey.holes(system, wal_window, Timestamp::now());
        let (backups, timelines) = self.survey.windows(system);
        let line = |timeline: &Timeline| LineJson {
            timeline: timeline.timeline.number(),
            branched: timeline.branched.map(|branch| BranchJson {
                timeline: branch.timeline.number(),
                lsn: branch.lsn.to_string(),
            }),
            followed: timeline.followed,
            error: system.unread.get(&timeline.timeline).map(ToString::to_string),
            wal: timeline.stretches.iter().map(|stretch| wal(stretch, &backups, &holes)).collect(),
        };
        timelines.iter().map(line).collect()
    }
}

fn dropped(it: &DroppedWal) -> DroppedRangeJson {
    DroppedRangeJson {
        first: it.first.to_string(),
        last: it.last.to_string(),
        when: it.when.to_string(),
        host: it.host.clone(),
        why: it.why.clone(),
    }
}

fn at(moment: &Moment) -> At {
    let Moment { lsn, timeline, time } = moment;
    At { lsn: lsn.to_string(), timeline: timeline.number(), time: time.to_string() }
}

fn wal(stretch: &Stretch, backups: &[&Backup], holes: &Holes) -> WalJson {
    let window = stretch.window.and_then(|window| {
        let (first, last) = (backups.get(window.first)?, backups.get(window.last)?);
        Some(WindowJson {
            from_lsn: window.from.to_string(),
            from_time: first.facts.stop.time.to_string(),
            to_lsn: stretch.wal.end.to_string(),
            first_backup: first.id.clone(),
            last_backup: last.id.clone(),
            later_than: last.facts.stop.time.to_string(),
        })
    });
    let missing = |gap: &Gap| MissingJson {
        first: gap.first.to_string(),
        last: gap.last.to_string(),
        segments: gap.segments,
        not_kept: !holes.is_fault(gap),
    };
    WalJson {
        start_lsn: stretch.wal.start.to_string(),
        end_lsn: stretch.wal.end.to_string(),
        window,
        gaps: stretch.gaps.iter().map(missing).collect(),
    }
}

/// `wal` says for each repository whether it has the WAL of the backup.
pub fn show(
    seen: &Seen<'_, Description>,
    backup: &Backup,
    ends: [Option<WalSegment>; 2],
    wal: &[Option<Needed>],
    whole: Vec<(usize, Contents)>,
) -> Result<String> {
    let context = Context { seen, survey: seen.survey };
    let [first, last] = ends.map(|segment| segment.map(|segment| segment.to_string()));
    let wal = wal.iter().enumerate().map(|(number, needed)| WalIn {
        repository: context.name(number),
        complete: needed.and_then(|needed| match needed {
            Needed::Complete => Some(true),
            Needed::Missing(_) => Some(false),
            Needed::Unknown => None,
        }),
        first_missing: match needed {
            Some(Needed::Missing(segment)) => Some(segment.to_string()),
            _ => None,
        },
    });
    let in_each = |(repository, contents): (usize, Contents)| WholeJson {
        repository: context.name(repository),
        faults: contents.faults,
        description: contents.description,
    };
    written(&ShowJson {
        version: VERSION,
        system_identifier: backup.system.to_string(),
        backup: context.row(backup),
        wal: WalOfBackup { first, last, repositories: wal.collect() },
        copies: whole.into_iter().map(in_each).collect(),
    })
}
