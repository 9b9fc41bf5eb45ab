//! The directory that is unpacked into: whether its content may be touched, and the mark that it is not finished.
//!
//! A folder with other things in it, or with a tablespace of another server, is refused before anything is changed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

use super::layout::{Layout, TABLESPACES};
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::failpoint;

/// Without it no server starts, so it gets its name when all else is durable.
pub(super) const CONTROL_FILE: &str = "global/pg_control";

/// What the control file is called until then. While this is there and [`CONTROL_FILE`] is not, the data
/// directory is one that was not finished.
const UNFINISHED: &str = "global/pg_control.seawall-unfinished";

/// A file system's own, which comes with a mount point.
pub(super) const LOST_AND_FOUND: &str = "lost+found";

/// Whether an unpacking into this data directory began and did not come to its end. Another one will
/// finish it.
pub fn is_unfinished(data: &Path) -> bool {
    data.join(UNFINISHED).exists() && !data.join(CONTROL_FILE).exists()
}

/// Whether a data directory is not there, or has nothing in it that means anything: an unpacking that was
/// killed at its very beginning may have left an empty folder.
pub fn is_empty(data: &Path) -> Result<bool> {
    Ok(names_in(data)?.iter().all(|name| means_nothing(data, name)))
}

/// Where the control file lies while an unpacking is not finished. At its beginning it may be empty.
pub fn left_control_file(data: &Path) -> PathBuf {
    data.join(UNFINISHED)
}

/// The folders that the links in `pg_tblspc` of a data directory lead to, by the tablespace's number.
pub fn linked_tablespaces(data: &Path) -> Result<BTreeMap<u32, PathBuf>> {
    let folder = data.join(TABLESPACES);
    let linked = |name: String| {
        let target = fs::read_link(folder.join(&name)).ok()?;
        // The server makes absolute links; a relative one is meant from where it lies.
        Some((name.parse().ok()?, folder.join(target)))
    };
    Ok(names_in(&folder)?.into_iter().filter_map(linked).collect())
}

/// A file system's own, which comes with a mount point.
pub fn is_lost_and_found(name: &str) -> bool {
    name == LOST_AND_FOUND
}

/// Whether another file system, or a part of the same, is mounted there.
pub fn is_mount_point(path: &Path) -> bool {
    let found = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS);
    found.is_ok_and(|it| it.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Makes sure that the folders may be written to and that no server starts there before all is done. Says
/// whether there may be files already.
pub(super) fn prepare(layout: &Layout<'_>, delta: bool) -> Result<bool> {
    let data = layout.data;
    let goes_on = is_unfinished(data);
    let may_have_files = goes_on || delta;
    check(layout, may_have_files)?;
    durable::create_folder(data)?;
    layout.tablespaces.iter().try_for_each(|(oid, folder)| {
        if layout.is_in_place(*oid, folder) { Ok(()) } else { durable::create_folder(folder) }
    })?;
    restrict(data)?;
    if !goes_on {
        durable::lay_folder(&data.join("global"))?;
        durable::remove_abandoned(&data.join("global"));
        failpoint::reach("restore.folders-made");
        let (control_file, unfinished) = (data.join(CONTROL_FILE), data.join(UNFINISHED));
        // Taken away in one step: at no moment is there neither.
        if control_file.exists() {
            durable::hand_over(&control_file, &unfinished)?;
        } else {
            durable::replace(&unfinished, b"")?;
        }
        failpoint::reach("restore.marked");
        durable::sync_folder(&data.join("global"))?;
        durable::sync_folder(data)?;
    }
    Ok(may_have_files)
}

/// Fails where the folders hold what an unpacking must not touch; nothing is changed.
pub(super) fn check(layout: &Layout<'_>, may_have_files: bool) -> Result<()> {
    let data = layout.data;
    let found = names_in(data)?.into_iter().find(|name| !means_nothing(data, name));
    match found {
        None => {}
        Some(_) if may_have_files && is_data_directory(data) => {}
        Some(found) if may_have_files => {
            return Err(in_the_way(data, "an empty folder or a data directory", &found));
        }
        Some(found) => return Err(in_the_way(data, "an empty folder", &found)),
    }
    let own = if may_have_files { linked_tablespaces(data)? } else { BTreeMap::new() };
    let own: Vec<PathBuf> = own.values().filter_map(|it| fs::canonicalize(it).ok()).collect();
    check_tablespaces(layout, |oid, folder| {
        may_have_files && layout.is_in_place(oid, folder)
            || fs::canonicalize(folder).is_ok_and(|folder| own.contains(&folder))
    })
}

/// Fails where a folder holds a tablespace of this major version that is not this data directory's: no link of its own leads
/// there. Whatever may be done with the directory, that of another server is not touched.
fn check_tablespaces(layout: &Layout<'_>, is_own: impl Fn(u32, &Path) -> bool) -> Result<()> {
    for (oid, folder) in &layout.tablespaces {
        let ours = |name: &String| layout.is_version_folder(name);
        let found = names_in(folder)?.into_iter().find(ours);
        if let Some(found) = found.filter(|_| !is_own(*oid, folder)) {
            let expected = format!("a folder without any PG_{}_…", layout.major());
            return Err(in_the_way(folder, &expected, &found));
        }
    }
    Ok(())
}

/// A folder that somebody names by mistake must not be taken for one, and be cleared.
fn is_data_directory(data: &Path) -> bool {
    is_unfinished(data) || data.join("PG_VERSION").is_file()
}

/// `global` is what a crash may leave of the very first step, perhaps with a file that got no name yet.
fn means_nothing(data: &Path, name: &str) -> bool {
    let temporary = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| durable::is_temporary(&entry.file_name()))
    };
    let global = data.join(name);
    let empty = || fs::read_dir(&global).is_ok_and(|mut entries| entries.all(temporary));
    name == LOST_AND_FOUND || (name == "global" && !global.is_symlink() && empty())
}

