//! Tablespaces as a base backup names them: `tablespace_map`, and the folders of each version of the server.
//!
//! The map decides where a restored server writes, so it is read and written byte for byte as the server does
//! it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Malformed;

/// `tablespace_map`: which folders the server links to from `pg_tblspc` when it starts from a base backup.
/// One line each, `16384 /path`; a backslash stands before each line end and backslash of a path
/// (`do_pg_backup_start` in `xlog.c` writes it, `read_tablespace_map` in `xlogrecovery.c` reads it).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TablespaceMap(pub BTreeMap<u32, PathBuf>);

impl TablespaceMap {
    pub fn parse(content: &[u8]) -> Result<Self, Malformed> {
        let (mut map, mut line, mut escaped) = (BTreeMap::new(), Vec::new(), false);
        for byte in content {
            match byte {
                b'\\' if !escaped => escaped = true,
                b'\n' | b'\r' if !escaped => {
                    // Between `\r` and `\n` there is nothing.
                    if !line.is_empty() {
                        let (oid, path) = parse_map_line(&line).ok_or_else(|| not_map(&line))?;
                        map.insert(oid, path.to_owned());
                        line.clear();
                    }
                }
                other => {
                    line.push(*other);
                    escaped = false;
                }
            }
        }
        if line.is_empty() && !escaped { Ok(Self(map)) } else { Err(not_map(&line)) }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut content = Vec::new();
        for (oid, path) in &self.0 {
            content.extend(format!("{oid} ").into_bytes());
            for byte in path.as_os_str().as_bytes() {
                if matches!(byte, b'\n' | b'\r' | b'\\') {
                    content.push(b'\\');
                }
                content.push(*byte);
            }
            content.push(b'\n');
        }
        content
    }
}

/// A path may begin with spaces, so there is exactly one between.
fn parse_map_line(line: &[u8]) -> Option<(u32, &Path)> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (oid, path) = (str::from_utf8(&line[..space]).ok()?, &line[space + 1..]);
    let digits = oid.bytes().all(|byte| byte.is_ascii_digit()) && !path.is_empty();
    digits.then(|| Some((oid.parse().ok()?, Path::new(OsStr::from_bytes(path)))))?
}

fn not_map(line: &[u8]) -> Malformed {
    let line = String::from_utf8_lossy(line);
    Malformed::new(format!("expected lines of a number and a path, found {line:?}"))
}

/// The major version that a folder of this name belongs to, as in `PG_18_202506291`; `None` for any other name.
pub fn tablespace_folder_version(name: &str) -> Option<u32> {
    let (version, catalogue) = name.strip_prefix("PG_")?.split_once('_')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Until 9.6 a major version had two numbers.
    let mut numbers = version.splitn(2, '.');
    let major = numbers.next().filter(|text| is_number(text))?;
    let known = numbers.next().is_none_or(is_number) && is_number(catalogue);
    known.then(|| major.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let paths = ["/ts", "/with space", " begins/with/one", "/a\nb\r\\c\\", "/ends with "];
        let map = TablespaceMap((16384..).zip(paths.map(PathBuf::from)).collect());
        assert_eq!(TablespaceMap::parse(&map.to_bytes()), Ok(map));
        let two = TablespaceMap([(7, "/a\\b".into()), (9, "/\n".into())].into());
        assert_eq!(two.to_bytes(), b"7 /a\\\\b\n9 /\\\n\n");
        assert_eq!(TablespaceMap::parse(b""), Ok(TablespaceMap::default()));
        let windows = TablespaceMap::parse(b"7 /a\\\\b\r\n9 /\\\n\r\n");
        assert_eq!(windows, Ok(two));
    }

    #[test]
    fn refuses_what_the_server_would_refuse() {
        for (content, found) in [
            ("16384 /ts", "16384 /ts"),
            ("16384 /ts\\\n", "16384 /ts\n"),
            ("16384\n", "16384"),
            ("16384 \n", "16384 "),
            (" /ts\n", " /ts"),
            ("x /ts\n", "x /ts"),
            ("99999999999 /ts\n", "99999999999 /ts"),
        ] {
            let error = TablespaceMap::parse(content.as_bytes()).unwrap_err().0;
            assert_eq!(error, format!("expected lines of a number and a path, found {found:?}"));
        }
    }

    #[test]
    fn other_names_are_no_versions() {
        assert_eq!(tablespace_folder_version("PG_18_202506291"), Some(18));
        assert_eq!(tablespace_folder_version("PG_9.6_201608131"), Some(9));
        for name in [
            "PG_18_",
            "PG_18",
            "PG__1",
            "PG_18_1.old-20261122T203000Z",
            "pg_18_1",
            "PG_+18_1",
            ".ssh",
        ] {
            assert_eq!(tablespace_folder_version(name), None, "{name}");
        }
    }
}
