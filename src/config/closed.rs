//! A file that is closed to this user: whose it is, and which command lets one in.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::accounts;

const GROUP_READS: u32 = 0o040;
const GROUP_ENTERS: u32 = 0o010;

/// Why this user may not read a file, who may, and what to do: `None` where that can't be told.
pub(super) fn who_may_read(path: &Path) -> Option<String> {
    let (closed, metadata) = closed(path)?;
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
fn closed(path: &Path) -> Option<(PathBuf, Metadata)> {
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
