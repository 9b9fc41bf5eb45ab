//! What a user may do with a file, found out from owners and modes: to try it as that user would take more
//! rights than this process may have. Access control lists are not looked at.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::accounts;

/// Bits of one triple of a mode.
pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const EXECUTE: u32 = 1;

/// The user that a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

impl Account {
    /// From `/proc/PID/status` (`proc_pid_status(5)`), its effective ids. `None` when there is no such
    /// process, or it can't be seen.
    pub fn of_process(pid: u32) -> Option<Self> {
        Self::of_status(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }

    /// Of this process.
    pub fn own() -> Option<Self> {
        Self::of_process(std::process::id())
    }

    fn of_status(status: &str) -> Option<Self> {
        let numbers = |name: &str| -> Option<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().map(|word| word.parse().ok()).collect()
        };
        let effective = |name: &str| numbers(name)?.get(1).copied();
        Some(Self { uid: effective("Uid:")?, gid: effective("Gid:")?, groups: numbers("Groups:")? })
    }

    /// Of the user with this name, as `passwd(5)` has it. `None` where there is none.
    pub fn named(name: &str) -> Option<Self> {
        Self::of_passwd(&fs::read_to_string("/etc/passwd").ok()?, name)
    }

    fn of_passwd(file: &str, name: &str) -> Option<Self> {
        file.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == name;
            let mut numbers = fields.skip(1).map(|field| field.parse().ok());
            let (uid, gid) = (numbers.next()??, numbers.next()??);
            found.then_some(Self { uid, gid, groups: Vec::new() })
        })
    }

    pub fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// Its name, else its number.
    pub fn name(&self) -> String {
        accounts::user(self.uid)
    }

    /// The name of its group, else the number.
    pub fn group_name(&self) -> String {
        accounts::group(self.gid)
    }

    /// Whether it may do all of `wanted` with the file, and enter the folders on the way to it, links
    /// followed.
    pub fn may(&self, path: &Path, wanted: u32) -> io::Result<bool> {
        let real = fs::canonicalize(path)?;
        if !self.has(&fs::metadata(&real)?, wanted) {
            return Ok(false);
        }
        for folder in path.ancestors().skip(1).chain(real.ancestors().skip(1)) {
            if folder.is_absolute() && !self.has(&fs::metadata(folder)?, EXECUTE) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same, whatever folders lead to it.
    pub(super) fn may_itself(&self, path: &Path, wanted: u32) -> io::Result<bool> {
        Ok(self.has(&fs::metadata(path)?, wanted))
    }

    fn has(&self, metadata: &fs::Metadata, wanted: u32) -> bool {
        let (mode, directory) = (metadata.mode(), metadata.is_dir());
        if self.uid == 0 {
            return wanted & EXECUTE == 0 || directory || mode & 0o111 != 0;
        }
        let shift = if metadata.uid() == self.uid {
            6
        } else if self.is_in(metadata.gid()) {
            3
        } else {
            0
        };
        (mode >> shift) & wanted == wanted
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn ids_come_from_the_status() {
        let status = "Name:\tpostgres\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n";
        let expected = Account { uid: 2, gid: 6, groups: vec![9, 10] };
        assert_eq!(Account::of_status(status), Some(expected));
        assert_eq!(Account::of_status("Name: x"), None);
        let passwd = "+\nroot:x:0:0:\npostgres:x:105:1:\n";
        let expected = Account { uid: 105, gid: 1, groups: vec![] };
        assert_eq!(Account::of_passwd(passwd, "postgres"), Some(expected));
        assert_eq!(Account::of_passwd(passwd, "post"), None);
    }

    #[test]
    fn owner_then_group_then_others_decide() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::write(&path, "").unwrap();
        let owner = fs::metadata(&path).unwrap();
        let open = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        open(place.path(), 0o755);
        let stranger = Account { uid: 54321, gid: 54321, groups: vec![] };
        let member = Account { uid: 54321, gid: 54321, groups: vec![owner.gid()] };
        for (mode, others, group) in
            [(0o640, false, true), (0o604, true, false), (0o644, true, true)]
        {
            open(&path, mode);
            assert_eq!(stranger.may(&path, READ).unwrap(), others, "{mode:o}");
            assert_eq!(member.may(&path, READ).unwrap(), group || owner.gid() == 54321, "{mode:o}");
            assert!(!stranger.may(&path, WRITE).unwrap());
        }
        open(place.path(), 0o700);
        assert!(!stranger.may(&path, READ).unwrap());
        let root = Account { uid: 0, gid: 0, groups: vec![] };
        assert!(root.may(&path, WRITE).unwrap() && !root.may(&path, EXECUTE).unwrap());
        open(place.path(), 0o755);
        assert!(stranger.may(&place.path().join("absent"), READ).is_err());
    }
}
