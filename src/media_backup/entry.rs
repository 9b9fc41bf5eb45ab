//! The entry of one name in a snapshot: a file, folder or link, its content and metadata, and the inode and time by
//! which a change of it is noticed. Each line of the index between its header and its end is an entry. A file counts as
//! unchanged only where its time is exactly the same, so times are kept to the nanosecond, also before 1970.

use std::fmt;
use std::str::FromStr;

use rustix::fs::Stat;

use super::path::EntryPath;
use crate::codec::Digest;

/// What a snapshot tells of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: EntryPath,
    pub kind: FileKind,
    pub metadata: FileMetadata,
    pub seen: InodeState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    File(FileContent),
    /// `implied`: not of the set itself, but on the way to one of its paths.
    Directory {
        implied: bool,
    },
    Symlink {
        target: Vec<u8>,
    },
    /// One more name of a file whose entry came before. Its content is told again, so that it can be had alone.
    HardLink {
        to: EntryPath,
        content: FileContent,
    },
}

/// Of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// In bytes, holes included.
    pub size: u64,
    /// BLAKE3.
    pub digest: Digest,
    /// Takes less room than its size: there are holes in it.
    pub sparse: bool,
    /// Has more names than this one, perhaps in the set.
    pub linked: bool,
}

/// What a restored file gets back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMetadata {
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Names of both where they were known.
    pub user: Option<String>,
    pub group: Option<String>,
    pub mtime: Time,
    /// Names and values, by name.
    pub xattrs: Vec<(String, Vec<u8>)>,
}

/// What tells that nobody changed it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InodeState {
    pub device: u64,
    pub inode: u64,
    /// Time of the last change of content or metadata (`st_ctime`), which nobody can set.
    pub changed: Time,
}

impl Entry {
    /// Of a file, under its first or another name.
    pub fn content(&self) -> Option<&FileContent> {
        match &self.kind {
            FileKind::File(content) | FileKind::HardLink { content, .. } => Some(content),
            FileKind::Directory { .. } | FileKind::Symlink { .. } => None,
        }
    }

    pub fn is_directory(&self) -> bool {
        matches!(self.kind, FileKind::Directory { .. })
    }
}

impl FileMetadata {
    /// Whether a file can share an inode with one that has these: all but the names of its owners, which
    /// may be spelled otherwise by now.
    pub fn is_same_inode(&self, other: &Self) -> bool {
        let numbers = |it: &Self| (it.mode, it.uid, it.gid, it.mtime);
        numbers(self) == numbers(other) && self.xattrs == other.xattrs
    }
}

impl InodeState {
    pub fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino, changed: changed(stat) }
    }
}

/// Time of the last change of the content.
pub(crate) fn modified(stat: &Stat) -> Time {
    Time::new(stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0))
}

fn changed(stat: &Stat) -> Time {
    Time::new(stat.st_ctime, u32::try_from(stat.st_ctime_nsec).unwrap_or(0))
}

/// Length in bytes.
pub(crate) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// Whether it takes less room than its length says.
pub(crate) fn is_sparse(stat: &Stat) -> bool {
    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512) < size(stat)
}

/// How many names it has.
#[allow(clippy::useless_conversion, reason = "it has 32 bits on other processors")]
pub(crate) fn names(stat: &Stat) -> u64 {
    stat.st_nlink.into()
}

const SECOND: i128 = 1_000_000_000;

/// A point in time as file systems have it: nanoseconds since 1970. Written as seconds with nine digits behind
/// the point, as `touch -d @…` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(i128);

impl Time {
    pub fn new(seconds: i64, nanoseconds: u32) -> Self {
        Self(i128::from(seconds) * SECOND + i128::from(nanoseconds))
    }

    /// Whole seconds, rounded down.
    pub fn second(self) -> i64 {
        i64::try_from(self.0.div_euclid(SECOND)).unwrap_or(i64::MAX)
    }

    /// Seconds, and the nanoseconds since.
    pub fn parts(self) -> (i64, u32) {
        (self.second(), u32::try_from(self.0.rem_euclid(SECOND)).unwrap_or(0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let all = self.0.unsigned_abs();
        let second = SECOND.unsigned_abs();
        write!(f, "{sign}{}.{:09}", all / second, all % second)
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a time like 1700000000.123456789, found {text:?}");
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (seconds, rest) = digits.split_once('.').ok_or_else(wrong)?;
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        if !plain(seconds) || !plain(rest) || rest.len() != 9 || seconds.len() > 18 {
            return Err(wrong());
        }
        let number = |text: &str| text.parse::<i128>().map_err(|_| wrong());
        let all = number(seconds)? * SECOND + number(rest)?;
        Ok(Self(if negative { -all } else { all }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_is_read() {
        for (parts, text) in [
            ((0, 0), "0.000000000"),
            ((1_700_000_000, 5), "1700000000.000000005"),
            ((-1, 0), "-1.000000000"),
            ((-2, 500_000_000), "-1.500000000"),
            ((i64::from(u32::MAX), 999_999_999), "4294967295.999999999"),
        ] {
            let time = Time::new(parts.0, parts.1);
            assert_eq!((time.to_string().as_str(), time.parts()), (text, parts));
            assert_eq!(text.parse(), Ok(time));
        }
        for text in
            ["", "1", "1.5", "1.0000000000", "--1.000000000", "x.000000000", "1e9.000000000"]
        {
            let expected = format!("expected a time like 1700000000.123456789, found {text:?}");
            assert_eq!(text.parse::<Time>(), Err(expected));
        }
    }
}
