//! How one path differs between two snapshots. The two indexes tell it, by kind, target of a link, length, digest and
//! metadata: no content is read.

use super::super::lines::{owners, time};
use crate::command::shown::{plain, plain_bytes, size};
use crate::media_backup::{Entry, Kind};

/// How one path differs. Texts say what was and what is, where that is worth a word.
pub enum Change {
    Added,
    Removed,
    /// Content of a file, or where a link leads.
    Content(Vec<String>),
    /// A folder in place of a file, or the like.
    Kind(Vec<String>),
    /// Owners, mode, times or attributes, and nothing else.
    Metadata(Vec<String>),
}

impl Change {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Content(_) => "content",
            Self::Kind(_) => "kind",
            Self::Metadata(_) => "metadata",
        }
    }

    pub fn what(&self) -> &[String] {
        match self {
            Self::Added | Self::Removed => &[],
            Self::Content(what) | Self::Kind(what) | Self::Metadata(what) => what,
        }
    }
}

/// `None` where nothing differs that is asked for.
pub fn change(old: Option<&Entry>, new: Option<&Entry>, metadata: bool) -> Option<Change> {
    let (old, new) = match (old, new) {
        (None, None) => return None,
        (None, Some(_)) => return Some(Change::Added),
        (Some(_), None) => return Some(Change::Removed),
        (Some(old), Some(new)) => (old, new),
    };
    if kind(old) != kind(new) {
        return Some(Change::Kind(vec![from_to(kind(old), kind(new))]));
    }
    if let (Kind::Symlink { target: before }, Kind::Symlink { target: after }) =
        (&old.kind, &new.kind)
        && before != after
    {
        return Some(Change::Content(vec![from_to(&plain_bytes(before), &plain_bytes(after))]));
    }
    if let (Some(before), Some(after)) = (old.content(), new.content())
        && (before.size, before.digest) != (after.size, after.digest)
    {
        let was = (before.size != after.size).then(|| format!("was {}", size(before.size)));
        return Some(Change::Content(was.into_iter().collect()));
    }
    let what = if metadata { other_metadata(old, new) } else { Vec::new() };
    if what.is_empty() { None } else { Some(Change::Metadata(what)) }
}

/// Which of the names of a file comes first makes it no other thing.
fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::File(_) | Kind::HardLink { .. } => "file",
        Kind::Directory { .. } => "directory",
        Kind::Symlink { .. } => "symlink",
    }
}

fn other_metadata(old: &Entry, new: &Entry) -> Vec<String> {
    let (before, after) = (&old.metadata, &new.metadata);
    let mode = (before.mode != after.mode)
        .then(|| from_to(&format!("mode {:04o}", before.mode), &format!("{:04o}", after.mode)));
    let same_owners = (before.uid, before.gid) == (after.uid, after.gid);
    let owner = (!same_owners).then(|| from_to(&plain(&owners(old)), &plain(&owners(new))));
    let mtime = (before.mtime != after.mtime).then(|| from_to(&time(old), &time(new)));
    let xattrs = (before.xattrs != after.xattrs).then(|| "extended attributes".to_owned());
    [mode, owner, mtime, xattrs].into_iter().flatten().collect()
}

fn from_to(old: &str, new: &str) -> String {
    format!("{old} -> {new}")
}
