//! WAL that a human dropped (`seawall drop-wal`): it is archived nowhere, PostgreSQL may remove it, and a small object in
//! each repository says which segments that were, when, on which host and why.
//!
//! Who may add objects may add these, so what one says is a claim. It gives a gap its words, and it says that WAL was written
//! where nothing lies behind it: a recovery does not end there as if there had been no more. It makes nothing deletable, and
//! no gap an end of the WAL.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::layout::WalFolder;
use super::{Repository, layout};
use crate::codec::read_failed;
use crate::config::{Config, Limits};
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment};
use crate::storage::{Created, Metadata};

/// The first format, and the only one so far. A reader passes over a higher one.
const FORMAT: u32 = 1;

/// One takes some hundred bytes; no longer one is read.
const BYTES_MAX: u64 = 16 << 10;

/// So many names are looked at, and so many objects read. One human drops WAL rarely.
const NAMES_MAX: usize = 10_000;
const READ_MAX: usize = 64;

/// The longest reason, in characters.
pub const REASON_MAX: usize = 200;

/// Segments without a gap between them that were dropped, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DroppedWal {
    pub first: WalSegment,
    pub last: WalSegment,
    pub when: Timestamp,
    /// Name of the host on which it was done.
    pub host: String,
    pub why: Option<String>,
    /// Whether no human did it: it was owed to the repository, and no rule of retention keeps it any more.
    pub by_retention: bool,
}

/// As it is stored, in the clear.
#[derive(Serialize, Deserialize)]
struct DroppedJson {
    seawall: u32,
    timeline: u32,
    first: String,
    last: String,
    when: Timestamp,
    host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Added later: an older reader takes it for a human's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    by_retention: bool,
}

impl DroppedWal {
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let json = DroppedJson {
            seawall: FORMAT,
            timeline: self.first.timeline.number(),
            first: self.first.to_string(),
            last: self.last.to_string(),
            when: self.when,
            host: self.host.clone(),
            why: self.why.clone(),
            by_retention: self.by_retention,
        };
        serde_json::to_vec_pretty(&json).map_err(|error| {
            let message = format!("could not write that WAL was dropped: {error}");
            Error::new(Class::Internal, message)
        })
    }

    /// `None` where it is not what this version writes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let json: DroppedJson = serde_json::from_slice(bytes).ok()?;
        let (first, last) = (segment(&json.first)?, segment(&json.last)?);
        let fits = json.seawall == FORMAT
            && is_range(first, last)
            && first.timeline.number() == json.timeline;
        let why = json.why.map(|why| why.chars().take(REASON_MAX).collect());
        let host = json.host.chars().take(REASON_MAX).collect();
        let by_retention = json.by_retention;
        fits.then_some(Self { first, last, when: json.when, host, why, by_retention })
    }

    /// The name of its object.
    pub fn object(&self) -> String {
        format!("{}-{}.json", self.first, self.last)
    }

    pub fn holds(&self, segment: WalSegment) -> bool {
        self.first <= segment && segment <= self.last
    }

    /// Whether any of these segments was dropped.
    pub fn overlaps(&self, first: WalSegment, last: WalSegment) -> bool {
        self.first.timeline == first.timeline && self.first <= last && first <= self.last
    }
}

/// Who dropped what and when, as the end of a sentence: `A to B were dropped on …`.
impl fmt::Display for DroppedWal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{} was", self.first)?,
            false => write!(f, "{} to {} were", self.first, self.last)?,
        }
        let by = match self.by_retention {
            true => "not copied because no rule of retention keeps it any more (seawall settle)",
            false => "dropped by hand (seawall drop-wal)",
        };
        write!(f, " {by} at {:.0} on host {:?}", self.when, self.host)?;
        self.why.iter().try_for_each(|why| write!(f, ", reason: {why:?}"))
    }
}

fn segment(name: &str) -> Option<WalSegment> {
    match name.parse() {
        Ok(WalFileName::Segment(segment)) => Some(segment),
        _ => None,
    }
}

fn is_range(first: WalSegment, last: WalSegment) -> bool {
    first.timeline == last.timeline && first <= last
}

