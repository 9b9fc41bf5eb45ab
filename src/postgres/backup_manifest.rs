//! `backup_manifest`: every file of a base backup with its length and checksum (PostgreSQL documentation,
//! "Backup Manifest Format"; `backup_manifest.c` writes it, `parse_manifest.c` reads it).
//!
//! It proves a backup without the server, and itself by a checksum of its own; where a file is changed on
//! purpose in another place, its line is written anew.

mod checksum;
mod file;

pub use checksum::{ChecksumAlgorithm, ChecksumHasher, FileChecksum};
pub use file::ManifestFile;

use std::io;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Lsn, Malformed, SystemIdentifier, TimelineId};
use checksum::bytes_of_hex;
use file::JsonFile;

/// What PostgreSQL writes up to 16 is version 1; version 2 names the system.
const VERSIONS: [u32; 2] = [1, 2];

#[derive(Debug, PartialEq, Eq)]
pub struct BackupManifest {
    pub system: Option<SystemIdentifier>,
    /// In the order in which the server sent them. Not among them: `backup_manifest` itself and WAL.
    pub files: Vec<ManifestFile>,
    pub wal_ranges: Vec<ManifestWalRange>,
}

/// WAL that is needed to make the files consistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "JsonWalRange")]
pub struct ManifestWalRange {
    pub timeline: TimelineId,
    pub start: Lsn,
    pub end: Lsn,
}

#[derive(Deserialize)]
struct ManifestJson {
    #[serde(rename = "System-Identifier")]
    system: Option<u64>,
    #[serde(rename = "Files")]
    files: Vec<ManifestFile>,
    #[serde(rename = "WAL-Ranges")]
    wal_ranges: Vec<ManifestWalRange>,
}

#[derive(Deserialize)]
struct JsonWalRange {
    #[serde(rename = "Timeline")]
    timeline: u32,
    #[serde(rename = "Start-LSN")]
    start: String,
    #[serde(rename = "End-LSN")]
    end: String,
}

impl BackupManifest {
    /// Reads a whole manifest and proves it by its own checksum.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        /// Read first: what else a later version says may be written in another way.
        #[derive(Deserialize)]
        struct ManifestVersion {
            #[serde(rename = "PostgreSQL-Backup-Manifest-Version")]
            version: u32,
        }
        check_own_checksum(bytes)?;
        let ManifestVersion { version } = serde_json::from_slice(bytes).map_err(not_manifest)?;
        if !VERSIONS.contains(&version) {
            return Err(Malformed::new(format!(
                "expected a backup manifest of version 1 or 2, found version {version}"
            )));
        }
        let json: ManifestJson = serde_json::from_slice(bytes).map_err(not_manifest)?;
        let (files, wal_ranges) = (json.files, json.wal_ranges);
        Ok(Self { system: json.system.map(SystemIdentifier), files, wal_ranges })
    }
}

/// The last line holds a SHA-256 over all lines before it.
fn check_own_checksum(bytes: &[u8]) -> Result<(), Malformed> {
    let (before, last) = split_last_line(bytes)?;
    let digits = last.strip_prefix(CHECKSUM_BEGINS).and_then(|it| it.strip_suffix(CHECKSUM_ENDS));
    let expected = digits.and_then(bytes_of_hex);
    let expected = expected.ok_or_else(|| {
        let last = last.trim_end();
        Malformed::new(format!("expected a backup manifest with its checksum last, found {last:?}"))
    })?;
    if expected[..] == Sha256::digest(before)[..] {
        return Ok(());
    }
    let (expected, found) = (digits.unwrap_or_default(), own_checksum(before));
    Err(Malformed::new(format!(
        "expected a backup manifest with SHA-256 {expected}, found {found}"
    )))
}

const CHECKSUM_BEGINS: &str = "\"Manifest-Checksum\": \"";
const CHECKSUM_ENDS: &str = "\"}\n";

