//! Where tablespaces go, and whose the folders are. What a backup says of that is a claim: a folder is written to when the
//! user has named it, when the old data directory's own link leads to it, or when nothing is in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::directory::{RestoreDirectory, beside, real};
use crate::basebackup::Description;
use crate::basebackup::unpack::{is_lost_and_found, names_in};
use crate::error::{Class, Error, Result};
use crate::postgres::{ServerVersion, tablespace_folder_version};

/// A tablespace, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablespacePlace {
    pub oid: u32,
    /// Without links.
    pub folder: PathBuf,
    /// What is moved aside within it, and to where.
    pub aside: Vec<(PathBuf, PathBuf)>,
}

/// Which tablespace is meant, as the user says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TablespaceName {
    Oid(u32),
    /// Where it was.
    Location(String),
}

/// For each tablespace of the backup a folder that may be written to.
pub(super) fn place_tablespaces(
    place: &RestoreDirectory,
    description: &Description,
    asked: &[(TablespaceName, PathBuf)],
) -> Result<Vec<TablespacePlace>> {
    let asked = by_oid(description, asked)?;
    let linked = place.linked_tablespaces()?;
    let own: Vec<PathBuf> = linked.values().filter_map(|folder| real(folder).ok()).collect();
    let major = ServerVersion(description.postgres_version).major();
    let of_tablespace = |tablespace: &crate::basebackup::Tablespace| {
        let oid = tablespace.oid;
        let in_place = place.data.join("pg_tblspc").join(oid.to_string());
        let was = PathBuf::from(&tablespace.location);
        // One in the data directory itself has no absolute path (`allow_in_place_tablespaces`).
        if was.is_relative() && place.data.join(&was) == in_place && !asked.contains_key(&oid) {
            return Ok(TablespacePlace { oid, folder: in_place, aside: Vec::new() });
        }
        let named = asked.get(&oid).copied();
        let folder = real(named.or(linked.get(&oid)).unwrap_or(&was))?;
        let owned = own.contains(&folder);
        if !owned {
            check_free(oid, &folder, major, named.is_some())?;
            check_making(oid, &folder)?;
        }
        // With the directory that it lies in it moves away itself.
        let aside = match place.replace && owned && !folder.starts_with(&place.data) {
            true => {
                let versions = names_in(&folder)?.into_iter();
                let ours = versions.filter(|name| tablespace_folder_version(name) == Some(major));
                ours.map(|name| folder.join(name))
                    .map(|from| (from.clone(), beside(&from, &place.mark)))
                    .collect()
            }
            false => Vec::new(),
        };
        Ok(TablespacePlace { oid, folder, aside })
    };
    description.tablespaces.iter().map(of_tablespace).collect()
}

/// The folders on the way to one, outermost first, that are not there yet. They are made with it.
pub fn missing_above(folder: &Path) -> Vec<PathBuf> {
    let above = folder.ancestors().skip(1).take_while(|path| !path.exists());
    let mut missing: Vec<PathBuf> = above.map(Path::to_owned).collect();
    missing.reverse();
    missing
}

/// What can't be made is known before anything is moved or stopped.
fn check_making(oid: u32, folder: &Path) -> Result<()> {
    let Some(there) = folder.ancestors().find(|path| path.exists()) else { return Ok(()) };
    if access(there, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        return Ok(());
    }
    let message = format!(
        "can't create the folder {folder:?} for tablespace {oid}: this user may not write to {there:?}"
    );
    Err(Error::new(Class::LocalFile, message).hint(format!(
        "Make it, for the user that runs PostgreSQL, or put the tablespace elsewhere: --tablespace {oid}=FOLDER."
    )))
}

fn by_oid<'a>(
    description: &Description,
    asked: &'a [(TablespaceName, PathBuf)],
) -> Result<BTreeMap<u32, &'a PathBuf>> {
    let mut found = BTreeMap::new();
    for (name, folder) in asked {
        let meant = description.tablespaces.iter().find(|it| match name {
            TablespaceName::Oid(oid) => it.oid == *oid,
            TablespaceName::Location(location) => it.location == *location,
        });
        let Some(meant) = meant else { return Err(unknown(description, name)) };
        if found.insert(meant.oid, folder).is_some() {
            let message = format!("--tablespace names two folders for tablespace {}", meant.oid);
            return Err(Error::new(Class::Usage, message));
        }
    }
    Ok(found)
}

/// One that was mistyped would go to where it was, which may be the live server's.
fn unknown(description: &Description, name: &TablespaceName) -> Error {
    let name = match name {
        TablespaceName::Oid(oid) => oid.to_string(),
        TablespaceName::Location(location) => location.clone(),
    };
    let there =
        description.tablespaces.iter().map(|it| format!("{} (it was {:?})", it.oid, it.location));
    let there: Vec<String> = there.collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    let message = format!("expected a tablespace of the backup for --tablespace, found {name}");
    Error::new(Class::Usage, message).hint(format!("The backup has {there}."))
}

