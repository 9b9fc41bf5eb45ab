//! `backup.json` of a snapshot of media files: what lies beside it, what it needs of earlier snapshots, and totals. The
//! description is in the clear even where the files are encrypted, so it holds no names of files. Ids and objects of
//! earlier snapshots are checked when a description is read, because keys in the store are made of them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::problems::Problems;
use crate::backup::{
    Configured, Described, DescriptionHead, Fell, Measure, SelfContained, StoredObject,
};
use crate::config::{Config, KeepConfig};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotDescription {
    /// Version of the format.
    pub seawall: u32,
    pub id: String,
    /// What the user called it.
    pub label: String,
    pub kind: SnapshotKind,
    /// RFC 3339 in UTC.
    pub began: String,
    pub ended: String,
    /// Whether the objects are encrypted.
    pub encrypted: bool,
    pub totals: Sums,
    /// What lies beside it. Of a tree it is the index alone: the files are in `tree/`.
    pub objects: Vec<StoredObject>,
    /// What lies with earlier snapshots and is needed as well, whether or not they still exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
    /// Tells the keys that it is encrypted to from others: content for other keys is not shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<String>,
    /// What lies below each path of the set, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathSums>,
    /// BLAKE3 of all names with their contents. Snapshots of before repositories got copies of one another may be of
    /// two moments in two of them; absent in snapshots of before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// Absent where it holds about as much as those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fell: Option<Fell>,
    /// It may hold less than those before: somebody said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
}

/// What lies below one path of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathSums {
    pub files: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotKind {
    /// A folder that looks like the files.
    LocalTree,
    /// Content in packs.
    Packed,
}

/// Objects of an earlier snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Earlier {
    pub id: String,
    pub objects: Vec<StoredObject>,
}

/// What a snapshot took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotTotals {
    pub entries: u64,
    pub files: u64,
    /// Length of the files in bytes, each content once.
    pub size: u64,
    /// Files that were read, and their length in bytes.
    pub read_files: u64,
    pub read_size: u64,
    /// Files that were kept anew; the others are shared with the previous snapshot, or in packs with each other.
    pub new_files: u64,
    pub new_size: u64,
    /// What lies below each path of the set.
    pub paths: Vec<PathSums>,
    /// BLAKE3 of all names with their contents: two snapshots with the same one hold the same.
    pub sum: String,
}

/// What a snapshot holds, and what it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Of all kinds.
    pub entries: u64,
    pub files: u64,
    /// Length of the files in bytes, each content once for each of its files.
    pub size: u64,
    pub read_files: u64,
    pub read_size: u64,
    /// Files that were kept anew; the others are shared with the snapshot before, or in packs with each other.
    pub new_files: u64,
    pub new_size: u64,
    /// Files, folders and links that could not be read.
    pub failures: u64,
    /// What is no file, folder or link.
    pub left_out: u64,
    /// Files that were written to all the while, and are as they were read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub grew: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Sums {
    pub fn of(totals: &SnapshotTotals, problems: &Problems) -> Self {
        Self {
            entries: totals.entries,
            files: totals.files,
            size: totals.size,
            read_files: totals.read_files,
            read_size: totals.read_size,
            new_files: totals.new_files,
            new_size: totals.new_size,
            failures: problems.failures,
            left_out: problems.left_out,
            grew: problems.grew,
        }
    }
}

impl SnapshotDescription {
    pub const FORMAT: u32 = 1;

    /// Every object that a restore may need, with the id of the snapshot beside whose description it lies.
    pub fn all_objects(&self) -> impl Iterator<Item = (&str, &StoredObject)> {
        let own = self.objects.iter().map(|object| (self.id.as_str(), object));
        own.chain(self.shared())
    }

    /// The object beside it whose name begins so.
    pub fn object(&self, begin: &str) -> Option<&StoredObject> {
        self.objects.iter().find(|object| object.object.starts_with(begin))
    }
}

impl Described for SnapshotDescription {
    const WHAT: &'static str = "snapshot";
    const FORMAT: u32 = Self::FORMAT;
    const SHARES: bool = true;

    fn objects(&self) -> impl Iterator<Item = &StoredObject> {
        self.objects.iter()
    }

    fn encrypted(&self) -> bool {
        self.encrypted
    }

    fn shared(&self) -> impl Iterator<Item = (&str, &StoredObject)> {
        let earlier = self.earlier.iter();
        earlier.flat_map(|it| it.objects.iter().map(|object| (it.id.as_str(), object)))
    }
}

