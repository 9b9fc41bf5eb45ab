//! What a base backup is in a repository: the names of its objects, and `backup.json`, which describes it. That is written
//! last, in the clear, and makes the backup exist.
//!
//! All of it is part of the format that `docs/repository-format.md` promises, so that a backup can be restored without
//! Seawall.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Elsewhere;
use crate::backup::{BackupFolder, Described, StoredObject, parse_description};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;

/// The first format, and the only one so far. A reader refuses a higher one.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Version of the format.
    pub seawall: u32,
    pub id: String,
    /// What the user called it; stands in `backup_label` too.
    pub label: String,
    /// In decimal, as a text: JSON's numbers lose digits of it.
    pub system_identifier: String,
    /// Like 150018 (`PG_VERSION_NUM`).
    pub postgres_version: u32,
    /// In bytes.
    pub wal_segment_size: u32,
    pub start: Position,
    /// WAL up to here is needed to make the files consistent.
    pub stop: Position,
    pub from_standby: bool,
    /// Whether the server found pages with a wrong checksum.
    pub checksum_failures: bool,
    /// Whether the WAL that makes it consistent is inside, in `pg_wal` of the data directory.
    pub standalone: bool,
    /// Whether the objects are encrypted.
    pub encrypted: bool,
    pub tablespaces: Vec<Tablespace>,
    /// What of the configuration among the files leads out of the data directory. Absent where an older version took the backup,
    /// which did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Vec<Elsewhere>>,
    pub parts: Vec<Part>,
    pub manifest: StoredObject,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Like `16/B374D848`.
    pub lsn: String,
    pub timeline: u32,
    /// RFC 3339 in UTC: when the backup was begun, and when the last of its data had come.
    pub time: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tablespace {
    pub oid: u32,
    /// Where it lay on the server.
    pub location: String,
}

/// A whole tar archive with some of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    #[serde(flatten)]
    pub stored: StoredObject,
    /// The tablespace that its paths are relative to; the data directory when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<u32>,
    /// How many files and folders are in it.
    pub entries: u64,
}

/// A line of `backup_manifest` has a digest of at most 128 letters and a path of at most 1,023 bytes, twice as long
/// where those are no text.
const MANIFEST_BYTES_A_FILE: u64 = 3 << 10;

/// What is no file's line.
const MANIFEST_BYTES_BESIDE: u64 = 1 << 20;

/// It is in memory as a whole.
const MANIFEST_BYTES_MAX: u64 = 1 << 30;

/// Refuses a `backup_manifest` of `found` bytes that is too long for the number of files in these parts. Such a manifest
/// is neither stored nor read. The error says which length was expected.
pub(super) fn check_manifest_length(parts: &[Part], found: u64) -> Result<(), String> {
    let entries = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.entries));
    let bytes_max = entries.saturating_mul(MANIFEST_BYTES_A_FILE);
    let bytes_max = bytes_max.saturating_add(MANIFEST_BYTES_BESIDE).min(MANIFEST_BYTES_MAX);
    if found <= bytes_max {
        return Ok(());
    }
    Err(format!(
        "expected a backup_manifest of at most {bytes_max} bytes for {entries} files, found one of {found}"
    ))
}

impl Description {
    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|error| {
            Error::new(Class::Internal, format!("could not write backup.json: {error}"))
        })
    }

    pub fn parse(bytes: &[u8]) -> Result<Self> {
        parse_description(bytes)
    }

    /// Length of the files in tar archives, before compression, in bytes.
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.stored.size).sum()
    }

    /// Where each tablespace lay on the server, by its oid.
    pub fn locations(&self) -> BTreeMap<u32, &str> {
        self.tablespaces.iter().map(|it| (it.oid, it.location.as_str())).collect()
    }

    /// Length of all objects but `backup.json` in bytes.
    pub fn stored_size(&self) -> u64 {
        let parts = self.parts.iter().map(|part| part.stored.stored_size);
        parts.sum::<u64>() + self.manifest.stored_size
    }
}

impl Described for Description {
    const WHAT: &'static str = "base backup";
    const FORMAT: u32 = FORMAT;

    fn objects(&self) -> impl Iterator<Item = &StoredObject> {
        self.parts.iter().map(|part| &part.stored).chain([&self.manifest])
    }

    fn encrypted(&self) -> bool {
        self.encrypted
    }
}

impl BackupFolder {
    pub fn new(cluster: &str, system: SystemIdentifier, id: &str) -> Self {
        Self::below(&all_backups(cluster, system), id)
    }
}

