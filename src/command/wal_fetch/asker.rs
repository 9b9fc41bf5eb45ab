//! Who asks for a WAL file, and what that one makes of an answer.

use std::path::Path;
use std::time::Duration;

use crate::config::Limits;
use crate::data_directory::{AskedSegment, DataDirectory, KeptHistories};
use crate::postgres::{TimelineId, WalFileName};

/// The name under which PostgreSQL asks for histories (`readTimeLineHistory` and others in `timeline.c`).
const RECOVERY_HISTORY: &str = "RECOVERYHISTORY";

/// How long a server may wait for a store that says nothing, where a failure does no harm: PostgreSQL can't be
/// promoted or stopped meanwhile.
const SEGMENT_PATIENCE: Duration = Duration::from_secs(5);
const HISTORY_PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A recovery from the archive (`recovery.signal`). A status from 1 to 125 is the end of the WAL for it.
    Recovery,
    /// A standby (`standby.signal`). It asks again after a status from 1 to 125, and goes down after a higher one.
    Standby,
    /// Neither: `pg_rewind`, a person, or a server at the end of its recovery. PostgreSQL removes the signal file and
    /// asks once more, for the history of the timeline that it leaves (`writeTimeLineHistory` in `timeline.c`). After a
    /// status from 1 to 125 it takes its own copy; after a higher one it goes down, half promoted.
    Other,
}

impl Asker {
    pub fn of(data_directory: Option<&DataDirectory>) -> Self {
        match data_directory {
            Some(it) if it.is_standby() => Self::Standby,
            Some(it) if it.is_in_recovery() => Self::Recovery,
            _ => Self::Other,
        }
    }

    /// Whether a failure must not take the server down: it asks again, or has what it needs. `words` are those of the command
    /// line, which may be wrong. Without a signal file this goes for histories only: a recovery whose signal file somebody removed
    /// would take segments for ended.
    pub fn lives_on<'a>(self, mut words: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::Standby => true,
            Self::Recovery => false,
            Self::Other => !words
                .any(|word| word.parse().is_ok_and(|it| !matches!(it, WalFileName::History(_)))),
        }
    }

    /// Whether "not in the archive" is right without asking a repository. Timeline 1 branched off from none and has no
    /// history; and a server that was promoted just now takes the history that it has itself.
    pub fn needs_no_answer(
        self,
        name: WalFileName,
        target: &Path,
        kept: Option<&KeptHistories>,
    ) -> bool {
        let WalFileName::History(timeline) = name else { return false };
        let server_asks = target.file_name().is_some_and(|name| name == RECOVERY_HISTORY);
        let has_it = || kept.is_some_and(|kept| kept.server_has(timeline));
        timeline.number() == 1 || self == Self::Other && server_asks && has_it()
    }

    /// The limits for this question.
    pub fn patience(self, name: WalFileName, limits: Limits) -> Limits {
        let (most, tries) = match (self, name) {
            (Self::Recovery, _) => return limits,
            (Self::Standby, WalFileName::Segment(_)) => (SEGMENT_PATIENCE, 2),
            (_, WalFileName::History(_)) => (HISTORY_PATIENCE, 2),
            _ => return limits,
        };
        Limits {
            connect: limits.connect.min(most),
            request: limits.request.min(most),
            total: limits.total.min(most),
            attempts: limits.attempts.min(tries),
        }
    }

    /// The timelines behind that of a segment which this recovery follows. Where no earlier question is known, those
    /// whose histories PostgreSQL has.
    pub fn followed(
        self,
        name: WalFileName,
        asked: Option<&AskedSegment>,
        kept: Option<&KeptHistories>,
    ) -> Vec<TimelineId> {
        if self == Self::Other || !matches!(name, WalFileName::Segment(_)) {
            return Vec::new();
        }
        let known = asked.and_then(AskedSegment::followed);
        known.unwrap_or_else(|| kept.map_or_else(Vec::new, |it| it.descendants(name.timeline())))
    }
}
