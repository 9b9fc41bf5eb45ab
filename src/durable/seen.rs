use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A write within this time of the last one may leave a file's times as they are: the kernel keeps
/// them in ticks of up to 10 ms.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// What identifies the content of a file without reading it: who has the same numbers has the same
/// bytes, because writing changes the times and copying changes the inode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    fresh: bool,
}

impl Seen {
    /// Looks at a file; do it before reading the content.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let changed = SystemTime::UNIX_EPOCH
            + Duration::from_secs(metadata.ctime().unsigned_abs())
            + Duration::from_nanos(metadata.ctime_nsec().unsigned_abs());
        let age = SystemTime::now().duration_since(changed).unwrap_or_default();
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            fresh: age < CLOCK_TICK,
        })
    }

    /// Whether both were of one file that did not change between. When `other` is fresh, it may have.
    pub fn is_same_file(&self, other: &Self) -> bool {
        Self { fresh: false, ..self.clone() } == Self { fresh: false, ..other.clone() }
    }

    /// Whether the file had changed so shortly before that its times prove nothing against a writer
    /// who went on at that moment.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }
}