/// The segments that an object speaks of, as its name says.
fn named(name: &str) -> Option<(WalSegment, WalSegment)> {
    let (first, last) = name.strip_suffix(".json")?.split_once('-')?;
    let (first, last) = (segment(first)?, segment(last)?);
    is_range(first, last).then_some((first, last))
}

impl Repository {
    /// Writes down, durably, that this WAL was dropped. That it is written there already is fine.
    pub fn store_dropped(&self, folder: &WalFolder, dropped: &DroppedWal) -> Result<()> {
        let key = format!("{}{}", folder.gaps(), dropped.object());
        let said = |error: Error| {
            error.while_doing(format!("could not write down the gap in repository {}", self.name))
        };
        let content = Bytes::from(dropped.to_json()?);
        if self.storage.create(&key, content, &Metadata::new()).map_err(said)? == Created::Taken {
            self.storage.settle(&key).map_err(said)?;
        }
        failpoint::reach("drop.stored");
        Ok(())
    }

    /// What was dropped, as far as its first and last segment are wanted. One listing, and a request for each. What can't
    /// be understood is passed over, and so is all behind the first so many: it is only words.
    pub fn dropped(
        &self,
        folder: &WalFolder,
        wanted: &dyn Fn(WalSegment, WalSegment) -> bool,
    ) -> Result<Vec<DroppedWal>> {
        let (root, mut seen, mut keys) = (folder.gaps(), 0, Vec::new());
        let listed = self.storage.list(&root, "", &mut |listed| {
            seen += 1;
            let range = listed.key.strip_prefix(&root).and_then(named);
            if range.is_some_and(|(first, last)| wanted(first, last)) {
                keys.push(listed.key.to_owned());
            }
            match seen < NAMES_MAX && keys.len() < READ_MAX {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        listed.map_err(|error| self.not_listed(error))?;
        let mut found = Vec::new();
        for key in keys {
            match self.read_dropped(&key)? {
                Some(dropped) if key.strip_prefix(&root) == Some(&dropped.object()) => {
                    found.push(dropped);
                }
                _ => tracing::debug!(key, "passed over: it is not what its name says"),
            }
        }
        Ok(found)
    }

    fn read_dropped(&self, key: &str) -> Result<Option<DroppedWal>> {
        let Some(mut reader) = self.storage.open(key, Some(BYTES_MAX))? else { return Ok(None) };
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
        Ok(DroppedWal::parse(&bytes))
    }

    /// The WAL files from one segment to another one, as they lie there: in one listing that begins with the first.
    pub fn files_between(
        &self,
        folder: &WalFolder,
        first: WalSegment,
        last: WalSegment,
    ) -> Result<HashSet<WalFileName>> {
        let mut found = HashSet::new();
        let listed = self.storage.list(folder.prefix(), &folder.before(first), &mut |listed| {
            let name = layout::wal_file_of(listed.key);
            match name.and_then(WalFileName::segment) {
                Some(segment) if segment > last => return ControlFlow::Break(()),
                Some(_) => found.extend(folder.file_of(listed.key)),
                None => {}
            }
            ControlFlow::Continue(())
        });
        listed.map_err(|error| self.not_listed(error))?;
        Ok(found)
    }
}

/// Writes down in each repository what lies in this folder of the host because a repository was away, and removes what is in
/// all of them. Where that does not work yet, a later call does it: the files stay.
pub fn bring_dropped(waiting: &Path, folder: &WalFolder, repositories: &[Repository]) {
    let Ok(entries) = fs::read_dir(waiting) else { return };
    let read = |path: PathBuf| Some((DroppedWal::parse(&durable::read_small(&path).ok()?)?, path));
    let paths = entries.flatten().map(|entry| entry.path());
    let all: Vec<(DroppedWal, PathBuf)> = paths.filter_map(read).take(READ_MAX).collect();
    let mut is_in_all = true;
    for repository in repositories {
        // One that is away costs one request.
        let stored = all.iter().try_for_each(|(it, _)| repository.store_dropped(folder, it));
        if let Err(error) = stored {
            tracing::warn!("{error}");
            is_in_all = false;
        }
    }
    if is_in_all {
        all.iter().for_each(|(_, path)| drop(fs::remove_file(path)));
        let _ = fs::remove_dir(waiting);
    }
}

/// Where a host keeps, in `state_directory`, what a repository that was away has yet to be told.
pub fn gaps_for_settle(state: &Path, cluster: &str, system: SystemIdentifier) -> PathBuf {
    state.join(format!("gaps-{cluster}-{system}"))
}

/// Brings it there, as [`bring_dropped`] does.
pub fn bring_gaps_of_settle(state: &Path, cluster: &str, repositories: &[Repository]) {
    let Ok(entries) = fs::read_dir(state) else { return };
    let prefix = format!("gaps-{cluster}-");
    let system = |entry: fs::DirEntry| {
        entry.file_name().to_str()?.strip_prefix(&prefix)?.parse().ok().map(SystemIdentifier)
    };
    for system in entries.flatten().filter_map(system) {
        let waiting = gaps_for_settle(state, cluster, system);
        bring_dropped(&waiting, &WalFolder::new(cluster, system), repositories);
    }
}

/// How long a server waits for that which archives.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same behind a push that has succeeded: repositories are opened anew, and asked once.
pub fn bring_dropped_soon(config: &Config, folder: &WalFolder, waiting: &Path) {
    let Limits { connect, request, total, .. } = config.limits;
    let limits = Limits {
        connect: connect.min(PATIENCE),
        request: request.min(PATIENCE),
        total: total.min(PATIENCE),
        attempts: 1,
    };
    match super::open_all(&Config { limits, ..config.clone() }, waiting.parent()) {
        Ok(repositories) => bring_dropped(waiting, folder, &repositories),
        Err(error) => tracing::warn!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped() -> DroppedWal {
        DroppedWal {
            first: segment("00000001000000000000000A").unwrap(),
            last: segment("00000001000000000000000C").unwrap(),
            when: "2026-11-30T22:00:00Z".parse().unwrap(),
            host: "db1".to_owned(),
            why: Some("the disk\nwas full".to_owned()),
            by_retention: false,
        }
    }

    #[test]
    fn is_read_as_it_was_written_and_said_in_one_line() {
        let dropped = dropped();
        assert_eq!(DroppedWal::parse(&dropped.to_json().unwrap()), Some(dropped.clone()));
        let object = dropped.object();
        assert_eq!(object, "00000001000000000000000A-00000001000000000000000C.json");
        assert_eq!(named(&object), Some((dropped.first, dropped.last)));
        assert_eq!(
            dropped.to_string(),
            "00000001000000000000000A to 00000001000000000000000C were dropped by hand (seawall drop-wal) at \
             2026-11-30T22:00:00Z on host \"db1\", reason: \"the disk\\nwas full\""
        );
    }

    #[test]
    fn what_is_not_what_it_should_be_says_nothing() {
        let text = String::from_utf8(dropped().to_json().unwrap()).unwrap();
        for (from, to) in [
            ("\"seawall\": 1", "\"seawall\": 2"),
            ("\"timeline\": 1", "\"timeline\": 2"),
            ("00000001000000000000000C", "000000010000000000000001"),
            ("00000001000000000000000C", "00000002000000000000000C"),
            ("00000001000000000000000A", "00000001.history"),
            ("2026-11-30T22:00:00Z", "yesterday"),
        ] {
            let other = text.replace(from, to);
            assert!(other != text && DroppedWal::parse(other.as_bytes()).is_none(), "{other}");
        }
        for name in [
            "00000001000000000000000C-00000001000000000000000A.json",
            "00000001000000000000000A-00000002000000000000000C.json",
            "00000001000000000000000A.json",
            "x-y.json",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }

    #[test]
    fn segments_are_in_it_or_not() {
        let (dropped, at) = (dropped(), |name: &str| segment(name).unwrap());
        assert!(dropped.holds(dropped.first) && dropped.holds(dropped.last));
        assert!(!dropped.holds(at("00000001000000000000000D")));
        assert!(!dropped.holds(at("00000002000000000000000B")));
        let (before, in_it) = (at("000000010000000000000001"), at("00000001000000000000000B"));
        assert!(dropped.overlaps(before, in_it) && !dropped.overlaps(before, before));
    }
}
