//! How a program of a drill is started with nothing of what this user has: neither environment nor files of his.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// So many folders above a program may hold what belongs to its installation, as `/usr` does to
/// `/usr/lib/postgresql/18/bin/postgres`.
const ABOVE: usize = 5;

/// No environment but what finds programs and libraries: there may be keys in it.
pub fn alone(command: &mut Command) {
    command.env_clear().env("LC_ALL", "C");
    for name in ["PATH", LIBRARIES, "TZ"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// The folders that a program reads beside those that all programs read: its own, those of its libraries, and what its
/// installation has for it.
pub fn readable(program: &Path) -> Vec<PathBuf> {
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
