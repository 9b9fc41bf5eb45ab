//! The servers that the kernel shows, by the folders that they have.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::statfs;

use crate::error::{Class, Error, Result};

/// What the program of a server is called.
const NAMES: [&str; 3] = ["postgres", "postmaster", "edb-postgres"];

/// The first namespace of processes: whoever is in it sees the processes of all others too (`PROC_PID_INIT_INO`).
const FIRST_NAMESPACE: &str = "pid:[4026531836]";

/// File systems that one host alone has mounted: ext4, XFS, Btrfs, ZFS, F2FS, bcachefs, overlay, tmpfs, ramfs.
const LOCAL: [u32; 9] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0x2FC1_2FC1,
    0xF2F5_2010,
    0xCA45_1A4E,
    0x794C_7630,
    0x0102_1994,
    0x8584_58F6,
];

/// A folder, whatever it is called: device and number.
type FolderIdentity = (u64, u64);

/// Running servers, as far as this user may look at them.
#[derive(Debug, Default)]
pub struct RunningServers {
    servers: Vec<RunningServer>,
    /// Owners of those that could not be looked at.
    hidden: Vec<u32>,
    sees_all: bool,
}

#[derive(Debug)]
struct RunningServer {
    process: i64,
    data: Folder,
    /// Where its links lead: `pg_wal` and tablespaces.
    linked: Vec<Folder>,
}

#[derive(Debug, PartialEq, Eq)]
struct Folder {
    path: PathBuf,
    identity: FolderIdentity,
}

impl RunningServers {
    /// Those that run now.
    pub fn look() -> Self {
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let mut found =
            Self { sees_all: namespace == Path::new(FIRST_NAMESPACE), ..Self::default() };
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            number.into_iter().for_each(|process| found.add(process, &entry.path()));
        }
        found
    }

    fn add(&mut self, process: i64, proc: &Path) {
        let name = fs::read_to_string(proc.join("comm")).unwrap_or_default();
        if !NAMES.contains(&name.trim_end()) {
            return;
        }
        match RunningServer::of(process, proc) {
            // The processes that it started have the same folder.
            Some(server) => {
                let known = |it: &RunningServer| it.data.identity == server.data.identity;
                if !self.servers.iter().any(known) {
                    self.servers.push(server);
                }
            }
            // One that is dead and was not waited for has no folder any more.
            None if is_dead(proc) => {}
            None => self.hidden.extend(fs::metadata(proc).map(|it| it.uid())),
        }
    }

    /// The process of the server that has this directory.
    pub fn on(&self, data: &Path) -> Option<i64> {
        let identity = identity(data)?;
        self.servers.iter().find(|it| it.data.identity == identity).map(|it| it.process)
    }

    /// Whether a server on this directory would have been seen: on this host alone, and in no process that is hidden from
    /// us. A server runs as the owner of its directory.
    pub(super) fn would_show(&self, data: &Path) -> bool {
        let Ok(owner) = fs::metadata(data).map(|it| it.uid()) else { return false };
        let us = rustix::process::geteuid().as_raw();
        let type_of = statfs(data).map(|it| it.f_type);
        let local = type_of.is_ok_and(|it| LOCAL.iter().any(|known| i64::from(*known) == it));
        self.sees_all && local && (us == 0 || us == owner) && !self.hidden.contains(&owner)
    }

    /// Fails when another server than that on `data` has `folder`, or something in it.
    pub fn refuse_owned(&self, data: &Path, folder: &Path, what: &str) -> Result<()> {
        let (own, wanted) = (identity(data), identity(folder));
        let others = self.servers.iter().filter(|it| Some(it.data.identity) != own);
        for server in others {
            let folders = std::iter::once(&server.data).chain(&server.linked);
            let taken = |it: &&Folder| Some(it.identity) == wanted || it.path.starts_with(folder);
            let Some(taken) = folders.into_iter().find(taken) else { continue };
            let message = format!(
                "{what} {folder:?} belongs to another server: {:?} is in use by the server on {:?}, process {}",
                taken.path, server.data.path, server.process
            );
            return Err(Error::new(Class::Input, message).hint(
                "Restore elsewhere: into another directory, and each tablespace with --tablespace OID=FOLDER.",
            ));
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn seeing_all(mut self, sees_all: bool) -> Self {
        self.sees_all = sees_all;
        self
    }
}

impl RunningServer {
    /// `None` when we may not look.
    fn of(process: i64, proc: &Path) -> Option<Self> {
        let data = proc.join("cwd");
        let folder = Folder { path: fs::read_link(&data).ok()?, identity: identity(&data)? };
        let tablespaces = fs::read_dir(data.join("pg_tblspc")).into_iter().flatten().flatten();
        let links = tablespaces.map(|entry| entry.path()).chain([data.join("pg_wal")]);
        let linked = links.filter_map(|link| linked(proc, &link)).collect();
        Some(Self { process, data: folder, linked })
    }
}

fn is_dead(proc: &Path) -> bool {
    let text = fs::read_to_string(proc.join("stat")).unwrap_or_default();
    text.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// Where a link of that process leads, which may see other mounts than we do.
fn linked(proc: &Path, link: &Path) -> Option<Folder> {
    let target = fs::read_link(link).ok()?;
    let seen = match target.strip_prefix("/") {
        Ok(below) => proc.join("root").join(below),
        Err(_) => link.parent()?.join(&target),
    };
    let path = fs::canonicalize(&target).unwrap_or(target);
    Some(Folder { path, identity: identity(&seen)? })
}

fn identity(folder: &Path) -> Option<FolderIdentity> {
    fs::metadata(folder).ok().map(|it| (it.dev(), it.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(path: &Path) -> Folder {
        fs::create_dir_all(path).unwrap();
        Folder { path: path.to_owned(), identity: identity(path).unwrap() }
    }

    #[test]
    fn what_another_server_has_is_refused_by_whatever_name() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let server = RunningServer {
            process: 7,
            data: folder(&at("live")),
            linked: vec![folder(&at("far/ts"))],
        };
        let servers = RunningServers { servers: vec![server], ..RunningServers::default() };
        symlink(at("far/ts"), at("link")).unwrap();
        fs::create_dir(at("free")).unwrap();
        assert_eq!(servers.on(&at("live")), Some(7));
        assert_eq!(servers.on(&at("free")), None);
        let refused = |data: &str, folder: &str| {
            servers
                .refuse_owned(&at(data), &at(folder), "the folder")
                .map_err(|error| error.to_string())
        };
        for taken in ["link", "far", "far/ts"] {
            let said = refused("copy", taken).unwrap_err();
            let expected = format!(
                "the folder {:?} belongs to another server: {:?} is in use by the server on {:?}, process 7. HINT: \
                 Restore elsewhere: into another directory, and each tablespace with --tablespace OID=FOLDER.",
                at(taken),
                at("far/ts"),
                at("live")
            );
            assert_eq!(said, expected);
        }
        assert!(refused("copy", "live").is_err());
        assert_eq!(
            [refused("live", "link"), refused("copy", "free"), refused("copy", "new")],
            [Ok(()), Ok(()), Ok(())]
        );
    }
}