/// Nobody has led us there but the backup, or the user. Folders of other versions are of servers that were upgraded.
fn check_free(oid: u32, folder: &Path, major: u32, named: bool) -> Result<()> {
    for name in names_in(folder)? {
        let expected = match tablespace_folder_version(&name) {
            Some(version) if version == major => format!("a folder without any PG_{major}_…"),
            None if !named && !is_lost_and_found(&name) => "an empty folder".to_owned(),
            _ => continue,
        };
        let message = format!("could not use {folder:?}: expected {expected}, found {name} in it");
        return Err(Error::new(Class::Usage, message).hint(format!(
            "Tablespace {oid} was in that folder, and its server may still exist: --tablespace {oid}=FOLDER puts it elsewhere."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::basebackup::Tablespace;
    use crate::basebackup::description::tests::description;
    use crate::basebackup::restore::Occupied;

    struct Scene {
        place: tempfile::TempDir,
        description: Description,
    }

    /// A data directory `copy` whose tablespace 7 is in `own`, and a backup of one whose tablespace 7 was in `live`.
    fn scene() -> Scene {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in
            ["copy/pg_tblspc", "copy/global", "own/PG_18_202506291", "live/PG_18_202506291"]
        {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("copy/PG_VERSION"), "18\n").unwrap();
        symlink(at("own"), at("copy/pg_tblspc/7")).unwrap();
        let mut description = description();
        let location = at("live").display().to_string();
        description.tablespaces = vec![Tablespace { oid: 7, location }];
        Scene { place, description }
    }

    impl Scene {
        fn at(&self, name: &str) -> PathBuf {
            self.place.path().join(name)
        }

        fn placed(
            &self,
            data: &str,
            occupied: Occupied,
            asked: &[(u32, &str)],
        ) -> Result<TablespacePlace, String> {
            let now = "2026-11-22T20:30:00Z".parse().unwrap();
            let place = RestoreDirectory::look(&self.at(data), occupied, now).unwrap();
            let asked: Vec<_> = asked
                .iter()
                .map(|(oid, folder)| (TablespaceName::Oid(*oid), self.at(folder)))
                .collect();
            let placed = place_tablespaces(&place, &self.description, &asked);
            placed.map(|mut it| it.remove(0)).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn the_mapping_is_that_of_the_links_that_are_there() {
        let scene = scene();
        let own = |aside| Ok(TablespacePlace { oid: 7, folder: scene.at("own"), aside });
        assert_eq!(scene.placed("copy", Occupied::Delta, &[]), own(vec![]));
        let from = scene.at("own/PG_18_202506291");
        let to = scene.at("own/PG_18_202506291.old-20261122T203000Z");
        assert_eq!(
            scene.placed("copy", Occupied::Replace, &[]),
            own(vec![(from.clone(), to.clone())])
        );
        // Killed between the two renames, and called again.
        fs::rename(scene.at("copy"), scene.at("copy.old-20261122T202959Z")).unwrap();
        assert_eq!(scene.placed("copy", Occupied::Replace, &[]), own(vec![(from, to)]));
    }

    #[test]
    fn another_servers_tablespace_is_refused_in_every_mode() {
        let scene = scene();
        let refused = format!(
            "could not use {:?}: expected a folder without any PG_18_…, found PG_18_202506291 in it. HINT: Tablespace 7 was in that folder, and its server may still exist: --tablespace \
             7=FOLDER puts it elsewhere.",
            scene.at("live")
        );
        let modes = [Occupied::Refuse, Occupied::Delta, Occupied::Replace];
        for occupied in modes {
            assert_eq!(scene.placed("new", occupied, &[]), Err(refused.clone()));
            assert_eq!(scene.placed("new", occupied, &[(7, "live")]), Err(refused.clone()));
        }
        for occupied in [Occupied::Delta, Occupied::Replace] {
            assert_eq!(scene.placed("copy", occupied, &[(7, "live")]), Err(refused.clone()));
        }
    }

    #[test]
    fn a_folder_that_only_the_backup_names_has_to_be_empty() {
        let scene = scene();
        fs::rename(scene.at("live/PG_18_202506291"), scene.at("live/PG_17_202406281")).unwrap();
        assert!(scene.placed("new", Occupied::Refuse, &[]).is_ok());
        fs::write(scene.at("live/authorized_keys"), "").unwrap();
        let said = scene.placed("new", Occupied::Refuse, &[]).unwrap_err();
        assert!(said.contains("expected an empty folder, found authorized_keys in it"), "{said}");
        assert!(scene.placed("new", Occupied::Refuse, &[(7, "live")]).is_ok());
    }

    #[test]
    fn a_tablespace_that_the_backup_has_not_is_a_mistake() {
        let scene = scene();
        let said = scene.placed("new", Occupied::Refuse, &[(8, "free")]).unwrap_err();
        assert_eq!(
            said,
            format!(
                "expected a tablespace of the backup for --tablespace, found 8. HINT: The backup has 7 (it was {:?}).",
                scene.at("live")
            )
        );
    }
}
