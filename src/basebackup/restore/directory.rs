//! The directory that a server is restored to, as it is found: resolved, looked at, and not yet changed; and whether root may
//! write there. Root's files are of no use to a server, which does not run as root, and root has nothing to do in the folders of
//! others: what its user can exchange meanwhile, root would write to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{Access, access};

use crate::accounts;
use crate::basebackup::unpack::{
    is_empty, is_mount_point, is_unfinished, left_control_file, linked_tablespaces, names_in,
};
use crate::error::{Class, Error, Result};
use crate::postgres::{SystemIdentifier, system_identifier_of_control_file};

/// What may be done with a directory that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    /// Nothing: it is an error.
    Refuse,
    /// Files that are as they were in the backup stay, others are replaced or removed.
    Delta,
    /// It is moved aside first, and kept.
    Replace,
}

/// The directory that a server is restored to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreDirectory {
    /// Without links.
    pub data: PathBuf,
    /// As it was said, where that leads elsewhere by a link.
    pub link: Option<PathBuf>,
    /// Nothing is there yet.
    pub fresh: bool,
    /// An interrupted restore goes on.
    pub goes_on: bool,
    /// Whether what is there is moved aside.
    pub replace: bool,
    /// Where the old directory is moved to.
    pub aside: Option<PathBuf>,
    /// The system whose directory it is; `None` where that is not known.
    pub system: Option<SystemIdentifier>,
    /// What is moved aside gets this behind its name.
    pub mark: String,
}

impl RestoreDirectory {
    /// Looks at it; nothing is changed.
    pub fn look(asked: &Path, occupied: Occupied, now: Timestamp) -> Result<Self> {
        let data = real(asked)?;
        let fresh = is_empty(&data)?;
        let goes_on = is_unfinished(&data);
        let mark = now.strftime(".old-%Y%m%dT%H%M%SZ").to_string();
        let aside = match occupied {
            _ if fresh || goes_on => None,
            Occupied::Delta => None,
            Occupied::Replace => Some(beside(&data, &mark)),
            Occupied::Refuse => return Err(taken(&data)),
        };
        if let Some(aside) = &aside {
            check_moving(&data, aside)?;
        }
        let link = (data != asked).then(|| asked.to_owned());
        let system = if fresh { None } else { system_of(&data) };
        let replace = occupied == Occupied::Replace && !goes_on;
        Ok(Self { data, link, fresh, goes_on, replace, aside, system, mark })
    }
}

impl RestoreDirectory {
    /// Where links of the directory lead that is moved aside or gone over; where that was moved aside just now and the rest not
    /// done, of what was moved.
    pub(super) fn linked_tablespaces(&self) -> Result<BTreeMap<u32, PathBuf>> {
        match (self.fresh, self.replace) {
            (false, _) => linked_tablespaces(&self.data),
            (true, false) => Ok(BTreeMap::new()),
            (true, true) => match self.moved_before()? {
                Some(moved) => linked_tablespaces(&moved),
                None => Ok(BTreeMap::new()),
            },
        }
    }

    /// The directory that an earlier restore moved aside last.
    fn moved_before(&self) -> Result<Option<PathBuf>> {
        let (Some(above), Some(name)) = (self.data.parent(), self.data.file_name()) else {
            return Ok(None);
        };
        let beginning = format!("{}.old-", name.to_string_lossy());
        let moved = names_in(above)?.into_iter().rfind(|name| name.starts_with(&beginning));
        Ok(moved.map(|name| above.join(name)))
    }
}

/// `path` with this behind its name.
pub(super) fn beside(path: &Path, mark: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(mark);
    PathBuf::from(name)
}

/// The same place without links, as far as it is there. What is renamed, cleared and made must be the folder itself: a link to
/// it would be moved away, and the files would go to the disk of the link.
pub fn real(path: &Path) -> Result<PathBuf> {
    let mut missing = Vec::new();
    for there in path.ancestors() {
        match fs::canonicalize(there) {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |path, name| path.join(name))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Ok(target) = fs::read_link(there) {
                    let message =
                        format!("{there:?} is a link to {target:?}, which does not exist");
                    return Err(Error::new(Class::Input, message).hint("Is that disk mounted?"));
                }
                missing.extend(there.file_name().map(ToOwned::to_owned));
            }
            Err(error) => return Err(Error::file("look at", there, &error)),
        }
    }
    Ok(path.to_owned())
}

fn taken(data: &Path) -> Error {
    Error::new(Class::Input, format!("{data:?} has files in it")).hint(
        "--replace moves it aside and keeps it; --delta writes only what differs from the backup.",
    )
}