/// All keys of all base backups of a system begin with this.
pub fn all_backups(cluster: &str, system: SystemIdentifier) -> String {
    format!("postgres/{cluster}/{system}/basebackups/")
}

/// The name of a part; the first has number 1.
pub(super) fn part_name(number: usize, encrypted: bool) -> String {
    format!("part-{number:05}.tar.zst{}", if encrypted { ".age" } else { "" })
}

pub(super) fn manifest_name(encrypted: bool) -> String {
    format!("backup_manifest.zst{}", if encrypted { ".age" } else { "" })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn description() -> Description {
        let position = |lsn: &str, time: &str| Position {
            lsn: lsn.to_owned(),
            timeline: 1,
            time: time.to_owned(),
        };
        let stored = |object: &str, size| StoredObject {
            object: object.to_owned(),
            size,
            stored_size: size / 2,
            sha256: "ab".repeat(32),
        };
        Description {
            seawall: FORMAT,
            id: "20261122T203000Z-4f2a".to_owned(),
            label: "nightly".to_owned(),
            system_identifier: "7711021090723955933".to_owned(),
            postgres_version: 180_006,
            wal_segment_size: 16 << 20,
            start: position("0/2000028", "2026-11-22T20:30:00Z"),
            stop: position("0/2000120", "2026-11-22T20:30:05Z"),
            from_standby: false,
            checksum_failures: false,
            standalone: false,
            encrypted: false,
            tablespaces: vec![Tablespace { oid: 16385, location: "/ts".to_owned() }],
            elsewhere: None,
            parts: vec![
                Part {
                    stored: stored("part-00001.tar.zst", 100),
                    tablespace: Some(16385),
                    entries: 3,
                },
                Part { stored: stored("part-00002.tar.zst", 200), tablespace: None, entries: 9 },
            ],
            manifest: stored("backup_manifest.zst", 50),
        }
    }

    #[test]
    fn reads_what_it_writes() {
        let description = description();
        assert_eq!(Description::parse(&description.to_json().unwrap()), Ok(description.clone()));
        assert_eq!((description.size(), description.stored_size()), (300, 175));
        // An older version does not know of it, and leaves it out.
        assert!(!String::from_utf8(description.to_json().unwrap()).unwrap().contains("elsewhere"));
        let (setting, path) = ("hba_file".to_owned(), "/etc/hba".to_owned());
        let told =
            Description { elsewhere: Some(vec![Elsewhere { setting, path }]), ..description };
        assert_eq!(Description::parse(&told.to_json().unwrap()), Ok(told));
    }

    #[test]
    fn refuses_a_newer_format_and_damage() {
        let newer = Description::parse(br#"{"seawall":2,"other":true}"#).unwrap_err();
        assert_eq!(
            newer.to_string(),
            "expected backup format 1, found 2. HINT: A newer Seawall wrote it: use that one."
        );
        let json = description().to_json().unwrap();
        for cut in [0, 1, json.len() / 2, json.len() - 1] {
            assert_eq!(Description::parse(&json[..cut]).unwrap_err().class(), Class::Damaged);
        }
    }

    #[test]
    fn refuses_objects_elsewhere_and_lengths_that_no_disk_holds() {
        let parsed = |change: &dyn Fn(&mut Description)| {
            let mut description = description();
            change(&mut description);
            Description::parse(&description.to_json().unwrap()).map_err(|error| error.to_string())
        };
        for name in ["", "..", ".hidden", "../part-00001.tar.zst", "a/b", "a\0"] {
            let expected = format!("expected the name of an object beside it, found {name:?}");
            let found = parsed(&|it| it.manifest.object = name.to_owned());
            assert_eq!(found, Err(expected));
        }
        let found = parsed(&|it| it.parts[1].stored.stored_size = u64::MAX);
        let expected =
            "expected the length of part-00002.tar.zst, found 18446744073709551615 bytes";
        assert_eq!(found, Err(expected.to_owned()));
    }

    #[test]
    fn names_are_what_the_format_says() {
        let folder = BackupFolder::new("main", SystemIdentifier(7), "20261122T203000Z-4f2a");
        assert_eq!(
            folder.key(&part_name(12, true)),
            "postgres/main/7/basebackups/20261122T203000Z-4f2a/part-00012.tar.zst.age"
        );
        assert_eq!(manifest_name(false), "backup_manifest.zst");
    }
}
