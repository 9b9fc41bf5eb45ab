//! Maps paths of the manifest to places on this host: below the data directory, or in the folder that a tablespace is
//! given.
//!
//! The folders that a server needs are listed here too: empty ones are in no manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::backup::damaged;
use crate::basebackup::Description;
use crate::error::{Class, Error, Result};
use crate::postgres::{ManifestFile, ServerVersion, tablespace_folder_version};

/// The folder with a link for each tablespace.
pub(super) const TABLESPACES: &str = "pg_tblspc";

/// Folders that `initdb` makes (`subdirs` in `initdb.c`) and that the server needs, empty or not.
const FOLDERS: [&str; 22] = [
    "base",
    "global",
    "pg_commit_ts",
    "pg_dynshmem",
    "pg_logical",
    "pg_logical/mappings",
    "pg_logical/snapshots",
    "pg_multixact",
    "pg_multixact/members",
    "pg_multixact/offsets",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_snapshots",
    "pg_stat",
    "pg_stat_tmp",
    "pg_subtrans",
    TABLESPACES,
    "pg_twophase",
    "pg_wal",
    "pg_wal/archive_status",
    "pg_xact",
];

/// One more since PostgreSQL 17.
const SUMMARIES: &str = "pg_wal/summaries";

/// Where what a backup holds goes.
pub struct Layout<'a> {
    pub(super) data: &'a Path,
    /// All of the backup, by oid.
    pub(super) tablespaces: BTreeMap<u32, &'a Path>,
    /// The same the other way round. Each file asks for its folder, and `backup.json` may name many thousands.
    folders: BTreeMap<&'a Path, u32>,
    /// The major version.
    major: u32,
}

impl<'a> Layout<'a> {
    pub fn new(
        data: &'a Path,
        folders: &'a BTreeMap<u32, PathBuf>,
        description: &Description,
    ) -> Result<Self> {
        let mut layout = Self {
            data,
            tablespaces: BTreeMap::new(),
            major: ServerVersion(description.postgres_version).major(),
            folders: BTreeMap::new(),
        };
        for tablespace in &description.tablespaces {
            let (oid, location) = (tablespace.oid, &tablespace.location);
            let folder = folders.get(&oid).ok_or_else(|| {
                usage(format!("there is no folder for tablespace {oid} (it was {location:?})"))
            })?;
            if !folder.is_absolute() && !layout.is_in_place(oid, folder) {
                let found =
                    format!("expected an absolute path for tablespace {oid}, found {folder:?}");
                return Err(usage(found));
            }
            if let Some(other) = layout.folders.insert(folder, oid) {
                return Err(usage(format!(
                    "expected a folder for each tablespace, found {folder:?} for {other} and {oid}"
                )));
            }
            layout.tablespaces.insert(oid, folder);
        }
        Ok(layout)
    }

    /// Where a path of the manifest lies.
    pub fn place(&self, path: &Path) -> Result<PathBuf> {
        let Ok(below) = path.strip_prefix(TABLESPACES) else { return Ok(self.data.join(path)) };
        let mut parts = below.iter();
        let Some(oid) = parts.next() else { return Ok(self.data.join(path)) };
        // Each file has one path: `+7` and `07` are not tablespace 7.
        let number = oid.to_str().and_then(|text| text.parse::<u32>().ok());
        let number = number.filter(|number| *oid == *number.to_string());
        let folder = number.and_then(|number| self.tablespaces.get(&number));
        let folder = folder.ok_or_else(|| {
            let path = path.display();
            damaged(format!("{path}: expected a tablespace that backup.json names, found another"))
        })?;
        // A backup that was forged must not reach anything else that lies there.
        let ours =
            |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| self.is_version_folder(name));
        if parts.clone().next().is_some_and(|name| !ours(name)) {
            let (path, major) = (path.display(), self.major);
            return Err(damaged(format!(
                "{path}: expected a file in PG_{major}_… of the tablespace, found another"
            )));
        }
        Ok(folder.join(parts.as_path()))
    }

    /// Where the server looks for a tablespace.
    pub(super) fn link(&self, oid: u32) -> PathBuf {
        self.data.join(TABLESPACES).join(oid.to_string())
    }

    /// Whether a tablespace is a folder in `pg_tblspc`, not a link (`allow_in_place_tablespaces`).
    pub(super) fn is_in_place(&self, oid: u32, folder: &Path) -> bool {
        folder == self.link(oid)
    }

    /// Whether a folder in a tablespace is this version's. Other versions may have theirs beside it.
    pub(super) fn is_version_folder(&self, name: &str) -> bool {
        tablespace_folder_version(name) == Some(self.major)
    }

    pub(super) fn major(&self) -> u32 {
        self.major
    }

    /// Whether a tablespace lies at or below this path, which then is nothing of the data directory's.
    pub(super) fn leads_to_a_tablespace(&self, path: &Path) -> bool {
        // Paths are in order by their components, so those below this one come right behind it.
        self.folders.range(path..).next().is_some_and(|(folder, _)| folder.starts_with(path))
    }

    /// Whether a folder is that of the data directory or of a tablespace.
    pub(super) fn is_topmost(&self, place: &Path) -> bool {
        place == self.data || self.folders.contains_key(place)
    }

    /// All folders that have to be there, as the manifest writes them, each after those above it.
    pub(super) fn folders(&self, files: &[ManifestFile]) -> BTreeSet<PathBuf> {
        let mut folders: BTreeSet<PathBuf> = FOLDERS.into_iter().map(PathBuf::from).collect();
        folders.extend((self.major >= 17).then(|| PathBuf::from(SUMMARIES)));
        for file in files {
            for folder in file.path.ancestors().skip(1) {
                if folder.as_os_str().is_empty() || folders.contains(folder) {
                    break;
                }
                folders.insert(folder.to_owned());
            }
        }
        let links = self.tablespaces.keys().map(|oid| Path::new(TABLESPACES).join(oid.to_string()));
        folders.extend(links);
        folders
    }
}

