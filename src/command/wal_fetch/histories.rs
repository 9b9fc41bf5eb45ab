//! Where timelines were left: from the histories that this host has, else from the repositories.

use crate::data_directory::KeptHistories;
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, TimelineHistory, TimelineId, WalFileName};
use crate::repository::{Repository, Source};

pub(super) struct Histories<'a> {
    pub kept: Option<KeptHistories>,
    pub repositories: &'a [Repository],
    pub source: &'a Source<'a>,
}

/// The end of a timeline, as far as a recovery is concerned that follows another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaving {
    pub timeline: TimelineId,
    pub by: TimelineId,
    pub at: Lsn,
}

impl Histories<'_> {
    /// Where the first of the `followed` timelines left this one; `None` where none of them descends from it.
    pub(super) fn leaving(
        &self,
        timeline: TimelineId,
        followed: &[TimelineId],
    ) -> Result<Option<Leaving>> {
        let mut first: Option<Leaving> = None;
        for by in followed {
            let history = self.find(*by)?.ok_or_else(|| unknown(timeline, *by))?;
            if let Some(at) = history.left(timeline)
                && first.is_none_or(|first| at <= first.at)
            {
                first = Some(Leaving { timeline, by: *by, at });
            }
        }
        Ok(first)
    }

    /// The history of a timeline; `None` where no repository has one.
    pub(super) fn find(&self, timeline: TimelineId) -> Result<Option<TimelineHistory>> {
        if let Some(history) = self.kept.as_ref().and_then(|kept| kept.find(timeline)) {
            return Ok(Some(history));
        }
        let mut failure = None;
        for repository in self.repositories {
            match repository.history_file(self.source, timeline) {
                Ok(Some(content)) => {
                    self.keep(timeline, &content);
                    let history = TimelineHistory::parse(timeline, &content);
                    return history
                        .map(Some)
                        .map_err(|error| Error::new(Class::Damaged, error.to_string()));
                }
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// Keeps a history that a repository has. Without a copy it is fetched again.
    pub(super) fn keep(&self, timeline: TimelineId, content: &[u8]) {
        if let Some(kept) = &self.kept
            && let Err(error) = kept.keep(timeline, content)
        {
            tracing::warn!("no copy of {} is kept: {error}", WalFileName::History(timeline));
        }
    }
}

fn unknown(timeline: TimelineId, by: TimelineId) -> Error {
    let message = format!(
        "could not find out where timeline {} left timeline {}: {} is in no repository",
        by.number(),
        timeline.number(),
        WalFileName::History(by)
    );
    Error::new(Class::Gap, message).hint(
        "Look for the history in pg_wal of the server that went on with that timeline, and hand it to wal-push there.",
    )
}
