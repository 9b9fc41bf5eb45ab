//! Where the servers are that the tests run against.

use std::env;
use std::fs;
use std::path::PathBuf;

/// What to do about a missing server.
pub const HINT: &str =
    "HINT: run scripts/install-servers.sh; it installs the servers that the tests need";

/// A setting such as `SEAWALL_RCLONE`: from the environment, else from the file that
/// `scripts/install-servers.sh` leaves in its cache folder.
pub fn setting(name: &str) -> Option<String> {
    let given = env::var(name).ok().filter(|value| !value.is_empty());
    given.or_else(|| from_file(&fs::read_to_string(cache().join("env")).ok()?, name))
}

/// The program that a setting names.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let path = PathBuf::from(setting(name).unwrap_or_else(|| panic!("{name} is not set\n{HINT}")));
    assert!(path.is_file(), "{name} names {path:?}, which is not there\n{HINT}");
    path
}

fn cache() -> PathBuf {
    if let Some(folder) = env::var_os("SEAWALL_SERVERS") {
        return folder.into();
    }
    if rustix::process::geteuid().is_root() {
        return "/var/cache/seawall-servers".into();
    }
    let own = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache");
    own.unwrap_or_else(home).join("seawall-servers")
}

/// The file is made for `.` of a shell: `NAME=value`, perhaps exported, perhaps quoted.
fn from_file(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        Some(value.trim_matches(['\'', '"']).to_owned())
    })
}