/// As it stands in the last line.
fn own_checksum(before: &[u8]) -> String {
    Sha256::digest(before).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines that the checksum covers, and the line that holds it.
fn split_last_line(bytes: &[u8]) -> Result<(&[u8], &str), Malformed> {
    let lines = bytes.strip_suffix(b"\n").and_then(|it| it.iter().rposition(|byte| *byte == b'\n'));
    let split = lines.map(|at| bytes.split_at(at + 1));
    let split = split.and_then(|(before, last)| Some((before, str::from_utf8(last).ok()?)));
    split.ok_or_else(|| {
        Malformed::new("expected a backup manifest with its checksum last, found no last line")
    })
}

fn not_manifest(error: serde_json::Error) -> Malformed {
    // Its text ends with the line, which helps, and the kind of JSON error, which does too.
    Malformed::new(format!("expected a backup manifest: {}", io::Error::from(error)))
}

impl TryFrom<JsonWalRange> for ManifestWalRange {
    type Error = Malformed;

    fn try_from(json: JsonWalRange) -> Result<Self, Malformed> {
        let timeline = TimelineId::new(json.timeline)
            .ok_or_else(|| Malformed::new("expected a timeline from 1 up, found 0"))?;
        Ok(Self { timeline, start: json.start.parse()?, end: json.end.parse()? })
    }
}

impl BackupManifest {
    /// The manifest `bytes` as it has to be when the file at `path` has another `content`: for a file that
    /// is changed on purpose when a backup is laid down in another place. All other lines stay as the
    /// server wrote them.
    pub fn with_content(bytes: &[u8], path: &Path, content: &[u8]) -> Result<Vec<u8>, Malformed> {
        let (before, _) = split_last_line(bytes)?;
        let mut lines = Vec::with_capacity(bytes.len() + content.len());
        for line in before.split_inclusive(|byte| *byte == b'\n') {
            // The server gives each file a line of its own, with a comma behind but the last.
            let object = line.strip_suffix(b"\n").unwrap_or(line);
            let (object, end) = match object.strip_suffix(b",") {
                Some(object) => (object, ",\n"),
                None => (object, "\n"),
            };
            match serde_json::from_slice::<JsonFile>(object) {
                Ok(file) if *file.path()? == *path => {
                    lines.extend(line_of(&file, path, content)?.into_bytes());
                    lines.extend(end.as_bytes());
                }
                _ => lines.extend(line),
            }
        }
        let sum = own_checksum(&lines);
        lines.extend(format!("{CHECKSUM_BEGINS}{sum}{CHECKSUM_ENDS}").into_bytes());
        Ok(lines)
    }
}

fn line_of(file: &JsonFile, path: &Path, content: &[u8]) -> Result<String, Malformed> {
    let mut hasher = file.checksum()?.algorithm.hasher();
    hasher.update(content);
    let checksum = hasher.finish();
    let (path, size) = (serde_json::json!(path.to_string_lossy()), content.len());
    let modified = serde_json::json!(file.last_modified.as_deref().unwrap_or_default());
    let mut line = format!("{{ \"Path\": {path}, \"Size\": {size}, \"Last-Modified\": {modified}");
    if checksum.proves() {
        let (name, digits) = (checksum.algorithm.name(), checksum.digits());
        line += &format!(", \"Checksum-Algorithm\": \"{name}\", \"Checksum\": \"{digits}\"");
    }
    Ok(line + " }")
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;

    /// A manifest of these lines, with its checksum.
    pub(super) fn manifest(lines: &str) -> Vec<u8> {
        let sum = own_checksum(lines.as_bytes());
        format!("{lines}{CHECKSUM_BEGINS}{sum}{CHECKSUM_ENDS}").into_bytes()
    }

    /// As PostgreSQL 18 wrote it, but for the number of its files.
    pub(super) const LINES: &str = r#"{ "PostgreSQL-Backup-Manifest-Version": 2,
"System-Identifier": 7711095196531219622,
"Files": [
{ "Path": "backup_label", "Size": 225, "Last-Modified": "2026-11-22 20:27:38 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "b84e14c5" },
{ "Path": "tablespace_map", "Size": 20, "Last-Modified": "2026-11-22 20:27:38 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "22d41d4a" },
{ "Encoded-Path": "626173652fff", "Size": 3, "Last-Modified": "2026-11-22 20:27:37 GMT" }
],
"WAL-Ranges": [
{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000120" }
],
"#;

    #[test]
    fn reads_both_versions() {
        let manifest = |lines: &str| BackupManifest::parse(&self::manifest(lines)).unwrap();
        let newer = manifest(LINES);
        assert_eq!(newer.system, Some(SystemIdentifier(7_711_095_196_531_219_622)));
        assert_eq!((newer.files.len(), newer.files[0].size), (3, 225));
        assert_eq!(*newer.files[0].path, *Path::new("backup_label"));
        assert_eq!(newer.wal_ranges[0].end.to_string(), "0/2000120");
        let older = LINES
            .replace("Version\": 2,\n\"System-Identifier\": 7711095196531219622", "Version\": 1");
        let older = manifest(&older);
        assert_eq!((older.system, older.files), (None, newer.files));
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let whole = manifest(LINES);
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(BackupManifest::parse(&changed).is_err(), "{at}");
            assert!(BackupManifest::parse(&whole[..at]).is_err(), "{at}");
        }
        let mut changed = whole;
        changed[100] ^= 1;
        let found = own_checksum(split_last_line(&changed).unwrap().0);
        let expected = own_checksum(LINES.as_bytes());
        assert_eq!(
            BackupManifest::parse(&changed).unwrap_err().0,
            format!("expected a backup manifest with SHA-256 {expected}, found {found}")
        );
    }

    #[test]
    fn says_what_is_wrong() {
        for (from, to, expected) in [
            (
                "Version\": 2",
                "Version\": 3",
                "expected a backup manifest of version 1 or 2, found version 3",
            ),
            (
                "\"Timeline\": 1",
                "\"Timeline\": 0",
                "expected a backup manifest: expected a timeline from 1 up, found 0 at line 10 column 1",
            ),
            (
                "\"WAL-Ranges\"",
                "\"Ranges\"",
                "expected a backup manifest: missing field `WAL-Ranges` at line 11 column 88",
            ),
            (
                "\"Size\": 225",
                "\"Size\": -1",
                "expected a backup manifest: invalid value: integer `-1`, expected u64 at line 4 column 36",
            ),
        ] {
            let changed = manifest(&LINES.replace(from, to));
            assert_eq!(BackupManifest::parse(&changed).unwrap_err().0, expected);
        }
        assert_eq!(
            BackupManifest::parse(b"{}\n{}\n").unwrap_err().0,
            "expected a backup manifest with its checksum last, found \"{}\""
        );
    }

    #[test]
    fn only_the_line_of_the_file_changes() {
        let whole = manifest(LINES);
        let path = Path::new("tablespace_map");
        let changed = BackupManifest::with_content(&whole, path, b"15\n").unwrap();
        let expected = LINES
            .replace("map\", \"Size\": 20", "map\", \"Size\": 3")
            .replace("22d41d4a", "8a744722");
        assert_eq!(changed, manifest(&expected));
        assert_eq!(BackupManifest::parse(&changed).unwrap().files[1].size, 3);
        let absent = BackupManifest::with_content(&whole, Path::new("absent"), b"15\n");
        assert_eq!(absent.unwrap(), whole);
    }
}
