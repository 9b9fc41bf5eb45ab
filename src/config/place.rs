//! Where the configuration is looked for by a command that is told nothing.

use std::path::PathBuf;

/// That of the host; `seawall init` writes it as root.
pub const DEFAULT_FILE: &str = "/etc/seawall/seawall.toml";

/// That of an ordinary user, whose server runs in a container of his own: `$XDG_CONFIG_HOME/seawall/seawall.toml`, where
/// systemd's `%E` leads in his units too (XDG Base Directory Specification). `None` without a home.
pub fn own_file() -> Option<PathBuf> {
    Some(own("XDG_CONFIG_HOME", ".config")?.join("seawall/seawall.toml"))
}

/// Where such a user's programs keep what they remember: `$XDG_STATE_HOME/seawall`.
pub fn own_state() -> Option<PathBuf> {
    Some(own("XDG_STATE_HOME", ".local/state")?.join("seawall"))
}

/// The first of these that is there. That of the host comes first: a file that is left in the home of a server's user does
/// not change where its WAL goes.
pub fn usual_file() -> Option<PathBuf> {
    let host = PathBuf::from(DEFAULT_FILE);
    [Some(host), own_file()].into_iter().flatten().find(|path| path.exists())
}

/// A relative path in such a variable counts for nothing, as the specification says.
fn own(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(home()?.join(below_home)))
}
