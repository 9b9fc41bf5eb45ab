//! The entry of one name in a snapshot: a file, folder or link, its content and metadata, and the inode and time by
//! which a change of it is noticed. Each line of the index between its header and its end is an entry.

use rustix::fs::Stat;

use super::path::EntryPath;
use super::time::Time;
use crate::codec::Digest;

/// What a snapshot tells of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: EntryPath,
    pub kind: Kind,
    pub metadata: Metadata,
    pub seen: Seen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File(Content),
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
        content: Content,
    },
}

/// Of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
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
pub struct Metadata {
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
pub struct Seen {
    pub device: u64,
    pub inode: u64,
    /// Time of the last change of content or metadata (`st_ctime`), which nobody can set.
    pub changed: Time,
}

impl Entry {
    /// Of a file, under its first or another name.
    pub fn content(&self) -> Option<&Content> {
        match &self.kind {
            Kind::File(content) | Kind::HardLink { content, .. } => Some(content),
            Kind::Directory { .. } | Kind::Symlink { .. } => None,
        }
    }

    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory { .. })
    }
}

impl Metadata {
    /// Whether a file can share an inode with one that has these: all but the names of its owners, which
    /// may be spelled otherwise by now.
    pub fn is_same_inode(&self, other: &Self) -> bool {
        let numbers = |it: &Self| (it.mode, it.uid, it.gid, it.mtime);
        numbers(self) == numbers(other) && self.xattrs == other.xattrs
    }
}

impl Seen {
    pub fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino, changed: changed(stat) }
    }
}

/// Time of the last change of the content.
pub fn modified(stat: &Stat) -> Time {
    Time::new(stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0))
}

fn changed(stat: &Stat) -> Time {
    Time::new(stat.st_ctime, u32::try_from(stat.st_ctime_nsec).unwrap_or(0))
}

/// Length in bytes.
pub fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// Whether it takes less room than its length says.
pub fn is_sparse(stat: &Stat) -> bool {
    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512) < size(stat)
}

/// How many names it has.
#[allow(clippy::useless_conversion, reason = "it has 32 bits on other processors")]
pub fn names(stat: &Stat) -> u64 {
    stat.st_nlink.into()
}
