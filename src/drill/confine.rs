//! How programs of a drill are started: with nothing of this user's environment, and with no way out of the
//! drill's folder.
//!
//! WAL can name folders of the original server, and a forged backup can hold code; neither must reach the host
//! that rehearses it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};

use crate::error::{Class, Error, Result};
use crate::threads::start_in;

/// Shared memory (`shm_open(3)`), in which parallel queries exchange their rows.
const SHARED_MEMORY: &str = "/dev/shm";
const NOWHERE: &str = "/dev/null";

/// Programs and libraries, and what these read themselves. Not `/etc` as a whole, where configuration and keys lie, nor
/// `/proc`, which shows the environment of other processes.
const READABLE: [&str; 25] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/gnu/store",
    "/etc/alternatives",
    "/etc/crypto-policies",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/dev/null",
];

/// Starts a program that, with all its children, may change files in `folder` alone, read there, `readable` and what
/// programs are made of, and reach nobody by TCP (Landlock, Linux 5.19 and later, 6.7 for TCP;
/// `Documentation/userspace-api/landlock.rst`).
///
/// WAL can hold the creation of a tablespace: replaying it, a server takes the folder of the original, and on
/// the host of the real server that is the real tablespace. No setting keeps it from that. And a backup may hold code:
/// who forges one must not get at the keys of the host that rehearses it.
pub(super) fn start(command: &mut Command, folder: &Path, readable: &[PathBuf]) -> Result<Child> {
    // The restriction holds for a thread and what it starts, and can't be taken back.
    let started = std::thread::scope(|scope| {
        let confined = start_in(scope, || {
            let opened = PathFd::new(folder).map_err(|error| not_confined(&error))?;
            let all = restrict(opened, readable).map_err(|error| not_confined(&error))?;
            if !all {
                tracing::warn!(
                    "this kernel keeps the server of the drill from files outside its folder, and not from the network: \
                     that takes Linux 6.7"
                );
            }
            start_freely(command)
        });
        confined.map(|thread| thread.join())
    });
    started?.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

pub(super) fn start_freely(command: &mut Command) -> Result<Child> {
    command.spawn().map_err(|error| Error::file("run", Path::new(command.get_program()), &error))
}

/// Returns whether the kernel can do all of it.
fn restrict(folder: PathFd, readable: &[PathBuf]) -> Result<bool, RulesetError> {
    // Before the second version nothing could be renamed from one folder to another.
    let (changes, reads) = (AccessFs::from_write(ABI::V2), AccessFs::from_read(ABI::V1));
    let all = AccessFs::from_all(ABI::V3);
    let open = |path: &Path| PathFd::new(path).ok();
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(changes | reads)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::Truncate)?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rule(PathBeneath::new(folder, all))?;
    if let Some(shared_memory) = open(Path::new(SHARED_MEMORY)) {
        rules = rules.add_rule(PathBeneath::new(shared_memory, all))?;
    }
    if let Some(nowhere) = open(Path::new(NOWHERE)) {
        let write = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
        rules = rules.add_rule(PathBeneath::new(nowhere, write))?;
    }
    let programs = READABLE.iter().map(PathBuf::from);
    for path in programs.chain(readable.iter().cloned()) {
        let reads = if path.is_dir() { reads } else { AccessFs::ReadFile | AccessFs::Execute };
        if let Some(opened) = open(&path) {
            rules = rules.add_rule(PathBeneath::new(opened, reads))?;
        }
    }
    let status = rules.restrict_self()?;
    Ok(knows_tcp(&status))
}

fn knows_tcp(status: &RestrictionStatus) -> bool {
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi >= ABI::V4,
        _ => false,
    }
}

fn not_confined(error: &dyn std::fmt::Display) -> Error {
    let message = format!("could not confine the server of the drill to its folder: {error}");
    Error::new(Class::Usage, message).hint(
        "It takes Landlock of Linux 5.19 or later. On a host that the real server does not run on, --unconfined goes without.",
    )
}

const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// So many folders above a program may hold what belongs to its installation, as `/usr` does to
/// `/usr/lib/postgresql/18/bin/postgres`.
const ABOVE: usize = 5;

/// No environment but what finds programs and libraries: there may be keys in it.
pub(super) fn alone(command: &mut Command) {
    command.env_clear().env("LC_ALL", "C");
    for name in ["PATH", LIBRARIES, "TZ"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// The folders that a program reads beside those that all programs read: its own, those of its libraries, and what its
/// installation has for it.
pub(super) fn readable(program: &Path) -> Vec<PathBuf> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let folder = real(program).and_then(|it| it.parent().map(Path::to_owned));
    let above = folder.iter().flat_map(|folder| folder.ancestors().skip(1).take(ABOVE));
    let installed = above.flat_map(|above| ["lib", "lib64", "share"].map(|name| above.join(name)));
    let libraries = libraries(program).into_iter().filter_map(|library| {
        let named = library.parent().map(Path::to_owned);
        Some([named?, real(&library)?.parent()?.to_owned()])
    });
    let named = std::env::var_os(LIBRARIES).unwrap_or_default();
    let named: Vec<PathBuf> = std::env::split_paths(&named).filter(|it| it.is_absolute()).collect();
    let all = folder.iter().cloned().chain(installed).chain(libraries.flatten()).chain(named);
    let mut all: Vec<PathBuf> = all.filter(|it| it.is_dir() && it.parent().is_some()).collect();
    all.sort();
    all.dedup();
    all
}

/// As the dynamic linker names them (`ld.so(8)`); none of a static program.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let mut command = Command::new(program);
    alone(&mut command);
    // One that does not know the variable shows its version.
    command.arg("--version").env("LD_TRACE_LOADED_OBJECTS", "1").stdin(Stdio::null());
    let text = command.stderr(Stdio::null()).output().map(|it| it.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let path =
        |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    text.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confined_program_changes_files_in_its_folder_alone() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("inside"), place.path().join("outside"));
        for folder in [&inside, &outside] {
            fs::create_dir_all(folder.join("below")).unwrap();
            fs::write(folder.join("there"), "").unwrap();
        }
        let script =
            "cd \"$1\"; echo >new; echo >there; mv there below/; rm below/there; echo >/dev/null";
        let run = |folder: &Path| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", &format!("exec 2>/dev/null; {script}"), "sh"]).arg(folder);
            start(&mut command, &inside, &[]).unwrap().wait().unwrap().success()
        };
        assert!(run(&inside) && inside.join("new").exists() && !inside.join("there").exists());
        run(&outside);
        assert!(!outside.join("new").exists() && outside.join("there").exists());
        // It reads nothing of others, reaches nobody by TCP, and signals nobody.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let mut sleeper = Command::new("sleep").arg("60").spawn().unwrap();
        let tried = |script: String| {
            let mut command = Command::new("/bin/bash");
            command.args(["-c", &format!("exec 2>/dev/null; {script}")]);
            start(&mut command, &inside, &[]).unwrap().wait().unwrap().success()
        };
        let secret = place.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        assert!(tried(format!("cat {}/new", inside.display())));
        assert!(!tried(format!("cat {}", secret.display())));
        assert!(!tried(format!("cat /proc/{}/environ", std::process::id())));
        assert!(!tried(format!("exec 3<>/dev/tcp/127.0.0.1/{port}")), "needs Linux 6.7");
        assert!(!tried(format!("kill {}", sleeper.id())), "needs Linux 6.12");
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        // This thread is free.
        fs::read(&secret).unwrap();
        fs::write(outside.join("new"), "").unwrap();
    }
}