fn in_the_way(folder: &Path, expected: &str, found: &str) -> Error {
    let message = format!("could not use {folder:?}: expected {expected}, found {found} in it");
    Error::new(Class::Usage, message)
}

/// Names in a folder, in order; none when it is not there.
pub fn names_in(folder: &Path) -> Result<Vec<String>> {
    let failed = |error| Error::file("read folder", folder, &error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())
    };
    let mut names = entries.map(name).collect::<Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// The server starts in a folder of mode 0700 or 0750 only.
fn restrict(data: &Path) -> Result<()> {
    let metadata = fs::metadata(data).map_err(|error| Error::file("look at", data, &error))?;
    if metadata.mode() & 0o777 & !0o750 == 0 {
        return Ok(());
    }
    durable::set_mode(data, 0o700)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::basebackup::description::tests::description;

    struct Folders {
        _place: tempfile::TempDir,
        data: PathBuf,
        tablespaces: BTreeMap<u32, PathBuf>,
    }

    fn folders() -> Folders {
        let place = tempfile::tempdir().unwrap();
        let (data, tablespace) = (place.path().join("data"), place.path().join("tablespace"));
        Folders { _place: place, data, tablespaces: [(16385, tablespace)].into() }
    }

    impl Folders {
        fn prepare(&self, delta: bool) -> Result<bool, String> {
            let layout = Layout::new(&self.data, &self.tablespaces, &description()).unwrap();
            super::prepare(&layout, delta).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn new_folders_are_unfinished_at_once() {
        let folders = folders();
        assert_eq!(folders.prepare(false), Ok(false));
        assert!(is_unfinished(&folders.data) && folders.tablespaces[&16385].is_dir());
        assert_eq!(fs::metadata(&folders.data).unwrap().mode() & 0o777, 0o700);
        fs::write(folders.data.join("base"), "").unwrap();
        assert_eq!(folders.prepare(false), Ok(true));
    }

    #[test]
    fn a_mount_point_is_taken_and_closed_to_others() {
        let folders = folders();
        fs::create_dir_all(folders.data.join(LOST_AND_FOUND)).unwrap();
        fs::create_dir(folders.data.join("global")).unwrap();
        fs::write(folders.data.join("global/.seawall-tmp-dead"), "").unwrap();
        assert_eq!(is_empty(&folders.data), Ok(true));
        fs::set_permissions(&folders.data, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(folders.prepare(false), Ok(false));
        assert_eq!(fs::metadata(&folders.data).unwrap().mode() & 0o777, 0o700);
        assert!(!folders.data.join("global/.seawall-tmp-dead").exists());
        assert_eq!(is_empty(&folders.data), Ok(false));
    }

    #[test]
    fn files_in_the_way_are_left_alone() {
        let Folders { data, tablespaces, .. } = &folders();
        let folders = Folders {
            _place: tempfile::tempdir().unwrap(),
            data: data.clone(),
            tablespaces: tablespaces.clone(),
        };
        let tablespace = &folders.tablespaces[&16385];
        fs::create_dir_all(tablespace.join("PG_18_202506291")).unwrap();
        let expected = format!(
            "could not use {tablespace:?}: expected a folder without any PG_18_…, found PG_18_202506291 in it"
        );
        assert_eq!(folders.prepare(false), Err(expected));
        assert!(!folders.data.exists());
        fs::create_dir(&folders.data).unwrap();
        fs::write(folders.data.join("letter.odt"), "").unwrap();
        let found = format!("could not use {:?}: expected an empty folder", folders.data);
        let found = |more: &str| Err(format!("{found}{more}, found letter.odt in it"));
        assert_eq!(folders.prepare(false), found(""));
        assert_eq!(folders.prepare(true), found(" or a data directory"));
    }

    #[test]
    fn delta_takes_only_the_tablespaces_that_its_own_links_lead_to() {
        let folders = folders();
        let tablespace = &folders.tablespaces[&16385];
        fs::create_dir_all(tablespace.join("PG_18_202506291")).unwrap();
        fs::create_dir_all(folders.data.join(TABLESPACES)).unwrap();
        fs::write(folders.data.join("PG_VERSION"), "18\n").unwrap();
        let said = folders.prepare(true).unwrap_err();
        assert!(said.contains("without any PG_18_…, found PG_18_202506291 in it"), "{said}");
        assert!(!is_unfinished(&folders.data));
        let link = folders.data.join(TABLESPACES).join("16385");
        std::os::unix::fs::symlink(tablespace, link).unwrap();
        assert_eq!(folders.prepare(true), Ok(true));
    }

    #[test]
    fn a_data_directory_loses_its_control_file_first() {
        let folders = folders();
        fs::create_dir_all(folders.data.join("global")).unwrap();
        fs::write(folders.data.join("PG_VERSION"), "18\n").unwrap();
        fs::write(folders.data.join(CONTROL_FILE), "old").unwrap();
        assert!(!is_unfinished(&folders.data));
        assert_eq!(folders.prepare(true), Ok(true));
        assert!(is_unfinished(&folders.data) && !folders.data.join(CONTROL_FILE).exists());
        assert_eq!(fs::read(left_control_file(&folders.data)).unwrap(), b"old");
    }
}
