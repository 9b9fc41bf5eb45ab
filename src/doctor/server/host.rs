use std::fs;
use std::path::PathBuf;

use crate::doctor::Account;

/// A server that runs on this host, seen through `/proc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Process id of the postmaster.
    pub postmaster: u32,
    /// Whom it runs as, and with it `archive_command`.
    pub account: Account,
    /// Where the role may know it.
    pub data_directory: Option<PathBuf>,
}

impl Host {
    /// From the process id of a session. `None` where no such process of PostgreSQL is here, or where it
    /// sees other files than this process: in a container.
    pub fn of_backend(backend: u32, data_directory: Option<&str>) -> Option<Self> {
        let title = fs::read(format!("/proc/{backend}/cmdline")).ok()?;
        if !title.starts_with(b"postgres") {
            return None;
        }
        let status = fs::read_to_string(format!("/proc/{backend}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        let postmaster: u32 = parent.trim().parse().ok()?;
        let files = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
        let (ours, its) = (files("self"), files(&postmaster.to_string()));
        if ours.is_some() && its.is_some() && ours != its {
            return None;
        }
        let account = Account::of_process(postmaster)?;
        let data_directory = data_directory.filter(|text| !text.is_empty()).map(PathBuf::from);
        Some(Self { postmaster, account, data_directory })
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
}
