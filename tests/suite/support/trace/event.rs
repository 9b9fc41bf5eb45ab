//! What a call does to the disk.

use std::path::{Path, PathBuf};

use super::line::{Argument, Call};

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Bytes of a file changed, or its length.
    Written(PathBuf),
    /// A file or a folder has its content on the disk; that of a folder are the names in it.
    Synced(PathBuf),
    /// And so has all of a file system.
    AllSynced,
    /// A file that was not there perhaps, a folder or a symbolic link.
    Created(PathBuf),
    Renamed {
        from: PathBuf,
        to: PathBuf,
    },
    /// A second name.
    Linked {
        from: PathBuf,
        to: PathBuf,
    },
    Removed(PathBuf),
}

impl Event {
    /// None, for most calls, or one or two.
    pub fn of(call: &Call, folder: &Path) -> Vec<Event> {
        let descriptor = |number| call.path(number).to_owned();
        let named = |number| call.named(number, folder);
        match call.name.as_str() {
            "open" | "creat" => opened(call, named(0)),
            "openat" | "openat2" => opened(call, named(1)),
            "mkdir" => vec![Event::Created(named(0))],
            "mkdirat" | "symlink" => vec![Event::Created(named(1))],
            "symlinkat" => vec![Event::Created(named(2))],
            "rename" => vec![Event::Renamed { from: named(0), to: named(1) }],
            "renameat" | "renameat2" => vec![Event::Renamed { from: named(1), to: named(3) }],
            "link" => vec![Event::Linked { from: named(0), to: named(1) }],
            "linkat" => vec![Event::Linked { from: named(1), to: named(3) }],
            "unlink" | "rmdir" => vec![Event::Removed(named(0))],
            "unlinkat" => vec![Event::Removed(named(1))],
            "truncate" => vec![Event::Written(named(0))],
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" | "ftruncate"
            | "fallocate" | "sendfile" => vec![Event::Written(descriptor(0))],
            "copy_file_range" | "splice" => vec![Event::Written(descriptor(2))],
            "ioctl" if call.says("FICLONE") => vec![Event::Written(descriptor(0))],
            "fsync" | "fdatasync" => vec![Event::Synced(descriptor(0))],
            "syncfs" | "sync" => vec![Event::AllSynced],
            _ => Vec::new(),
        }
    }
}

fn opened(call: &Call, path: PathBuf) -> Vec<Event> {
    let mut events = Vec::new();
    if call.name == "creat" || call.says("O_CREAT") {
        events.push(Event::Created(path.clone()));
    }
    if call.name == "creat" || call.says("O_TRUNC") {
        events.push(Event::Written(path));
    }
    debug_assert!(call.arguments.iter().any(|it| matches!(it, Argument::Text(_))));
    events
}
