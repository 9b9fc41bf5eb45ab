//! The keys of base backups in a repository: the folder of each one, and the names of its parts and its manifest.
//!
//! These names are part of the format that `docs/repository-format.md` promises, so that a backup can be restored
//! without Seawall.

use crate::backup::BackupFolder;
use crate::postgres::SystemIdentifier;

impl BackupFolder {
    pub fn new(cluster: &str, system: SystemIdentifier, id: &str) -> Self {
        Self::below(&all_backups(cluster, system), id)
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
}
