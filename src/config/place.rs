//! Where the configuration is looked for by a command that is told nothing, and why this user may not read it.
//!
//! The host's file comes before the user's own, so that a forgotten file never changes where WAL goes.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::accounts;

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
pub(super) fn usual_file() -> Option<PathBuf> {
    let host = PathBuf::from(DEFAULT_FILE);
    [Some(host), own_file()].into_iter().flatten().find(|path| path.exists())
}

/// A relative path in such a variable counts for nothing, as the specification says.
fn own(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(home()?.join(below_home)))
}

const GROUP_READS: u32 = 0o040;
const GROUP_ENTERS: u32 = 0o010;

/// Why this user may not read a file, who may, and what to do: `None` where that can't be told.
pub(super) fn who_may_read(path: &Path) -> Option<String> {
    let (closed, metadata) = what_is_closed(path)?;
    let (owner, group) = (accounts::user(metadata.uid()), accounts::group(metadata.gid()));
    let user = accounts::user(rustix::process::geteuid().as_raw());
    let mode = metadata.mode() & 0o777;
    let is = format!(
        "{} is {owner}'s, group {group}, mode {mode:04o}, and this is {user}",
        closed.display()
    );
    let need = if metadata.is_dir() { GROUP_ENTERS } else { GROUP_READS };
    let mend = if metadata.uid() == rustix::process::geteuid().as_raw() {
        format!("Make it readable: chmod u+rX {}.", closed.display())
    } else if mode & need == 0 || metadata.gid() == 0 {
        let letters = if metadata.is_dir() { "g+rx" } else { "g+r" };
        let closed = closed.display();
        format!(
            "Let PostgreSQL's user in: sudo chgrp postgres {closed} && sudo chmod {letters} {closed}."
        )
    } else if accounts::is_a_user(&group) {
        format!("Run it as that user: sudo -u {group} {} …", program())
    } else {
        format!("Add {user} to the group {group}, or run it as root: sudo {} …", program())
    };
    Some(format!("{is}. {mend}"))
}

/// What is in the way: the file itself, or the first folder above that can't be entered.
fn what_is_closed(path: &Path) -> Option<(PathBuf, Metadata)> {
    let mut seen = None;
    let whole = std::path::absolute(path).ok()?;
    for part in whole.ancestors().collect::<Vec<_>>().into_iter().rev() {
        match fs::metadata(part) {
            Ok(metadata) => seen = Some((part.to_owned(), metadata)),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return seen,
            Err(_) => return None,
        }
    }
    seen
}

/// As it was called.
fn program() -> String {
    let words = std::env::args().next();
    let name = words.as_deref().map(Path::new).and_then(Path::file_name);
    name.map_or_else(|| "seawall".to_owned(), |name| name.to_string_lossy().into_owned())
}
