use std::fs::File;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};

/// Has the disk write while the next bytes are still being made; a sync at the end then waits for little. The
/// advice that the pages are not needed again starts that (`mm/fadvise.c`); refused, nothing is lost but time.
pub struct Writeback {
    /// How much is written before the disk is told to begin with it, in bytes.
    every: u64,
    written: u64,
    /// Up to here the disk was told to write.
    begun: u64,
}

impl Writeback {
    /// For a file that is written from here on.
    pub fn from(written: u64, every: u64) -> Self {
        Self { every, written, begun: 0 }
    }

    /// So many bytes more were written.
    pub fn wrote(&mut self, file: &File, bytes: usize) {
        self.written += bytes as u64;
        let waiting = self.written - self.begun;
        if waiting >= self.every {
            let _ = fadvise(file, self.begun, NonZeroU64::new(waiting), Advice::DontNeed);
            self.begun = self.written;
        }
    }
}
