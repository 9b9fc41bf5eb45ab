//! Whether the server can run a program of ours.

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{Host, Unseen};
use crate::doctor::account::EXECUTE;
use crate::doctor::command_line::programs;
use crate::doctor::finding::Diagnosis;

/// Longest time for `--version`.
const LIMIT: Duration = Duration::from_secs(10);

/// What a service gets as its `PATH` where it is told none (`systemd.exec(5)`).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where the server would find the program; `None` where it would not. One in a folder that is closed to
/// this process may be there.
pub(crate) fn find(program: &str, host: &Host) -> Option<PathBuf> {
    let candidates = candidates(program, host);
    let closed = |path: &&PathBuf| fs::metadata(path).is_err_and(|error| host.hides(&error));
    let there = candidates.iter().find(|path| path.is_file());
    there.or_else(|| candidates.iter().find(closed)).cloned()
}

fn candidates(program: &str, host: &Host) -> Vec<PathBuf> {
    if program.contains('/') {
        return vec![host.data_directory.clone().unwrap_or_default().join(program)];
    }
    let path = host.variable("PATH").unwrap_or_else(|| PATH.to_owned());
    path.split(':').map(|folder| Path::new(folder).join(program)).collect()
}

/// Whether the server can run what a command of its own begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ability {
    Able,
    /// Why not. Each call then ends with status 126 or 127, which ends the archiver too, so that `pg_stat_archiver` never
    /// tells.
    Unable(String),
    /// Why that was not looked at.
    NotSeen(String),
}

/// Looks at an `archive_command` of a server, in a container of this host too.
pub fn ability(command: &str, host: &Result<Host, Unseen>) -> Ability {
    let host = match host {
        Ok(host) => host,
        Err(unseen) => return Ability::NotSeen(unseen.reason().to_owned()),
    };
    let own = rustix::process::geteuid();
    if !own.is_root() && own.as_raw() != host.account.uid {
        let user = host.account.name();
        return Ability::NotSeen(format!("only root and {user} see what the server sees"));
    }
    if host.is_closed() {
        return Ability::NotSeen(
            "the files that the server sees are closed to this user".to_owned(),
        );
    }
    let mut worst = Ability::Able;
    for program in programs(command, "wal-push") {
        match one(&program, host) {
            Ability::Able => {}
            Ability::Unable(why) => return Ability::Unable(why),
            unseen @ Ability::NotSeen(_) => worst = unseen,
        }
    }
    worst
}

fn one(program: &str, host: &Host) -> Ability {
    if Path::new(program).is_relative() && program.contains('/') && host.data_directory.is_none() {
        return Ability::NotSeen("the data directory is not known".to_owned());
    }
    for path in candidates(program, host) {
        let open = match host.open(&path) {
            Ok(open) => open,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Ability::NotSeen(format!("can't look at {path:?}: {error}")),
        };
        let file = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
        if !file.is_file() {
            continue;
        }
        let user = host.account.name();
        return match may_execute(&file, &path, host) {
            Some(false) => Ability::Unable(format!("the user {user} may not execute {path:?}")),
            _ => Ability::Able,
        };
    }
    Ability::Unable(format!("the server does not find {program:?}"))
}

/// Nothing is there, or nothing that the server's user may see, who is this one.
fn is_absent(error: &io::Error) -> bool {
    let closed = error.raw_os_error() == Some(rustix::io::Errno::ACCESS.raw_os_error());
    closed || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The server's user is asked of the system; any other one by owners and modes, and in a container by those of the
/// file alone.
fn may_execute(file: &Path, path: &Path, host: &Host) -> Option<bool> {
    if rustix::process::geteuid().as_raw() != host.account.uid {
        let may = match host.sees_our_files() {
            true => host.account.may(path, EXECUTE),
            false => host.account.may_itself(file, EXECUTE),
        };
        return may.ok();
    }
    match accessat(CWD, file, Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => Some(true),
        Err(error) => (error == rustix::io::Errno::ACCESS).then_some(false),
    }
}

/// Whether the server's user may execute it, and what it then says of its version. It is run as that user
/// or not at all: who may write `archive_command` must not get more rights by this.
pub(crate) fn runs(path: &Path, host: &Host) -> Diagnosis {
    let what = "archive_command: program";
    let user = host.account.name();
    match host.account.may(path, EXECUTE) {
        Ok(true) => {}
        Ok(false) => {
            return Diagnosis::problem(what, format!("the user {user} may not execute {path:?}"))
                .mend(crate::doctor::Mend::Shell(format!("chmod 0755 {}", path.display())));
        }
        Err(error) => {
            let found = format!("can't look at {path:?}: {error}");
            return Diagnosis::unknown(what, found).mend(host.as_its_user());
        }
    }
    let own = rustix::process::geteuid();
    if !own.is_root() && own.as_raw() != host.account.uid {
        return Diagnosis::note(what, format!("{path:?} is there; only root or {user} can try it"));
    }
    let ours = format!("wal-push {}", env!("CARGO_PKG_VERSION"));
    match version(path, host) {
        Ok(said) if said == ours => Diagnosis::good(what, format!("{path:?} runs as {user}")),
        Ok(said) => Diagnosis::warning(what, format!("{path:?} is {said:?}, this is {ours:?}"))
            .advice("Install one version of all programs."),
        Err(reason) => {
            Diagnosis::problem(what, format!("{path:?} does not run as {user}: {reason}"))
        }
    }
}

fn version(path: &Path, host: &Host) -> Result<String, String> {
    let mut command = Command::new(path);
    command.arg("--version").env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(host.account.uid).gid(host.account.gid);
    }
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let ended = wait(&mut child);
    if ended.is_none() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let mut text = String::new();
    if let Some(output) = child.stdout.take().filter(|_| status.success()) {
        // The first line has the version; the next lines name the linked libraries. 200 bytes are enough for it, and a
        // program that never stops writing does not keep us.
        let _ = output.take(200).read_to_string(&mut text);
    }
    match (ended, status.success()) {
        (None, _) => Err("it did not end in time".to_owned()),
        (_, true) => Ok(text.lines().next().unwrap_or_default().trim().to_owned()),
        _ => Err(status.to_string()),
    }
}

fn wait(child: &mut Child) -> Option<()> {
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        if child.try_wait().ok()?.is_some() {
            return Some(());
        }
        sleep(Duration::from_millis(5));
    }
    None
}
