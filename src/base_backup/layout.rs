use jiff::Timestamp;

use crate::postgres::SystemIdentifier;

/// Written last: with it the backup exists.
pub const DESCRIPTION: &str = "backup.json";

/// Where the objects of one base backup lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFolder {
    prefix: String,
    id: String,
}

impl BackupFolder {
    pub fn new(cluster: &str, system: SystemIdentifier, id: &str) -> Self {
        let prefix = format!("{}{id}/", all_backups(cluster, system));
        Self { prefix, id: id.to_owned() }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key of an object of that name.
    pub fn key(&self, object: &str) -> String {
        format!("{}{object}", self.prefix)
    }
}

/// All keys of all base backups of a system begin with this.
pub fn all_backups(cluster: &str, system: SystemIdentifier) -> String {
    format!("postgres/{cluster}/{system}/basebackups/")
}

/// The name of a part; the first has number 1.
pub fn part_name(number: usize, encrypted: bool) -> String {
    format!("part-{number:05}.tar.zst{}", if encrypted { ".age" } else { "" })
}

pub fn manifest_name(encrypted: bool) -> String {
    format!("backup_manifest.zst{}", if encrypted { ".age" } else { "" })
}

/// A new id, such as `20261122T203000Z-4f2a`: sorted by name backups are sorted by time. Two hosts that
/// begin within a second differ in the last four digits, or the later one is refused.
pub fn new_id(begun: Timestamp) -> String {
    let seed = format!("{} {}", begun.as_nanosecond(), std::process::id());
    let digits = blake3::hash(seed.as_bytes()).to_hex();
    format!("{}-{}", begun.strftime("%Y%m%dT%H%M%SZ"), &digits[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_format_says() {
        let folder = BackupFolder::new("main", SystemIdentifier(7), "20261122T203000Z-4f2a");
        assert_eq!(
            folder.key(&part_name(12, true)),
            "postgres/main/7/basebackups/20261122T203000Z-4f2a/part-00012.tar.zst.age"
        );
        assert_eq!(manifest_name(false), "backup_manifest.zst");
    }

    #[test]
    fn ids_begin_with_the_time() {
        let begun: Timestamp = "2026-11-22T20:30:00.5Z".parse().unwrap();
        let id = new_id(begun);
        assert_eq!((&id[..17], id.len()), ("20261122T203000Z-", 21));
        let later: Timestamp = "2026-11-22T20:30:00.6Z".parse().unwrap();
        assert_ne!(new_id(later), id);
    }
}
