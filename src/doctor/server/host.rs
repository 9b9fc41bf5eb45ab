use std::fs;
use std::io;
use std::path::PathBuf;

use crate::doctor::{Account, Mend};

/// A server that runs on this host, seen through `/proc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Process id of the postmaster.
    pub postmaster: u32,
    /// Whom it runs as, and with it `archive_command`.
    pub account: Account,
    /// Where the role, or this process, may know it.
    pub data_directory: Option<PathBuf>,
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
    pub fn reason(self) -> &'static str {
        match self {
            Self::Elsewhere => "the server runs on another host or in a container",
            Self::OtherFiles => {
                "the server sees other files than this host: it runs in a container, or under another root"
            }
        }
    }
}

impl Host {
    /// From the process id of a session. One of another container may be by chance that of a process here, so
    /// the server is told by its data directory too, where that can be seen.
    pub fn of_backend(backend: u32, data_directory: Option<&str>) -> Result<Self, Unseen> {
        let postmaster = postmaster(backend).ok_or(Unseen::Elsewhere)?;
        let link = |pid: &str, what: &str| fs::read_link(format!("/proc/{pid}/{what}")).ok();
        let its = postmaster.to_string();
        for what in ["ns/mnt", "root"] {
            let (ours, its) = (link("self", what), link(&its, what));
            if ours.is_some() && its.is_some() && ours != its {
                return Err(Unseen::OtherFiles);
            }
        }
        let data_directory = data_directory.filter(|text| !text.is_empty()).map(PathBuf::from);
        let told = data_directory.as_deref().and_then(|path| fs::canonicalize(path).ok());
        let current = link(&its, "cwd");
        if told.is_some() && current.is_some() && told != current {
            return Err(Unseen::Elsewhere);
        }
        let account = Account::of_process(postmaster).ok_or(Unseen::Elsewhere)?;
        Ok(Self { postmaster, account, data_directory: data_directory.or(current) })
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
    pub fn as_its_user(&self) -> Mend {
        Mend::Shell(format!("sudo -u {} seawall doctor", self.account.name()))
    }
}

/// The parent of a session, where that is a process of PostgreSQL here.
fn postmaster(backend: u32) -> Option<u32> {
    let title = fs::read(format!("/proc/{backend}/cmdline")).ok()?;
    let status = fs::read_to_string(format!("/proc/{backend}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    title.starts_with(b"postgres").then(|| parent.trim().parse().ok())?
}
