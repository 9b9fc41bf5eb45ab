//! What the tests of the parts share.

use super::entry::{Entry, FileContent, FileKind, FileMetadata, InodeState, Time};
use super::path::EntryPath;
use super::scan::{FoundEntry, FoundKind};
use super::{Earlier, SnapshotDescription, SnapshotKind, Sums};
use crate::backup::StoredObject;
use crate::codec::Digest;

pub(crate) fn metadata() -> FileMetadata {
    FileMetadata {
        mode: 0o644,
        uid: 33,
        gid: 33,
        user: Some("www-data".into()),
        group: None,
        mtime: Time::new(1000, 1),
        xattrs: Vec::new(),
    }
}

fn seen() -> InodeState {
    InodeState { device: 1, inode: 2, changed: Time::new(1000, 2) }
}

pub(crate) fn path(path: &str) -> EntryPath {
    EntryPath::new(path.as_bytes().to_vec()).unwrap()
}

pub(crate) fn content(size: u64) -> FileContent {
    FileContent { size, digest: Digest::of(b"content"), sparse: false, linked: false }
}

pub(crate) fn of_kind(at: &str, kind: FileKind) -> Entry {
    Entry { path: path(at), kind, metadata: metadata(), seen: seen() }
}

pub(crate) fn entry(at: &str, size: u64) -> Entry {
    of_kind(at, FileKind::File(content(size)))
}

pub(crate) fn found(at: &str, size: u64) -> FoundEntry {
    let kind = FoundKind::File { size, sparse: false, names: 1 };
    FoundEntry { path: path(at), kind, metadata: metadata(), seen: seen() }
}

pub(crate) fn stored(object: &str, stored_size: u64) -> StoredObject {
    StoredObject { object: object.into(), size: 1, stored_size, sha256: "00".into() }
}

/// Of a snapshot with one object, which needs another one of an earlier snapshot.
pub(crate) fn described(
    id: &str,
    own: StoredObject,
    earlier: (&str, StoredObject),
) -> SnapshotDescription {
    SnapshotDescription {
        seawall: SnapshotDescription::FORMAT,
        id: id.into(),
        label: String::new(),
        kind: SnapshotKind::Packed,
        began: "2026-11-22T20:30:00Z".into(),
        ended: "2026-11-22T20:30:01Z".into(),
        encrypted: false,
        totals: Sums::default(),
        objects: vec![own],
        earlier: vec![Earlier { id: earlier.0.into(), objects: vec![earlier.1] }],
        recipients: None,
        paths: Vec::new(),
        sum: None,
        fell: None,
        accepted: false,
    }
}
