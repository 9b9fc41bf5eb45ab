//! Finds the server's process on this host by the number of our own session, and looks at files as that process sees
//! them.
//!
//! In a container or on another host the same number and the same path mean something else: another server must not be
//! taken for this one.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use crate::doctor::{Account, Mend};

/// A server that runs on this host, in a container of it too, seen through `/proc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Process id of the postmaster.
    pub postmaster: u32,
    /// Whom it runs as, and with it `archive_command`.
    pub account: Account,
    /// Where the role, or this process, may know it.
    pub data_directory: Option<PathBuf>,
    /// What leads to the files as the server sees them, where they are others than those that this process sees.
    root: Option<PathBuf>,
}

/// Why a server can't be seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// No such process is here.
    Elsewhere,
    /// Its process is here, and sees other files than this one.
    OtherFiles,
}

impl Unseen {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Elsewhere => "the server runs on another host or in a container",
            Self::OtherFiles => {
                "the server sees other files than this host: it runs in a container, or under another root"
            }
        }
    }
}

impl Host {
    /// From a session of this process that is still there, by the number that its server gives it.
    pub fn of_session(backend: u32, data_directory: Option<&str>) -> Result<Self, Unseen> {
        let (postmaster, nested) = postmaster(backend).ok_or(Unseen::Elsewhere)?;
        let link = |pid: &str, what: &str| fs::read_link(format!("/proc/{pid}/{what}")).ok();
        let its = postmaster.to_string();
        let differs = |what| {
            let (ours, its) = (link("self", what), link(&its, what));
            ours.is_some() && its.is_some() && ours != its
        };
        // Where the links are closed, a container is told by its own numbers.
        let root = nested || ["ns/mnt", "root"].into_iter().any(differs);
        let root = root.then(|| PathBuf::from(format!("/proc/{its}/root")));
        let data_directory = data_directory.filter(|text| !text.is_empty()).map(PathBuf::from);
        let told = data_directory.as_deref().and_then(|path| fs::canonicalize(path).ok());
        let current = link(&its, "cwd");
        if root.is_none() && told.is_some() && current.is_some() && told != current {
            return Err(Unseen::Elsewhere);
        }
        let account = Account::of_process(postmaster).ok_or(Unseen::Elsewhere)?;
        Ok(Self { postmaster, account, data_directory: data_directory.or(current), root })
    }

    /// The same, where a path leads to what it leads to for the server.
    pub fn among_our_files(self) -> Result<Self, Unseen> {
        if self.sees_our_files() { Ok(self) } else { Err(Unseen::OtherFiles) }
    }

    /// Whether this process may look at what the server sees: it may not where its group is another one.
    pub(super) fn is_closed(&self) -> bool {
        fs::read_link(format!("/proc/{}/root", self.postmaster)).is_err()
    }

    pub(super) fn sees_our_files(&self) -> bool {
        self.root.is_none()
    }

    /// What lies at a path for the server. Links are followed as they lead there.
    pub fn open(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let Some(root) = &self.root else {
            return Ok(openat(CWD, path, flags, Mode::empty())?);
        };
        let root = openat(CWD, root, flags | OFlags::DIRECTORY, Mode::empty())?;
        Ok(openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
    }

    /// A variable of the server's environment, which the commands it runs inherit. `None` where it has
    /// none, or it can't be seen.
    pub fn variable(&self, name: &str) -> Option<String> {
        let all = fs::read(format!("/proc/{}/environ", self.postmaster)).ok()?;
        all.split(|byte| *byte == 0).find_map(|variable| {
            let (key, value) = std::str::from_utf8(variable).ok()?.split_once('=')?;
            (key == name && !value.is_empty()).then(|| value.to_owned())
        })
    }

    /// Whether it is this process that may not look, and not the server's user.
    pub fn hides(&self, error: &io::Error) -> bool {
        let own = rustix::process::geteuid();
        error.kind() == io::ErrorKind::PermissionDenied
            && !own.is_root()
            && own.as_raw() != self.account.uid
    }

    /// What sees as much as the server.
    pub(super) fn as_its_user(&self) -> Mend {
        Mend::Shell(format!("sudo -u {} seawall doctor", self.account.name()))
    }
}

/// The parent of a session of ours, where that is a process of PostgreSQL here, and whether a container numbers it.
fn postmaster(backend: u32) -> Option<(u32, bool)> {
    let ours = started("self")?;
    let processes =
        fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let numbers = processes.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let mut parents = numbers.filter_map(|pid| parent_of_session(&pid, backend, ours));
    let first = parents.next()?;
    // Two containers may number alike. Sessions that began in this moment hardly ever are both numbered so.
    parents.next().is_none().then_some(first)
}

/// A container numbers its own processes, and has the number of one that is elsewhere for another of its own. But a session
/// of this process began after this process did.
fn parent_of_session(pid: &str, backend: u32, since: u64) -> Option<(u32, bool)> {
    let title = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    if !title.starts_with(b"postgres") {
        return None;
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let (number, parent) = numbers(&status)?;
    let nested = number.to_string() != pid;
    (number == backend && started(pid)? >= since).then_some((parent, nested))
}

/// The number of a process where it runs, and that of its parent here (`proc_pid_status(5)`).
fn numbers(status: &str) -> Option<(u32, u32)> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let number = field("NSpid:").or_else(|| field("Pid:"))?.split_whitespace().last()?;
    Some((number.parse().ok()?, field("PPid:")?.trim().parse().ok()?))
}

/// When a process began, in ticks since the machine did (`proc_pid_stat(5)`).
fn started(pid: &str) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may have blanks and brackets in it.
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_the_number_that_its_container_gave_it() {
        let within = "Name:\tpostgres\nPid:\t5012\nPPid:\t5001\nNSpid:\t5012\t45\n";
        assert_eq!(numbers(within), Some((45, 5001)));
        assert_eq!(numbers("Pid:\t7\nPPid:\t1\n"), Some((7, 1)));
        assert_eq!(numbers("Pid:\t7\n"), None);
        assert!(started("self").is_some_and(|began| began >= started("1").unwrap()));
    }
}
