//! Whether the server can run a program of ours.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::Host;
use crate::doctor::access::EXECUTE;
use crate::doctor::command_line::programs;
use crate::doctor::finding::Finding;

/// Longest time for `--version`.
const LIMIT: Duration = Duration::from_secs(10);

/// What a service gets as its `PATH` where it is told none (`systemd.exec(5)`).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where the server would find the program; `None` where it would not. One in a folder that is closed to
/// this process may be there.
pub fn find(program: &str, host: &Host) -> Option<PathBuf> {
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![host.data_directory.clone().unwrap_or_default().join(program)]
    } else {
        let path = host.variable("PATH").unwrap_or_else(|| PATH.to_owned());
        path.split(':').map(|folder| Path::new(folder).join(program)).collect()
    };
    let closed = |path: &&PathBuf| fs::metadata(path).is_err_and(|error| host.hides(&error));
    let there = candidates.iter().find(|path| path.is_file());
    there.or_else(|| candidates.iter().find(closed)).cloned()
}

/// Why the server can't run what `archive_command` begins with: then each call ends with status 126 or 127, which ends
/// the archiver too, so that `pg_stat_archiver` never tells. `None` also where only that user could know.
pub fn missing(command: &str, host: &Host) -> Option<String> {
    let own = rustix::process::geteuid();
    if !own.is_root() && own.as_raw() != host.account.uid {
        return None;
    }
    programs(command, "wal-push").iter().find_map(|program| {
        if Path::new(program).is_relative() && program.contains('/') {
            host.data_directory.as_ref()?;
        }
        let Some(path) = find(program, host) else {
            return Some(format!("{program:?} is not there for the server"));
        };
        let user = host.account.name();
        let refused = may_execute(&path, host) == Some(false);
        refused.then(|| format!("the user {user} may not execute {path:?}"))
    })
}

/// Its user is asked of the system; any other one by owners and modes.
fn may_execute(path: &Path, host: &Host) -> Option<bool> {
    if rustix::process::geteuid().as_raw() != host.account.uid {
        return host.account.may(path, EXECUTE).ok();
    }
    match accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => Some(true),
        Err(error) => (error == rustix::io::Errno::ACCESS).then_some(false),
    }
}

/// Whether the server's user may execute it, and what it then says of its version. It is run as that user
/// or not at all: who may write `archive_command` must not get more rights by this.
pub fn runs(path: &Path, host: &Host) -> Finding {
    let what = "archive_command: program";
    let user = host.account.name();
    match host.account.may(path, EXECUTE) {
        Ok(true) => {}
        Ok(false) => {
            return Finding::problem(what, format!("the user {user} may not execute {path:?}"))
                .mend(crate::doctor::Mend::Shell(format!("chmod 0755 {}", path.display())));
        }
        Err(error) => {
            let found = format!("can't look at {path:?}: {error}");
            return Finding::unknown(what, found).mend(host.as_its_user());
        }
    }
    let own = rustix::process::geteuid();
    if !own.is_root() && own.as_raw() != host.account.uid {
        return Finding::note(what, format!("{path:?} is there; only root or {user} can try it"));
    }
    let ours = format!("wal-push {}", env!("CARGO_PKG_VERSION"));
    match version(path, host) {
        Ok(said) if said == ours => Finding::good(what, format!("{path:?} runs as {user}")),
        Ok(said) => Finding::warning(what, format!("{path:?} is {said:?}, this is {ours:?}"))
            .advice("Install one version of all programs."),
        Err(reason) => Finding::problem(what, format!("{path:?} does not run as {user}: {reason}")),
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
