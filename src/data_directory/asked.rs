//! Which segment recovery asked `wal-fetch` for last, and on which timelines: that shows which ones it follows.
//!
//! For each place in the WAL PostgreSQL asks on the newest timeline that it follows and that had begun by then, and
//! where that has no such segment on its ancestors, one after the other (`XLogFileReadAnyTLI` in `xlogrecovery.c`).

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::StateFolder;
use crate::durable;
use crate::error::{Error, Result};
use crate::postgres::{TimelineId, WalSegment};

/// The questions for one place.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct AskedPlace {
    seawall: u32,
    log: u32,
    segment: u32,
    /// On which timelines it was asked for, one after the other.
    timelines: Vec<u32>,
    /// On which of them the log says that the archive does not have it.
    told: Vec<u32>,
}

/// What is known, in a call that asks for a segment, of the questions before it.
#[derive(Debug, Clone)]
pub struct AskedSegment {
    path: PathBuf,
    round: AskedPlace,
    known: bool,
}

impl AskedSegment {
    /// Notes that `segment` is asked for. The note is there before the answer is: whatever becomes of this call, the
    /// next one knows of it.
    pub fn note(state: &StateFolder, segment: WalSegment) -> Result<Self> {
        let path = state.path().join("asked.json");
        let before = read(&path);
        let known = before.is_some();
        let same_place =
            |round: &AskedPlace| (round.log, round.segment) == (segment.log, segment.segment);
        let mut round = before.filter(same_place).unwrap_or_else(|| AskedPlace {
            seawall: 1,
            log: segment.log,
            segment: segment.segment,
            timelines: Vec::new(),
            told: Vec::new(),
        });
        let number = segment.timeline.number();
        // It goes down from one to the next; anything else is a new beginning.
        if round.timelines.last().is_some_and(|last| number >= *last) {
            round.timelines.clear();
        }
        round.timelines.push(number);
        let asked = Self { path, round, known };
        asked.write()?;
        Ok(asked)
    }

    /// The timelines on which the same place was asked for right before, newest first: the recovery follows them.
    /// `None` where no question before this one is known.
    pub fn followed(&self) -> Option<Vec<TimelineId>> {
        let before = &self.round.timelines[..self.round.timelines.len() - 1];
        self.known.then(|| before.iter().filter_map(|number| TimelineId::new(*number)).collect())
    }

    /// Whether the log has said already that this segment is not in the archive: a standby asks every few seconds.
    pub fn is_told(&self) -> bool {
        self.round.timelines.last().is_some_and(|number| self.round.told.contains(number))
    }

    /// Notes that the log says it.
    pub fn tell(mut self) -> Result<()> {
        self.round.told.extend(self.round.timelines.last());
        self.write()
    }

    fn write(&self) -> Result<()> {
        let json = serde_json::to_vec(&self.round).map_err(io::Error::other);
        let json = json.map_err(|error| Error::file("write", &self.path, &error))?;
        durable::replace(&self.path, &json)
    }
}

/// The histories of which the log has said that the archive does not have them.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Absent {
    seawall: u32,
    timelines: Vec<u32>,
}

/// Notes that the log says this history is not in the archive; true where it has said so already: a standby asks for the
/// next one every few seconds.
pub fn tell_absent_history(state: &StateFolder, timeline: TimelineId) -> Result<bool> {
    let path = state.path().join("absent-histories.json");
    let read = || serde_json::from_slice::<Absent>(&fs::read(&path).ok()?).ok();
    let mut absent = read().filter(|absent| absent.seawall == 1).unwrap_or_default();
    if absent.timelines.contains(&timeline.number()) {
        return Ok(true);
    }
    absent.seawall = 1;
    absent.timelines.push(timeline.number());
    let json = serde_json::to_vec(&absent).map_err(io::Error::other);
    durable::replace(&path, &json.map_err(|error| Error::file("write", &path, &error))?)?;
    Ok(false)
}

fn read(path: &Path) -> Option<AskedPlace> {
    let round: AskedPlace = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (round.seawall == 1).then_some(round)
}

#[cfg(test)]
mod tests {
    use crate::data_directory::DataDirectory;

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["global", "pg_wal"] {
                fs::create_dir(folder.path().join(name)).unwrap();
            }
            fs::write(folder.path().join("global/pg_control"), "").unwrap();
            Self(folder)
        }

        fn note(&self, timeline: u32, segment: u32) -> AskedSegment {
            let data = DataDirectory::find(&self.0.path().join("pg_wal/x")).unwrap();
            let timeline = TimelineId::new(timeline).unwrap();
            AskedSegment::note(
                &StateFolder::of(&data).unwrap(),
                WalSegment { timeline, log: 0, segment },
            )
            .unwrap()
        }

        fn followed(&self, timeline: u32, segment: u32) -> Option<Vec<u32>> {
            let followed = self.note(timeline, segment).followed()?;
            Some(followed.into_iter().map(TimelineId::number).collect())
        }
    }

    #[test]
    fn what_was_asked_for_right_before_is_followed() {
        let place = Place::new();
        assert_eq!(place.followed(3, 7), None);
        assert_eq!(place.followed(2, 7), Some(vec![3]));
        assert_eq!(place.followed(1, 7), Some(vec![3, 2]));
        // A recovery to timeline 1 asks for no other.
        assert_eq!(place.followed(1, 7), Some(vec![]));
        assert_eq!(place.followed(1, 8), Some(vec![]));
        assert_eq!(place.followed(2, 8), Some(vec![]));
        assert_eq!(place.followed(1, 9), Some(vec![]));
    }

    #[test]
    fn an_absence_is_told_once_for_each_timeline() {
        let place = Place::new();
        for expected in [false, true] {
            for timeline in [2, 1] {
                let asked = place.note(timeline, 7);
                assert_eq!(asked.is_told(), expected, "{timeline}");
                if !expected {
                    asked.tell().unwrap();
                }
            }
        }
        assert!(!place.note(2, 8).is_told());
    }

    #[test]
    fn a_torn_note_is_no_note() {
        let place = Place::new();
        place.note(2, 7);
        fs::write(place.0.path().join("pg_wal/seawall/asked.json"), "{").unwrap();
        assert_eq!(place.followed(1, 7), None);
    }
}
