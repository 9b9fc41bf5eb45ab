//! `postmaster.pid`, the lock file of a server (`pidfile.h` in PostgreSQL).

use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};

pub const NAME: &str = "postmaster.pid";

/// The kernel's list of System V shared memory, of the reader's own namespace.
const SHARED_MEMORY: &str = "/proc/sysvipc/shm";

/// Key and number of a piece of shared memory. Every server has a small one, whatever `shared_memory_type` is: by who is
/// attached to it a new server tells whether an old one lives (`PGSharedMemoryIsInUse`).
type SharedMemory = (u32, u32);

#[derive(Debug, PartialEq, Eq)]
pub struct PidFile {
    process: i64,
    memory: Option<SharedMemory>,
}

impl PidFile {
    /// `None` when there is none.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", path, &error)),
            Ok(bytes) => Ok(Some(Self::parse(&String::from_utf8_lossy(&bytes)))),
        }
    }

    fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let line = |number: usize| lines.get(number).copied().unwrap_or_default().trim();
        // A single-user server writes its number with a minus.
        let process = line(0).parse::<i64>().unwrap_or_default().abs();
        let mut numbers = line(6).split_whitespace().map(number);
        let memory = || Some((numbers.next()??, numbers.next()??));
        Self { process, memory: { memory }() }
    }

    pub fn process(&self) -> i64 {
        self.process
    }

    /// How many processes have the server's shared memory; `None` when it is not there, or in another namespace.
    pub fn attached(&self) -> Option<u64> {
        attached(&fs::read_to_string(SHARED_MEMORY).ok()?, self.memory?)
    }
}

fn attached(list: &str, memory: SharedMemory) -> Option<u64> {
    let attached = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let found = (number(fields.first()?)?, number(fields.get(1)?)?);
        (found == memory).then(|| fields.get(6)?.parse().ok()).flatten()
    };
    list.lines().skip(1).find_map(attached)
}

/// The kernel writes a key with a sign, PostgreSQL without.
fn number(text: &str) -> Option<u32> {
    u32::try_from(text.parse::<i64>().ok()? & 0xFFFF_FFFF).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_memory_is_found_in_the_kernels_list() {
        let file = PidFile::parse(
            "812\n/data\n1732307400\n5432\n/tmp\nlocalhost\n 10018160  10813441\nready   \n",
        );
        assert_eq!(file, PidFile { process: 812, memory: Some((10_018_160, 10_813_441)) });
        let list = "       key      shmid perms                  size  cpid  lpid nattch   uid\n  \
                      10018160   10813441   600                    48 12467 12476      6   101\n  \
                      -1294967296        7   600                    48 12467 12476      0   101\n";
        assert_eq!(attached(list, (10_018_160, 10_813_441)), Some(6));
        assert_eq!(attached(list, (3_000_000_000, 7)), Some(0));
        assert_eq!(attached(list, (10_018_160, 7)), None);
        assert_eq!(PidFile::parse("-17\n/data\n"), PidFile { process: 17, memory: None });
    }
}