/// All verbs are about one set: the configuration that they get has it alone.
impl Configured for SnapshotDescription {
    const PROGRAM: &'static str = "media-backup";
    const NAMED_BY: &'static str = "--set";
    const TABLES: &'static [&'static str] = &["media_backup"];
    const NOTES: &'static str = "media";

    fn name(config: &Config) -> &str {
        config.media.first().map_or("", |set| set.name.as_str())
    }

    fn keep(config: &Config) -> KeepConfig {
        config.media_backup.keep
    }
}

impl SelfContained for SnapshotDescription {
    const ROOT: &'static str = "media/";

    fn head(&self) -> DescriptionHead<'_> {
        DescriptionHead {
            id: &self.id,
            label: &self.label,
            times: [&self.began, &self.ended],
            fell: self.fell.as_ref(),
            accepted: self.accepted,
        }
    }

    fn measures(&self) -> Vec<Measure> {
        measures(&self.totals, &self.paths)
    }

    fn set_fall(&mut self, fell: Option<Fell>, accepted: bool) {
        (self.fell, self.accepted) = (fell, accepted);
    }
}

/// What should not vanish. Of several paths each counts for itself: another disk may be mounted there.
fn measures(totals: &Sums, paths: &[PathSums]) -> Vec<Measure> {
    let files = Measure::new("files", totals.files, 1).or_part(2, 10);
    let bytes = Measure::new("bytes", totals.size, 1).or_part(2, 1 << 30);
    let of = paths.len();
    let each = paths.iter().enumerate().filter(|_| of > 1);
    let each =
        each.map(|(at, it)| Measure::new(format!("files in path {} of {of}", at + 1), it.files, 1));
    [files, bytes].into_iter().chain(each).collect()
}

impl fmt::Display for SnapshotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LocalTree => "tree",
            Self::Packed => "packs",
        })
    }
}

#[derive(Deserialize)]
struct Unchecked {
    id: String,
    objects: Vec<StoredObject>,
}

/// What must not lead a reader astray: keys are made of these.
impl TryFrom<Unchecked> for Earlier {
    type Error = String;

    fn try_from(Unchecked { id, objects }: Unchecked) -> Result<Self, String> {
        let plain = |text: &str| {
            let known = |it: u8| it.is_ascii_alphanumeric() || b"-_.".contains(&it);
            !text.is_empty() && !text.starts_with('.') && text.bytes().all(known)
        };
        if !plain(&id) {
            return Err(format!("expected the id of a snapshot, found {id:?}"));
        }
        let mut names = BTreeSet::new();
        for StoredObject { object, .. } in &objects {
            if !plain(object) || !names.insert(object) {
                return Err(format!("expected the name of an object once, found {object:?}"));
            }
        }
        Ok(Self { id, objects })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::parse_description;
    use crate::media_backup::samples::{described, stored};

    fn description() -> SnapshotDescription {
        let earlier = ("20261121T203000Z-0000", stored("data-00002.pack", 2));
        described("20261122T203000Z-4f2a", stored("data-00001.pack", 2), earlier)
    }

    #[test]
    fn reads_what_it_writes() {
        let bytes = serde_json::to_vec(&description()).unwrap();
        assert_eq!(parse_description::<SnapshotDescription>(&bytes), Ok(description()));
        let all: Vec<_> =
            description().all_objects().map(|(id, it)| format!("{id} {}", it.object)).collect();
        assert_eq!(
            all,
            ["20261122T203000Z-4f2a data-00001.pack", "20261121T203000Z-0000 data-00002.pack"]
        );
    }

    #[test]
    fn what_would_lead_elsewhere_is_refused() {
        let change = |from: &str, to: &str| {
            let text = serde_json::to_string(&description()).unwrap().replace(from, to);
            parse_description::<SnapshotDescription>(text.as_bytes()).unwrap_err().to_string()
        };
        let wrong = change("20261121T203000Z-0000", "../x");
        assert!(wrong.contains("expected the id of a snapshot, found \"../x\""), "{wrong}");
        let wrong = change("\"stored_size\":2", "\"stored_size\":18446744073709551615");
        assert!(
            wrong.contains("expected the length of data-00002.pack, found 18446744073709551615")
        );
        let wrong = change("data-00002.pack", "a/b");
        assert!(wrong.contains("expected the name of an object once, found \"a/b\""), "{wrong}");
    }
}