fn usage(message: String) -> Error {
    Error::new(Class::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::super::file_table::tests::files;
    use super::*;
    use crate::basebackup::Tablespace;
    use crate::basebackup::description::tests::description;

    fn layout<'a>(folders: &'a BTreeMap<u32, PathBuf>, oids: &[u32]) -> Result<Layout<'a>, String> {
        let mut description = description();
        let tablespace = |oid: &u32| Tablespace { oid: *oid, location: "/old".to_owned() };
        description.tablespaces = oids.iter().map(tablespace).collect();
        let layout = Layout::new(Path::new("/data"), folders, &description);
        layout.map_err(|error| error.to_string())
    }

    #[test]
    fn files_of_a_tablespace_go_into_its_folder() {
        let folders = [(7, "/new".into()), (8, "/data/pg_tblspc/8".into())].into();
        let layout = layout(&folders, &[7, 8]).unwrap();
        let place = |path: &str| layout.place(Path::new(path)).map(|it| it.display().to_string());
        assert_eq!(place("base/1/2").unwrap(), "/data/base/1/2");
        assert_eq!(place("pg_tblspc").unwrap(), "/data/pg_tblspc");
        assert_eq!(place("pg_tblspc/7/PG_18_1/5/6").unwrap(), "/new/PG_18_1/5/6");
        for oid in ["9", "+7", "07", " 7"] {
            assert_eq!(
                place(&format!("pg_tblspc/{oid}/x")).unwrap_err().to_string(),
                format!(
                    "pg_tblspc/{oid}/x: expected a tablespace that backup.json names, found another"
                )
            );
        }
        assert!(!layout.is_in_place(7, layout.tablespaces[&7]));
        assert!(layout.is_in_place(8, layout.tablespaces[&8]));
        for name in ["authorized_keys", "PG_18_", "PG_17_1/x", "PG_18_1.old/x"] {
            assert_eq!(
                place(&format!("pg_tblspc/7/{name}")).unwrap_err().to_string(),
                format!(
                    "pg_tblspc/7/{name}: expected a file in PG_18_… of the tablespace, found another"
                )
            );
        }
    }

    #[test]
    fn folders_come_after_those_above_them() {
        let folders = [(7, "/new".into())].into();
        let files = files(&[("base/5/1", 1), ("pg_tblspc/7/PG_18_1/5/6", 1), ("PG_VERSION", 3)]);
        let found = layout(&folders, &[7]).unwrap().folders(&files);
        let found: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
        for (above, below) in [("base", "base/5"), ("pg_tblspc/7", "pg_tblspc/7/PG_18_1")] {
            let at = |wanted| found.iter().position(|path| *path == wanted).unwrap();
            assert!(at(above) < at(below));
        }
        assert_eq!(found.len(), FOLDERS.len() + 5, "{found:?}");
    }

    #[test]
    fn what_leads_to_a_tablespace_is_known_among_neighbours() {
        let paths = ["/a", "/a-b/c", "/a/c/d", "/b/x"].map(PathBuf::from);
        let folders = (7..).zip(paths).collect();
        let layout = layout(&folders, &[7, 8, 9, 10]).unwrap();
        for (path, expected) in [
            ("/a", true),
            ("/a/c", true),
            ("/a/d", false),
            ("/a-b", true),
            ("/a-", false),
            ("/b/x/y", false),
            ("/c", false),
        ] {
            assert_eq!(layout.leads_to_a_tablespace(Path::new(path)), expected, "{path}");
        }
        let topmost = ["/data", "/a", "/b/x"].map(|path| layout.is_topmost(Path::new(path)));
        assert_eq!(topmost, [true; 3]);
        assert!(!layout.is_topmost(Path::new("/b")));
    }

    /// Each compared with each other one, that took more than twenty seconds.
    #[test]
    fn many_tablespaces_take_no_time() {
        let oids: Vec<u32> = (1..=20_000).collect();
        let folders = oids.iter().map(|oid| (*oid, format!("/srv/{oid}").into())).collect();
        let started = std::time::Instant::now();
        let layout = layout(&folders, &oids).unwrap();
        for oid in &oids {
            assert!(!layout.is_topmost(&Path::new("/srv").join(oid.to_string()).join("base")));
            assert!(!layout.leads_to_a_tablespace(Path::new("/srv/0")));
        }
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }

    #[test]
    fn every_tablespace_has_a_folder_of_its_own() {
        let (folders, error) =
            ([(7, "/a".into()), (8, "/a".into())].into(), |it: Result<_, _>| it.err());
        assert_eq!(
            error(layout(&folders, &[9])).unwrap(),
            "there is no folder for tablespace 9 (it was \"/old\")"
        );
        assert_eq!(
            error(layout(&folders, &[7, 8])).unwrap(),
            "expected a folder for each tablespace, found \"/a\" for 7 and 8"
        );
        assert_eq!(
            error(layout(&[(7, "a".into())].into(), &[7])).unwrap(),
            "expected an absolute path for tablespace 7, found \"a\""
        );
    }
}
