//! Where objects lie, and what a key is of.

use crate::codec::Digest;
use crate::postgres::{SystemIdentifier, TimelineId, WalFileName, WalSegment};

/// The ending of a second content of a name, see [`super::Fork`].
const BEYOND: &str = ".beyond";
/// So many digits of its digest are in the name.
const BEYOND_DIGITS: usize = 16;

/// The WAL of one system in one cluster: where its objects lie.
#[derive(Debug, Clone)]
pub struct WalFolder {
    prefix: String,
    system: SystemIdentifier,
}

impl WalFolder {
    pub fn new(cluster: &str, system: SystemIdentifier) -> Self {
        Self { prefix: format!("postgres/{cluster}/{system}/wal/"), system }
    }

    pub fn system(&self) -> SystemIdentifier {
        self.system
    }

    /// The key of a file's object. Segments lie in folders of 16 digits, so that no folder grows
    /// beyond 4 GiB of WAL; histories lie beside these.
    pub fn key(&self, name: WalFileName, encrypted: bool) -> String {
        format!("{}{}", self.stem(name), if encrypted { ".zst.age" } else { ".zst" })
    }

    /// The key of what one server has of a file whose name is taken by what another one has of it.
    pub(super) fn beyond_key(&self, name: WalFileName, digest: &Digest, encrypted: bool) -> String {
        let own = Self::beyond_name(name, digest);
        let folder = name.segment().map(|segment| segment.folder()).unwrap_or_default();
        format!("{}{folder}/{own}{}", self.prefix, if encrypted { ".zst.age" } else { ".zst" })
    }

    /// What the label of such an object calls it. Nobody takes it for a WAL file.
    pub(super) fn beyond_name(name: WalFileName, digest: &Digest) -> String {
        let digits = digest.to_string()[..BEYOND_DIGITS].to_uppercase();
        format!("{name}.{digits}{BEYOND}")
    }

    /// The name that was taken.
    pub(super) fn first_of_beyond(own: &str) -> Option<WalFileName> {
        own.strip_suffix(BEYOND)?.rsplit_once('.')?.0.parse().ok()
    }

    /// The segment that a key belongs to, whole or not, where it lies where it should.
    pub(super) fn segment_of(&self, key: &str) -> Option<WalSegment> {
        match wal_file_of(key) {
            Some(_) => self.file_of(key)?.segment(),
            None => self.second_content_of(key),
        }
    }

    /// The WAL file that a key is of, where it lies where it should: `wal-fetch` would not find it elsewhere.
    pub fn file_of(&self, key: &str) -> Option<WalFileName> {
        wal_file_of(key).filter(|name| self.key(*name, key.ends_with(".age")) == key)
    }

    /// The segment of which a key holds a second content, where it lies where it should.
    pub(super) fn second_content_of(&self, key: &str) -> Option<WalSegment> {
        let segment = beyond_of(key)?;
        let folder = format!("{}{}/", self.prefix, segment.folder());
        let is_here = |rest: &str| !rest.contains('/');
        key.strip_prefix(&folder).is_some_and(is_here).then_some(segment)
    }

    fn stem(&self, name: WalFileName) -> String {
        match name.segment() {
            Some(segment) => format!("{}{}/{name}", self.prefix, segment.folder()),
            None => format!("{}{name}", self.prefix),
        }
    }

    /// What the keys of all its objects begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// All keys of the system's base backups begin with this.
    pub(super) fn base_backups(&self) -> String {
        format!("{}basebackups/", self.prefix.trim_end_matches("wal/"))
    }

    /// All keys of objects that say what was dropped begin with this, see [`super::DroppedWal`].
    pub(super) fn gaps(&self) -> String {
        format!("{}gaps/", self.prefix.trim_end_matches("wal/"))
    }

    /// A text that sorts before every object of a segment and after those of the one before.
    pub(super) fn before(&self, segment: WalSegment) -> String {
        self.stem(WalFileName::Segment(segment))
    }

    /// A text that sorts after every key that speaks of a timeline, and before those of the next one.
    pub(super) fn behind_all_of(&self, timeline: TimelineId) -> String {
        format!("{}{timeline}~", self.prefix)
    }

