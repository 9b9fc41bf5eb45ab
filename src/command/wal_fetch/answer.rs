//! The order of the questions behind one answer: is the file there, may it be handed over, and if it is absent, is that
//! the end of the WAL?

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use super::asker::Asker;
use super::fetch::{FileFetch, Leaving, TimelineEnds};
use crate::codec::Label;
use crate::data_directory::{AskedSegment, CutSegment, StateFolder, tell_absent_history};
use crate::debts::owed_from;
use crate::durable::{self, Temporary};
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, TimelineId, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{Behind, DroppedWal, Repository, WalBeyond};

pub(super) struct FetchAnswer<'a> {
    pub asker: Asker,
    /// The timelines behind that of the segment that this recovery follows.
    pub followed: Vec<TimelineId>,
    pub asked: Option<AskedSegment>,
    pub fetch: FileFetch<'a>,
    pub histories: TimelineEnds<'a>,
    pub state: Option<&'a StateFolder>,
    pub gap_wait: Duration,
}

const LOOK_FOR_IT: &str = "Look for the segment on the old server, on its standbys and in other archives. To recover only to the gap, \
     set recovery_target_lsn to a point before it.";

/// A proof, and the repository that has it.
type WalProof<'a> = (WalBeyond, &'a Repository);

impl FetchAnswer<'_> {
    /// The length of the file in bytes once it is in its place; `None` at the end of the WAL.
    pub(super) fn give(self) -> Result<Option<u64>> {
        let label = match self.fetch.name {
            WalFileName::Segment(segment) => self.segment(segment)?,
            WalFileName::History(timeline) => self.history(timeline)?,
            WalFileName::Partial(_) | WalFileName::Backup { .. } => {
                self.until_sure(&|| Ok(None))?
            }
        };
        if label.is_none() {
            self.say_absent();
        }
        Ok(label.map(|label| label.size))
    }

    /// WAL of a timeline from the place on where the recovery leaves it is of another life of the server: the old
    /// primary went on for a while. PostgreSQL asks for it when the new timeline has not archived that segment yet,
    /// and would replay it.
    fn segment(&self, segment: WalSegment) -> Result<Option<Label>> {
        let leaving = self.histories.leaving(segment.timeline, &self.followed)?;
        let (Some(leaving), Some(size)) = (leaving, self.segment_size()?) else {
            return self.until_sure(&|| self.behind(segment));
        };
        let start = start_of(segment, size)?;
        if leaving.at.0 >= start.0 + size.bytes() {
            return self.until_sure(&|| self.behind(segment));
        }
        // A standby asks again, until the new timeline has archived its own.
        if leaving.at > start && self.asker == Asker::Recovery {
            let cut = |file: &mut Temporary, label: &Label| self.cut(file, segment, leaving, label);
            if let Some(label) = self.fetch.fetch(&|file, label| cut(file, label))? {
                self.warn(segment, leaving, "it is handed over up to there");
                return Ok(Some(label));
            }
        }
        let until = Instant::now() + self.gap_wait;
        while let Some(proof) = self.behind_followed(segment)? {
            self.wait_or_fail(until, proof)?;
        }
        self.fetch.check_that_all_know()?;
        self.warn(segment, leaving, "the WAL ends there");
        Ok(None)
    }

    /// A history that a repository had is kept: where a server lives on without it, the copy stands in for a store
    /// that is away. So a promotion takes no number that is taken.
    fn history(&self, timeline: TimelineId) -> Result<Option<Label>> {
        let later = || {
            let each = |repository: &'_ Repository| {
                repository.later_timeline(self.fetch.source.folder, timeline)
            };
            self.first(&each)
        };
        let fetched = self.until_sure(&later);
        let kept = self.histories.kept.as_ref().and_then(|kept| kept.kept(timeline));
        match (fetched, kept) {
            (Ok(Some(label)), _) => {
                if let Ok(content) = fs::read(self.fetch.target) {
                    self.histories.keep(timeline, &content);
                }
                Ok(Some(label))
            }
            (Err(error), Some(content)) if self.asker != Asker::Recovery => {
                tracing::warn!("handed over the copy of {} on this host: {error}", self.fetch.name);
                durable::replace(self.fetch.target, &content)?;
                Ok(Some(Label::of(&self.fetch.name.to_string(), &content)))
            }
            (fetched, _) => fetched,
        }
    }

    /// Asks, and when the file is absent but `later` finds a proof that it should be there, asks again for a while: of
    /// several servers that archive, one may store a segment before the one in front of it.
    fn until_sure<'b>(
        &'b self,
        later: &dyn Fn() -> Result<Option<WalProof<'b>>>,
    ) -> Result<Option<Label>> {
        let until = Instant::now() + self.gap_wait;
        loop {
            if let Some(label) = self.fetch.fetch(&|_, _| Ok(()))? {
                return Ok(Some(label));
            }
            match later()? {
                Some(proof) => self.wait_or_fail(until, proof)?,
                None => {
                    self.check_not_dropped()?;
                    self.fetch.check_that_all_know()?;
                    return Ok(None);
                }
            }
        }
    }

    fn wait_or_fail(&self, until: Instant, (later, repository): WalProof<'_>) -> Result<()> {
        if Instant::now() >= until {
            return Err(self.gap(later, repository));
        }
        std::thread::sleep(Duration::from_millis(200));
        Ok(())
    }

    /// What somebody dropped was written, so the WAL does not end there. A standby asks again whatever the answer is.
    fn check_not_dropped(&self) -> Result<()> {
        match (self.asker, self.fetch.name) {
            (Asker::Standby, _) => Ok(()),
            (_, WalFileName::Segment(segment)) => match self.dropped(segment)? {
                Some(dropped) => Err(self.dropped_gap(&dropped)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Who dropped it, as the first repository says that says so.
    fn dropped(&self, segment: WalSegment) -> Result<Option<DroppedWal>> {
        let holds = |first, last| first <= segment && segment <= last;
        for repository in self.fetch.repositories {
            let found = repository.dropped(self.fetch.source.folder, &holds)?;
            if let Some(dropped) = found.into_iter().next() {
                return Ok(Some(dropped));
            }
        }
        Ok(None)
    }

    fn dropped_gap(&self, dropped: &DroppedWal) -> Error {
        let message =
            format!("{} is in no repository: {dropped}: the WAL has a gap", self.fetch.name);
        Error::new(Class::Gap, message).hint(LOOK_FOR_IT)
    }

    /// What proves that a segment of this timeline was archived once.
    fn behind(&self, segment: WalSegment) -> Result<Option<WalProof<'_>>> {
        let size = self.segment_size()?;
        let each = |repository: &'_ Repository| {
            let folder = self.fetch.source.folder;
            match (repository.behind(folder, segment)?, size) {
                (Behind::Segment(later), _) => return Ok(Some(WalBeyond::Segment(later))),
                (Behind::Timeline, Some(size)) => {
                    let left = self.left_behind(repository, segment, size)?;
                    if left.is_some() {
                        return Ok(left);
                    }
                }
                _ => {}
            }
            self.owed(repository, segment)
        };
        self.first(&each)
    }

    /// Who notes that another one is owed a segment had it once, and all before it. What a repository notes of itself is said
    /// and proves nothing: the one that has it may be lost, and this one ends here.
    fn owed(&self, repository: &Repository, segment: WalSegment) -> Result<Option<WalBeyond>> {
        // A standby asks again and again, and concludes nothing.
        if self.asker != Asker::Recovery {
            return Ok(None);
        }
        let [other, own] = owed_from(repository, self.fetch.source.folder, segment)?;
        if let (None, Some(own)) = (other, own)
            && !self.asked.as_ref().is_some_and(AskedSegment::is_told)
        {
            tracing::warn!(
                "repository {} lacks WAL up to {own} at least, which was archived elsewhere while it was away. HINT: If                  another repository has it, configure that one too, and run `seawall settle`.",
                repository.name()
            );
        }
        Ok(other.map(WalBeyond::Owed))
    }

    /// A history in the repository that leaves the timeline behind a segment proves that the segment was written. Not so the
    /// segment of the switch: PostgreSQL asks for it on the new timeline, which begins with the same WAL.
    fn left_behind(
        &self,
        repository: &Repository,
        segment: WalSegment,
        size: WalSegmentSize,
    ) -> Result<Option<WalBeyond>> {
        let timeline = segment.timeline;
        let end = Lsn(start_of(segment, size)?.0 + size.bytes());
        for by in repository.histories_behind(self.fetch.source.folder, timeline)? {
            let left = self.histories.find(by)?.and_then(|history| history.left(timeline));
            if let Some(at) = left.filter(|at| *at >= end) {
                return Ok(Some(WalBeyond::Left { timeline, by, at }));
            }
        }
        Ok(None)
    }

    /// The same question on the timelines that are followed instead.
    fn behind_followed(&self, segment: WalSegment) -> Result<Option<WalProof<'_>>> {
        for timeline in &self.followed {
            let proof = self.behind(WalSegment { timeline: *timeline, ..segment })?;
            if proof.is_some() {
                return Ok(proof);
            }
        }
        Ok(None)
    }

    fn first(
        &self,
        each: &dyn Fn(&Repository) -> Result<Option<WalBeyond>>,
    ) -> Result<Option<WalProof<'_>>> {
        for repository in self.fetch.repositories {
            if let Some(later) = each(repository)? {
                return Ok(Some((later, repository)));
            }
        }
        Ok(None)
    }

    /// Leaves zeros behind the place where the timeline was left: replaying ends at the last record before it.
    fn cut(
        &self,
        file: &mut Temporary,
        segment: WalSegment,
        leaving: Leaving,
        label: &Label,
    ) -> Result<()> {
        let start = start_of(segment, self.segment_size()?.ok_or_else(nowhere)?)?;
        let failed = |error| Error::file("write", self.fetch.target, &error);
        let file = file.file();
        let keep = leaving.at.0 - start.0;
        file.set_len(keep).and_then(|()| file.set_len(label.size)).map_err(failed)?;
        file.seek(SeekFrom::Start(keep)).and_then(|_| file.flush()).map_err(failed)?;
        CutSegment::note(self.state.ok_or_else(nowhere)?, segment, leaving.at, file)
    }

    fn segment_size(&self) -> Result<Option<WalSegmentSize>> {
        self.fetch.data_directory.map(|it| it.segment_size()).transpose()
    }

    /// Once for each timeline and place, and once for each history: a standby asks every few seconds.
    fn say_absent(self) {
        let told = match (self.asked, self.fetch.name, self.state) {
            (Some(asked), ..) if asked.is_told() => Ok(true),
            (Some(asked), ..) => asked.tell().map(|()| false),
            (None, WalFileName::History(timeline), Some(state)) if self.asker == Asker::Standby => {
                tell_absent_history(state, timeline)
            }
            _ => Ok(false),
        };
        if told == Ok(true) {
            tracing::debug!(segment = %self.fetch.name, "still not in the archive");
            return;
        }
        tracing::info!(segment = %self.fetch.name, "not in the archive");
        if let Err(error) = told {
            tracing::debug!("that it was said is not noted: {error}");
        }
    }

    fn warn(&self, segment: WalSegment, leaving: Leaving, outcome: &str) {
        if self.asked.as_ref().is_some_and(AskedSegment::is_told) {
            return;
        }
        let Leaving { timeline, by, at } = leaving;
        let (timeline, by_number) = (timeline.number(), by.number());
        let own = WalSegment { timeline: by, ..segment };
        tracing::warn!(
            "timeline {by_number} left timeline {timeline} at {at}, and its own segment {own} is in no repository (not \
             archived yet, or owed): of {segment}, {outcome}. HINT: If timeline {by_number} was a \
             mistake and timeline {timeline} is the right one, recover with --target-timeline {timeline} \
             (recovery_target_timeline = '{timeline}')."
        );
    }

    fn gap(&self, later: WalBeyond, repository: &Repository) -> Error {
        let dropped = match self.fetch.name {
            WalFileName::Segment(segment) => self.dropped(segment).ok().flatten(),
            _ => None,
        };
        let dropped = dropped.map_or(String::new(), |dropped| format!("; {dropped}"));
        let message = format!(
            "{} is in no repository, but {later} is in repository {}: the WAL has a gap{dropped}",
            self.fetch.name,
            repository.name()
        );
        let hint = match self.fetch.name {
            WalFileName::History(_) => {
                "Find the history file, or name the timeline to recover to with recovery_target_timeline."
            }
            _ => LOOK_FOR_IT,
        };
        Error::new(Class::Gap, message).hint(hint)
    }
}

fn start_of(segment: WalSegment, size: WalSegmentSize) -> Result<Lsn> {
    segment.start(size).map_err(|error| Error::new(Class::Usage, format!("{segment}: {error}")))
}

/// Only a recovery in a data directory follows timelines.
fn nowhere() -> Error {
    Error::new(
        Class::LocalFile,
        "pg_wal/seawall can't be written, where the cut of a segment is noted",
    )
    .hint("Make room in pg_wal and look at its owner and mode.")
}
