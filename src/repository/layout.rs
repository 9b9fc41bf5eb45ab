use crate::postgres::{SystemIdentifier, TimelineId, WalFileName};

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

    fn stem(&self, name: WalFileName) -> String {
        match name.segment() {
            Some(segment) => format!("{}{}/{name}", self.prefix, segment.folder()),
            None => format!("{}{name}", self.prefix),
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// All keys of the system's base backups begin with this.
    pub(super) fn base_backups(&self) -> String {
        format!("{}basebackups/", self.prefix.trim_end_matches("wal/"))
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
}
