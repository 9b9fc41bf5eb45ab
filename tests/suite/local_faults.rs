//! Disks that are full, read-only or closed: the failure says so, nothing half-written gets a real
//! name, and the next call after mending succeeds and removes what was left.

mod closed_folders;
mod full_disk;
mod read_only;
mod state;

use std::fs;
use std::path::{Path, PathBuf};

use crate::by_hand::ByHand;
use crate::namespace;
use crate::support::run::Run;

const ROOM: &str = "HINT: Make room on that file system.";
const OWNER: &str =
    "HINT: Check owner and mode of it and of the folders above, for the user that runs this.";

/// What the steps of a script said and how they ended.
struct Steps(PathBuf);

impl Steps {
    /// Runs a shell script with mounts of its own. In it, `step NAME COMMAND...` runs a command as
    /// the server user and keeps its status and standard error; `$disk`, `$data` and `$repository`
    /// are folders. `None` where the kernel allows no mounts: the tests with a limit on the size of
    /// files show the same there.
    #[track_caller]
    fn run(host: &ByHand, script: &str) -> Option<Steps> {
        let out = host.place.folder("steps");
        let function = "step() { name=$1; shift; status=0; \
                        $as \"$@\" 2>$out/$name.err || status=$?; echo $status >$out/$name; }\n";
        let run = namespace::script(&host.place, &format!("{function}{script}"))?;
        let programs =
            [("push", env!("CARGO_BIN_EXE_wal-push")), ("fetch", env!("CARGO_BIN_EXE_wal-fetch"))];
        let run = programs
            .into_iter()
            .fold(run, |run: Run, (name, program)| run.env(name, host.place.program(program)));
        let disk = host.repository.parent().expect("below the place");
        let run = run.env("out", &out).env("disk", disk).env("data", host.directory.path());
        let run = run.env("repository", &host.repository).env("SEAWALL_LOG_FORMAT", "text");
        let run = run.env("SEAWALL_REPOSITORY", &host.repository).cwd(host.directory.path());
        run.run().expect(0);
        Some(Steps(out))
    }

    /// Panics unless the step ended like this and said this alone; an empty text stands for a
    /// line of success.
    #[track_caller]
    fn ended(&self, name: &str, status: i32, text: &str) {
        let said = self.text(&format!("{name}.err"));
        let found = self.text(name);
        assert_eq!(found.trim(), status.to_string(), "{name}: {said}");
        let lines: Vec<&str> = said.lines().map(|line| &line[28..]).collect();
        match (status, text) {
            (0, "") => assert!(lines.iter().all(|line| line.starts_with(" INFO ")), "{said}"),
            _ => assert_eq!(lines, [text], "{name}"),
        }
    }

    /// A file that the script has left.
    #[track_caller]
    fn text(&self, name: &str) -> String {
        let path = self.0.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }
}

/// All files below a folder that are not Seawall's own locks.
fn files_below(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_none_or(|ending| ending != "lock") {
            files.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        }
    }
    files.sort();
    files
}
