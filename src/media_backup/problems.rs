//! How far it is, and what went wrong with single files while all else went on. Each problem is logged and counted, and
//! the first ones are kept to be shown: one file that can't be read keeps nobody from the others.
//!
//! What a verification found damaged is noted beside the snapshot ([`Damage`]), so that the next one does not share it
//! but stores it anew. Without the note all later snapshots would go on with the damaged content as long as the source
//! is intact.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backup::{BackupFolder, DAMAGED, create_once, new_id};
use crate::codec::{Digest, read_failed};
use crate::error::{Error, Result};
use crate::repository::Repository;

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MediaProgress {
    /// Of all kinds.
    pub entries: u64,
    /// Length of the files so far, in bytes.
    pub size: u64,
    /// What it comes to, as far as that is known or was so the last time: entries and bytes.
    pub of: Option<(u64, u64)>,
}

/// So many are told one by one; the rest is counted.
const TOLD: usize = 1000;

/// Something that did not go as it should, while all else went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    /// False for what is left out by design, such as a socket.
    pub failed: bool,
}

/// The problems of one snapshot, restore or verification.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The first ones.
    pub told: Vec<Problem>,
    /// Files, folders or links that are missing in the result, or not quite as they should be.
    pub failures: u64,
    /// What is no file, folder or link.
    pub left_out: u64,
    /// Files that were written to all the while, and are as they were read.
    pub grew: u64,
}

impl Problems {
    /// `could not VERB "PATH": REASON`.
    pub fn failed(&mut self, verb: &str, path: &Path, reason: &dyn std::fmt::Display) {
        self.failures += 1;
        let message = format!("could not {verb} {path:?}: {reason}");
        tracing::warn!("{message}");
        self.tell(Problem { message, failed: true });
    }

    pub fn grew(&mut self, path: &Path) {
        self.grew += 1;
        let message = format!(
            "stored {path:?} up to its length when it was opened, because it is written to all the time"
        );
        tracing::warn!("{message}");
        self.tell(Problem { message, failed: false });
    }

    pub fn left_out(&mut self, path: &Path, what: &str) {
        self.left_out += 1;
        let message = format!("left out {path:?}: it is {what}");
        tracing::info!("{message}");
        self.tell(Problem { message, failed: false });
    }

    pub fn add(&mut self, other: Self) {
        self.failures += other.failures;
        self.left_out += other.left_out;
        self.grew += other.grew;
        other.told.into_iter().for_each(|problem| self.tell(problem));
    }

    fn tell(&mut self, problem: Problem) {
        if self.told.len() < TOLD {
            self.told.push(problem);
        }
    }
}

/// What a look at all of a snapshot found.
#[derive(Debug, Default)]
pub struct Verified {
    /// What was looked at.
    pub seen: MediaProgress,
    /// What is missing or not as the index says.
    pub problems: Problems,
    /// What the next snapshot must not share.
    pub damage: Damage,
}

/// More are not listed one by one: then nothing is shared.
const MOST: usize = 100_000;
const BYTES_MAX: u64 = 16 << 20;
const FORMAT: u32 = 1;

/// What is damaged: of a tree contents, of packs objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    pub contents: HashSet<Digest>,
    /// `ID/OBJECT`.
    pub objects: HashSet<String>,
    /// It is not known what is not.
    pub all: bool,
}

#[derive(Serialize, Deserialize)]
struct DamageNote {
    seawall: u32,
    /// RFC 3339 in UTC. Snapshots that began later were taken with this in mind.
    found: String,
    #[serde(default)]
    contents: Vec<String>,
    #[serde(default)]
    objects: Vec<String>,
    #[serde(default)]
    all: bool,
}

impl Damage {
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty() && self.objects.is_empty() && !self.all
    }

    /// Notes it beside the snapshot in whose verification it was found.
    pub fn note(&self, repository: &Repository, folder: &BackupFolder) -> Result<()> {
        let now = Timestamp::now();
        let all = self.all || self.contents.len() + self.objects.len() > MOST;
        let (mut contents, mut objects) = (Vec::new(), Vec::new());
        if !all {
            contents.extend(self.contents.iter().map(Digest::to_string));
            objects.extend(self.objects.iter().cloned());
        }
        let note = DamageNote { seawall: FORMAT, found: now.to_string(), contents, objects, all };
        let json = serde_json::to_vec_pretty(&note).unwrap_or_default();
        let name = format!("{DAMAGED}{}.json", new_id(now));
        create_once(repository, folder, &name, Bytes::from(json)).map(drop)
    }

    /// What the notes among these objects (`ID/OBJECT`) say that is not mended yet for who shares with a snapshot that
    /// began at `began`. A note that can't be read means that nothing is shared.
    pub fn noted<'n>(
        repository: &Repository,
        all: &str,
        objects: impl Iterator<Item = &'n str>,
        began: Timestamp,
    ) -> Self {
        let mut damage = Self::default();
        for key in objects.filter(|key| is_note(key)) {
            match read(repository, &format!("{all}{key}")) {
                Ok(Some(note)) => damage.add(note, began),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!("could not read what was damaged ({key}): {error}");
                    damage.all = true;
                }
            }
        }
        damage
    }

    fn add(&mut self, note: DamageNote, began: Timestamp) {
        // Objects of packs that are damaged stay so; who was taken later does not use them.
        self.objects.extend(note.objects);
        let found = note.found.parse::<Timestamp>().unwrap_or(Timestamp::MAX);
        if began <= found {
            self.all |= note.all || note.seawall > FORMAT;
            let digests: Result<Vec<Digest>, _> =
                note.contents.iter().map(|it| it.parse()).collect();
            match digests {
                Ok(digests) => self.contents.extend(digests),
                Err(_) => self.all = true,
            }
        }
    }
}

fn is_note(key: &str) -> bool {
    key.split_once('/').is_some_and(|(_, object)| object.starts_with(DAMAGED))
}

fn read(repository: &Repository, key: &str) -> Result<Option<DamageNote>> {
    let Some(reader) = repository.storage().open(key, Some(BYTES_MAX))? else { return Ok(None) };
    let mut bytes = Vec::new();
    reader.take(BYTES_MAX).read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
    let parsed = serde_json::from_slice(&bytes);
    parsed.map(Some).map_err(|error| {
        let message = format!("expected a note of what is damaged, found something else: {error}");
        Error::new(crate::error::Class::Damaged, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_since_is_mended() {
        let digest = Digest::of(b"x").to_string();
        let note = || DamageNote {
            seawall: FORMAT,
            found: "2026-11-22T20:30:00Z".into(),
            contents: vec![digest.clone()],
            objects: vec!["a/data-00001.pack".into()],
            all: false,
        };
        let noted = |began: &str, note: DamageNote| {
            let mut damage = Damage::default();
            damage.add(note, began.parse().unwrap());
            damage
        };
        let before = noted("2026-11-22T20:29:59Z", note());
        assert_eq!((before.contents.len(), before.objects.len(), before.all), (1, 1, false));
        let after = noted("2026-11-22T20:30:01Z", note());
        assert_eq!((after.contents.len(), after.objects.len(), after.all), (0, 1, false));
        for wrong in [
            DamageNote { contents: vec!["zz".into()], ..note() },
            DamageNote { seawall: FORMAT + 1, ..note() },
            DamageNote { all: true, ..note() },
        ] {
            assert!(noted("2026-11-22T20:29:59Z", wrong).all);
        }
        assert!(
            is_note("x/damaged-1.json") && !is_note("x/data-00001.pack") && !is_note("damaged-")
        );
    }
}
