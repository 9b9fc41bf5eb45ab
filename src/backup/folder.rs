//! The folder of one backup in a repository, and the id that names the folder.
//!
//! An id begins with the time at which the backup began, in UTC. Of a backup without a readable description nothing
//! else says when it began.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Where the objects of one backup lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFolder {
    prefix: String,
    id: String,
}

impl BackupFolder {
    /// `all` is what the keys of all backups of that kind begin with, such as `redis/main/`.
    pub fn below(all: &str, id: &str) -> Self {
        Self { prefix: format!("{all}{id}/"), id: id.to_owned() }
    }

    /// That of another backup of the same kind.
    pub fn beside(&self, id: &str) -> Self {
        Self::below(self.all(), id)
    }

    /// What the keys of all backups of its kind begin with.
    pub fn all(&self) -> &str {
        &self.prefix[..self.prefix.len() - self.id.len() - 1]
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key of an object of that name.
    pub fn key(&self, object: &str) -> String {
        format!("{}{object}", self.prefix)
    }
}

/// A new id, such as `20261122T203000Z-4f2a`: sorted by name backups are sorted by time. Two hosts that
/// begin within a second differ in the last four digits, or the later one is refused.
pub fn new_id(begun: Timestamp) -> String {
    let seed = format!("{} {}", begun.as_nanosecond(), std::process::id());
    let digits = blake3::hash(seed.as_bytes()).to_hex();
    format!("{}-{}", begun.strftime("%Y%m%dT%H%M%SZ"), &digits[..4])
}

/// When a backup was begun, as its id says.
pub fn begun(id: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", id.get(..16)?).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_lie_beside_each_other() {
        let folder = BackupFolder::below("redis/main/", "one");
        assert_eq!(folder.beside("other").key("x"), "redis/main/other/x");
    }

    #[test]
    fn ids_begin_with_the_time() {
        let time: Timestamp = "2026-11-22T20:30:00.5Z".parse().unwrap();
        let id = new_id(time);
        assert_eq!((&id[..17], id.len()), ("20261122T203000Z-", 21));
        assert_eq!(begun(&id), "2026-11-22T20:30:00Z".parse().ok());
        assert_eq!(["", "2026", "20261322T203000Z-4f2a"].map(begun), [None; 3]);
        let later: Timestamp = "2026-11-22T20:30:00.6Z".parse().unwrap();
        assert_ne!(new_id(later), id);
    }
}
