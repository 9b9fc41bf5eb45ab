//! One entry of a snapshot as a line for people. Names are somebody else's: nothing in them reaches a terminal raw.

use jiff::Timestamp;

use crate::command::shown::{at_seconds, plain, plain_bytes, size};
use crate::media_backup::{Entry, FileKind};

/// Its path, with a slash at its end for a folder.
pub fn short(entry: &Entry) -> String {
    path(entry) + if entry.is_directory() { "/" } else { "" }
}

pub fn path(entry: &Entry) -> String {
    format!("/{}", plain_bytes(entry.path.as_bytes()))
}

/// As `ls -l` has it.
pub fn long(entry: &Entry) -> String {
    let owners = plain(&owners(entry));
    let more = match &entry.kind {
        FileKind::Symlink { target } => format!(" -> {}", plain_bytes(target)),
        FileKind::HardLink { to, .. } => format!(" = /{}", plain_bytes(to.as_bytes())),
        FileKind::File(_) | FileKind::Directory { .. } => String::new(),
    };
    let (mode, length, time, path) = (mode(entry), length(entry), time(entry), path(entry));
    format!("{mode} {owners:17} {length:>10} {time} {path}{more}")
}

/// By name where that is known.
pub fn owners(entry: &Entry) -> String {
    let it = &entry.metadata;
    let owner = |name: &Option<String>, number: u32| name.clone().unwrap_or(number.to_string());
    format!("{}:{}", owner(&it.user, it.uid), owner(&it.group, it.gid))
}

/// Of a file.
pub fn length(entry: &Entry) -> String {
    entry.content().map(|content| size(content.size)).unwrap_or_default()
}

pub fn time(entry: &Entry) -> String {
    let mtime = entry.metadata.mtime;
    Timestamp::from_second(mtime.second()).map_or_else(|_| mtime.to_string(), at_seconds)
}

fn mode(entry: &Entry) -> String {
    let kind = match entry.kind {
        FileKind::Directory { .. } => 'd',
        FileKind::Symlink { .. } => 'l',
        FileKind::File(_) | FileKind::HardLink { .. } => '-',
    };
    let bits = entry.metadata.mode;
    let all = "rwxrwxrwx".chars().enumerate();
    let all = all.map(|(at, letter)| if bits >> (8 - at) & 1 == 1 { letter } else { '-' });
    std::iter::once(kind).chain(all).collect()
}
