use std::path::Path;
use std::process::{Child, Command};

use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError,
};

use crate::error::{Class, Error, Result};
use crate::threads::start_in;

/// Shared memory (`shm_open(3)`), in which parallel queries exchange their rows.
const SHARED_MEMORY: &str = "/dev/shm";
const NOWHERE: &str = "/dev/null";

/// Starts a program that, with all its children, may change files in `folder` alone (Landlock, Linux 5.19 and
/// later; `Documentation/userspace-api/landlock.rst`).
///
/// WAL can hold the creation of a tablespace: replaying it, a server takes the folder of the original, and on
/// the host of the real server that is the real tablespace. No setting keeps it from that.
pub(super) fn start(command: &mut Command, folder: &Path) -> Result<Child> {
    // The restriction holds for a thread and what it starts, and can't be taken back.
    let started = std::thread::scope(|scope| {
        let confined = start_in(scope, || {
            let opened = PathFd::new(folder).map_err(|error| not_confined(&error))?;
            restrict(opened).map_err(|error| not_confined(&error))?;
            start_freely(command)
        });
        confined.map(|thread| thread.join())
    });
    started?.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

pub(super) fn start_freely(command: &mut Command) -> Result<Child> {
    command.spawn().map_err(|error| Error::file("run", Path::new(command.get_program()), &error))
}

fn restrict(folder: PathFd) -> Result<(), RulesetError> {
    // Before the second version nothing could be renamed from one folder to another.
    let changes = AccessFs::from_write(ABI::V2);
    let open = |path: &str| PathFd::new(path).ok();
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(changes)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::Truncate)?
        .create()?
        .add_rule(PathBeneath::new(folder, AccessFs::from_write(ABI::V3)))?;
    if let Some(shared_memory) = open(SHARED_MEMORY) {
        rules = rules.add_rule(PathBeneath::new(shared_memory, AccessFs::from_write(ABI::V3)))?;
    }
    if let Some(nowhere) = open(NOWHERE) {
        let write = AccessFs::WriteFile | AccessFs::Truncate;
        rules = rules.add_rule(PathBeneath::new(nowhere, write))?;
    }
    rules.restrict_self().map(drop)
}

fn not_confined(error: &dyn std::fmt::Display) -> Error {
    let message = format!("could not confine the server of the drill to its folder: {error}");
    Error::new(Class::Usage, message).hint(
        "It takes Landlock of Linux 5.19 or later. On a host that the real server does not run on, --unconfined goes without.",
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

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
            start(&mut command, &inside).unwrap().wait().unwrap().success()
        };
        assert!(run(&inside) && inside.join("new").exists() && !inside.join("there").exists());
        run(&outside);
        assert!(!outside.join("new").exists() && outside.join("there").exists());
        // This thread is free.
        fs::write(outside.join("new"), "").unwrap();
    }
}