/// What can't be moved is known before the server is stopped for it.
fn check_moving(data: &Path, aside: &Path) -> Result<()> {
    let refused = |found: &str| {
        let message = format!("{data:?} can't be moved aside: it is {found}");
        Error::new(Class::Input, message)
            .hint("--delta overwrites the directory instead; it keeps nothing of the old files.")
    };
    if is_mount_point(data) {
        return Err(refused("a mount point"));
    }
    let above = data.parent().unwrap_or(Path::new("/"));
    if access(above, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Err(refused("in a folder that this user may not write to"));
    }
    if fs::symlink_metadata(aside).is_ok() {
        let message = format!("{aside:?} already exists");
        return Err(Error::new(Class::Input, message).hint("Wait a second and try again."));
    }
    Ok(())
}

/// As its control file says, or what an interrupted restore has left of it.
fn system_of(data: &Path) -> Option<SystemIdentifier> {
    let files = [data.join("global/pg_control"), left_control_file(data)];
    let read = |path: &PathBuf| system_identifier_of_control_file(&fs::read(path).ok()?).ok();
    files.iter().find_map(read)
}

/// Bytes that are free where a data directory is, or will be.
pub fn room(data: &Path) -> Option<u64> {
    let there = data.ancestors().find(|path| path.exists())?;
    rustix::fs::statvfs(there).ok().map(|room| room.f_bavail * room.f_frsize)
}

/// Refuses root a data directory of somebody else: one that is there, or a new one in his folder. It may restore into
/// its own folders, for a look, but start no server there.
pub fn refuse_root(data: &Path, start: bool) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let there = data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let metadata = fs::metadata(there).map_err(|error| Error::file("look at", there, &error))?;
    if metadata.uid() != 0 {
        let user = accounts::user(metadata.uid());
        let message = format!("root may not restore here: {there:?} belongs to {user}");
        return Err(Error::new(Class::Usage, message).hint(format!(
            "The server could not read files of root: sudo -u {user} basebackup restore … (with `sudo systemctl …` in \
             --before and --after where they need it)."
        )));
    }
    if start {
        return Err(Error::new(Class::Usage, "PostgreSQL does not run as root").hint(
            "Restore as the user that runs it, into a folder of that user: sudo -u postgres basebackup restore …",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn look(data: &Path, occupied: Occupied) -> Result<RestoreDirectory, String> {
        let now = "2026-11-22T20:30:00Z".parse().unwrap();
        RestoreDirectory::look(data, occupied, now).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_place_is_free_and_a_full_one_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        assert!(look(&data, Occupied::Refuse).unwrap().fresh);
        // What an unpacking leaves that was killed before it wrote anything.
        fs::create_dir_all(data.join("global")).unwrap();
        for occupied in [Occupied::Refuse, Occupied::Delta, Occupied::Replace] {
            let found = look(&data, occupied).unwrap();
            assert!(found.fresh && found.aside.is_none());
        }
        fs::write(data.join("PG_VERSION"), "18").unwrap();
        assert_eq!(
            look(&data, Occupied::Refuse).unwrap_err(),
            format!(
                "{data:?} has files in it. HINT: --replace moves it aside \
                 and keeps it; --delta writes only what differs from the backup."
            )
        );
        assert_eq!(look(&data, Occupied::Delta).unwrap().aside, None);
        let aside = place.path().join("data.old-20261122T203000Z");
        assert_eq!(look(&data, Occupied::Replace).unwrap().aside.as_ref(), Some(&aside));
        fs::create_dir(&aside).unwrap();
        let said = look(&data, Occupied::Replace).unwrap_err();
        assert_eq!(said, format!("{aside:?} already exists. HINT: Wait a second and try again."));
    }

    #[test]
    fn a_link_stands_for_the_directory_that_it_leads_to() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("disk/main")).unwrap();
        symlink(at("disk/main"), at("data")).unwrap();
        symlink(at("gone"), at("broken")).unwrap();
        fs::write(at("disk/main/PG_VERSION"), "18").unwrap();
        let found = look(&at("data"), Occupied::Replace).unwrap();
        assert_eq!((&found.data, &found.link), (&at("disk/main"), &Some(at("data"))));
        assert_eq!(found.aside, Some(at("disk/main.old-20261122T203000Z")));
        assert_eq!(real(&at("data/new/er")), Ok(at("disk/main/new/er")));
        assert_eq!(
            look(&at("broken"), Occupied::Delta).unwrap_err(),
            format!(
                "{:?} is a link to {:?}, which does not exist. HINT: Is that disk mounted?",
                at("broken"),
                at("gone")
            )
        );
    }

    #[test]
    fn a_mount_point_can_not_be_moved() {
        assert_eq!(
            [is_mount_point(Path::new("/proc")), is_mount_point(Path::new("/proc/self"))],
            [true, false]
        );
        let said =
            check_moving(Path::new("/proc"), Path::new("/proc.old")).unwrap_err().to_string();
        assert_eq!(
            said,
            "\"/proc\" can't be moved aside: it is a mount point. HINT: --delta overwrites the \
             directory instead; it keeps nothing of the old files."
        );
    }
}
