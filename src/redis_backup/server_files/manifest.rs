//! The manifest of a multi-part AOF: which files belong to it, and in which order a server reads them.
//!
//! It is read as a server reads it and written as a server writes it, names with any bytes in them included.

use std::fmt;

use crate::error::{Class, Error, Result};
use crate::redis_backup::conf_words::{is_file_name, words};

/// Which files make up a multi-part AOF (`aof.c` in the source of Redis 7): a base, then increments in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AofManifest {
    pub entries: Vec<AofFile>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AofFile {
    pub name: String,
    pub sequence: u64,
    pub kind: AofFileKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AofFileKind {
    Base,
    Increment,
    /// No longer needed, about to be removed.
    History,
}

impl AofFileKind {
    fn letter(self) -> char {
        match self {
            Self::Base => 'b',
            Self::Increment => 'i',
            Self::History => 'h',
        }
    }
}

/// A name and its increments' folder have at most these characters without quotes.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

impl AofManifest {
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entries: Vec<AofFile> = lines.map(entry).collect::<Result<_>>()?;
        let bases = entries.iter().filter(|entry| entry.kind == AofFileKind::Base).count();
        let increments: Vec<u64> = entries
            .iter()
            .filter(|entry| entry.kind == AofFileKind::Increment)
            .map(|entry| entry.sequence)
            .collect();
        if bases > 1 || !increments.is_sorted_by(|one, next| one < next) {
            return Err(malformed("one base at most and increments in order", text));
        }
        Ok(Self { entries })
    }

    /// The files that have data, in the order in which a server reads them.
    pub fn needed(&self) -> impl Iterator<Item = &AofFile> {
        let of = |kind| self.entries.iter().filter(move |entry| entry.kind == kind);
        of(AofFileKind::Base).chain(of(AofFileKind::Increment))
    }
}

fn entry(line: &str) -> Result<AofFile> {
    let words = words(line).ok_or_else(|| malformed("names in matching quotes", line))?;
    let (mut name, mut sequence, mut kind) = (None, None, None);
    for pair in words.chunks(2) {
        match pair {
            [key, value] if key == "file" => name = Some(value.clone()),
            [key, value] if key == "seq" => sequence = value.parse().ok(),
            [key, value] if key == "type" => {
                kind = match value.as_str() {
                    "b" => Some(AofFileKind::Base),
                    "i" => Some(AofFileKind::Increment),
                    "h" => Some(AofFileKind::History),
                    _ => None,
                }
            }
            // A later version may say more of a file.
            [_, _] => {}
            _ => return Err(malformed("pairs of words", line)),
        }
    }
    match (name, sequence, kind) {
        (Some(name), Some(sequence), Some(kind)) if is_file_name(&name) => {
            Ok(AofFile { name, sequence, kind })
        }
        _ => Err(malformed("file NAME seq NUMBER type b, i or h", line)),
    }
}

impl fmt::Display for AofManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|AofFile { name, sequence, kind }| {
            let name = if is_plain(name) { name.clone() } else { quoted(name) };
            writeln!(f, "file {name} seq {sequence} type {}", kind.letter())
        })
    }
}

/// As `sdscatrepr` in the source writes it: a line break in a name must not end the line.
fn quoted(name: &str) -> String {
    let mut text = String::from('"');
    for byte in name.bytes() {
        match byte {
            b'\\' | b'"' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            other => text += &format!("\\x{other:02x}"),
        }
    }
    text + "\""
}

fn malformed(expected: &str, found: &str) -> Error {
    Error::new(
        Class::Damaged,
        format!("expected {expected} in the manifest of the AOF, found {found:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                        file appendonly.aof.1.incr.aof seq 1 type h\n\
                        file appendonly.aof.2.incr.aof seq 2 type i\n\
                        file appendonly.aof.3.incr.aof seq 3 type i\n";

    #[test]
    fn a_manifest_is_read_and_written_as_a_server_does() {
        let manifest = AofManifest::parse(TEXT).unwrap();
        assert_eq!(manifest.to_string(), TEXT);
        let needed: Vec<&str> = manifest.needed().map(|entry| entry.name.as_str()).collect();
        assert_eq!(
            needed,
            ["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof", "appendonly.aof.3.incr.aof"]
        );
        let odd = "# written by hand\nfile \"a b\\\"c\" seq 1 type b startoffset 5\n";
        let manifest = AofManifest::parse(odd).unwrap();
        assert_eq!(manifest.entries[0].name, "a b\"c");
        assert_eq!(manifest.to_string(), "file \"a b\\\"c\" seq 1 type b\n");
        let broken = "file \"a\\nb\\x80é\" seq 1 type b\n";
        let manifest = AofManifest::parse(broken).unwrap();
        assert!(manifest.entries[0].name.starts_with("a\nb"));
        assert_eq!(AofManifest::parse(&manifest.to_string()), Ok(manifest));
    }

    #[test]
    fn what_is_no_manifest_is_said() {
        for (text, expected) in [
            ("file a seq 1 type x\n", "file NAME seq NUMBER type b, i or h"),
            ("file ../a seq 1 type b\n", "file NAME seq NUMBER type b, i or h"),
            ("file a seq 1 type\n", "pairs of words"),
            ("file \"a seq 1 type b\n", "names in matching quotes"),
            (
                "file a seq 1 type b\nfile b seq 2 type b\n",
                "one base at most and increments in order",
            ),
            (
                "file a seq 2 type i\nfile b seq 1 type i\n",
                "one base at most and increments in order",
            ),
        ] {
            let error = AofManifest::parse(text).unwrap_err().to_string();
            let start = format!("expected {expected} in the manifest of the AOF, found ");
            assert!(error.starts_with(&start), "{error}");
        }
    }
}