    /// A text that sorts after every object of `name` and before those of the next name: `/` comes
    /// right after the dot of its endings.
    pub(super) fn behind(&self, name: WalFileName) -> String {
        format!("{}/", self.stem(name))
    }
}

/// The segment of which a key holds a second content.
pub(super) fn beyond_of(key: &str) -> Option<WalSegment> {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let name = name.strip_suffix(".age").unwrap_or(name);
    let (name, digits) = name.strip_suffix(".zst")?.strip_suffix(BEYOND)?.rsplit_once('.')?;
    let upper_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let is_digest = digits.len() == BEYOND_DIGITS && digits.bytes().all(upper_hex);
    match name.parse() {
        Ok(WalFileName::Segment(segment) | WalFileName::Partial(segment)) if is_digest => {
            Some(segment)
        }
        _ => None,
    }
}

/// The WAL file that a key is of; `None` for any other object.
pub(super) fn wal_file_of(key: &str) -> Option<WalFileName> {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let name = name.strip_suffix(".age").unwrap_or(name);
    name.strip_suffix(".zst")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_where_the_format_says_and_read_back() {
        let folder = WalFolder::new("main", SystemIdentifier(7));
        for (name, key) in [
            ("000000010000000200000003", "0000000100000002/000000010000000200000003.zst"),
            (
                "000000010000000200000003.partial",
                "0000000100000002/000000010000000200000003.partial.zst",
            ),
            ("00000002.history", "00000002.history.zst"),
        ] {
            let name: WalFileName = name.parse().unwrap();
            let expected = format!("postgres/main/7/wal/{key}");
            assert_eq!(folder.key(name, false), expected);
            assert_eq!(wal_file_of(&folder.key(name, true)), Some(name));
            assert!(folder.key(name, true) < folder.behind(name));
        }
    }

    #[test]
    fn behind_a_segment_comes_the_next_one() {
        let folder = WalFolder::new("main", SystemIdentifier(7));
        let name = |text: &str| text.parse::<WalFileName>().unwrap();
        let behind = folder.behind(name("000000010000000200000003"));
        for same in ["000000010000000200000003.partial", "000000010000000200000003.00000028.backup"]
        {
            assert!(folder.key(name(same), true) < behind);
        }
        assert!(folder.key(name("000000010000000200000004"), false) > behind);
        assert!(folder.key(name("000000010000000300000000"), false) > behind);
        let behind = folder.behind_all_of(name("00000001.history").timeline());
        assert!(folder.key(name("00000001FFFFFFFF000000FF"), true) < behind);
        assert!(folder.key(name("00000002.history"), false) > behind);
        assert!(
            folder.key(name("00000002.history"), true)
                < folder.key(name("000000020000000000000001"), false)
        );
    }

    #[test]
    fn a_second_content_belongs_to_its_segment_and_is_no_wal_file() {
        let folder = WalFolder::new("main", SystemIdentifier(7));
        for text in ["000000010000000200000003", "000000010000000200000003.partial"] {
            let name: WalFileName = text.parse().unwrap();
            for encrypted in [false, true] {
                let key = folder.beyond_key(name, &Digest::of(b"x"), encrypted);
                assert!(
                    key.starts_with(&format!("postgres/main/7/wal/0000000100000002/{text}.")),
                    "{key}"
                );
                assert_eq!(wal_file_of(&key), None);
                assert_eq!(beyond_of(&key), name.segment());
                assert_eq!(folder.segment_of(&key), name.segment());
                assert_eq!(folder.segment_of(&key.replace("/main/", "/other/")), None);
                assert!(key < folder.behind(WalFileName::Segment(name.segment().unwrap())));
                assert!(
                    WalFolder::beyond_name(name, &Digest::of(b"x")).parse::<WalFileName>().is_err()
                );
            }
        }
        for other in [
            "x/000000010000000200000003.beyond.zst",
            "x/00000002.history.0123456789ABCDEF.beyond.zst",
        ] {
            assert_eq!(beyond_of(other), None);
        }
    }
}
