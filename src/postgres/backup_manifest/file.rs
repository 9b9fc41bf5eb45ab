//! One line of a manifest: a file, its length and its checksum.
//!
//! There may be a hundred thousand of them, so each is kept small; a path that leads out of the data directory
//! is refused here, for all who lay files down.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Deserialize;

use super::checksum::{FileChecksum, bytes_of_hex};
use crate::postgres::Malformed;

/// One file of a backup. There may be a hundred thousand, so it is kept small.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "JsonFile")]
pub struct ManifestFile {
    /// Below the data directory; files of a tablespace below `pg_tblspc/<oid>`. Without `.` and `..`.
    pub path: Box<Path>,
    /// In bytes.
    pub size: u64,
    pub checksum: FileChecksum,
}

impl ManifestFile {
    /// The tablespace whose archive it was sent in; `None` for that of the data directory.
    pub fn tablespace(&self) -> Option<u32> {
        let below = self.path.strip_prefix("pg_tblspc").ok()?;
        below.iter().next()?.to_str()?.parse().ok()
    }
}

#[derive(Deserialize)]
pub(super) struct JsonFile {
    #[serde(rename = "Path")]
    path: Option<String>,
    /// In hexadecimal, where it is not UTF-8.
    #[serde(rename = "Encoded-Path")]
    encoded_path: Option<String>,
    #[serde(rename = "Size")]
    size: u64,
    #[serde(rename = "Last-Modified")]
    pub(super) last_modified: Option<String>,
    #[serde(rename = "Checksum-Algorithm")]
    algorithm: Option<String>,
    #[serde(rename = "Checksum")]
    checksum: Option<String>,
}

impl JsonFile {
    pub(super) fn path(&self) -> Result<Box<Path>, Malformed> {
        let path = match (&self.path, &self.encoded_path) {
            (Some(path), None) => Ok(Path::new(path).into()),
            (None, Some(digits)) => match bytes_of_hex(digits) {
                Some(bytes) => Ok(Path::new(OsStr::from_bytes(&bytes)).into()),
                None => Err(format!("{digits:?}")),
            },
            (None, None) => Err("a file without one".to_owned()),
            (Some(path), Some(_)) => Err(format!("two for {path:?}")),
        };
        let path: Box<Path> = path.map_err(|found| {
            Malformed::new(format!("expected a Path or an Encoded-Path, found {found}"))
        })?;
        if is_below(&path) {
            return Ok(path);
        }
        Err(Malformed::new(format!("expected a path below the data directory, found {path:?}")))
    }

    pub(super) fn checksum(&self) -> Result<FileChecksum, Malformed> {
        FileChecksum::parse(self.algorithm.as_deref(), self.checksum.as_deref())
    }
}

/// Whether a path stays below the folder it is relative to, and is written in the only way.
fn is_below(path: &Path) -> bool {
    let mut parts = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
    parts.all(|part| !matches!(part, b"" | b"." | b"..") && !part.contains(&0))
}

impl TryFrom<JsonFile> for ManifestFile {
    type Error = Malformed;

    fn try_from(json: JsonFile) -> Result<Self, Malformed> {
        Ok(Self { path: json.path()?, size: json.size, checksum: json.checksum()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ManifestFile, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn paths_may_be_encoded() {
        let plain = read(r#"{"Path":"base/\u00e9\\","Size":1}"#).unwrap();
        let encoded = read(r#"{"Encoded-Path":"626173652fC3a95c","Size":1}"#).unwrap();
        assert_eq!(plain, encoded);
        assert_eq!(plain.path.as_os_str().as_bytes(), b"base/\xc3\xa9\\");
    }

    #[test]
    fn files_of_a_tablespace_say_so() {
        for (path, expected) in [("base/1/2", None), ("pg_tblspc/7/PG_18/5/6", Some(7))] {
            let json = serde_json::json!({"Path": path, "Size": 1}).to_string();
            assert_eq!(read(&json).unwrap().tablespace(), expected);
        }
    }

    #[test]
    fn no_path_leads_elsewhere() {
        for path in
            ["", "/etc/passwd", "../x", "base/../../x", "./x", "base/./1", "base//1", "base/"]
        {
            let json = serde_json::json!({"Path": path, "Size": 1}).to_string();
            let found = read(&json).unwrap_err();
            let expected = format!("expected a path below the data directory, found {path:?}");
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_file_has_one_path() {
        for (json, expected) in [
            (r#"{"Size":1}"#, "a file without one"),
            (r#"{"Path":"a","Encoded-Path":"61","Size":1}"#, "two for \"a\""),
            (r#"{"Encoded-Path":"6x","Size":1}"#, "\"6x\""),
        ] {
            let expected = format!("expected a Path or an Encoded-Path, found {expected}");
            assert_eq!(read(json), Err(expected));
        }
    }
}
