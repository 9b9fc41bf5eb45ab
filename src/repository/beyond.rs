//! Two contents of one name, because a timeline was left in the middle of a segment. PostgreSQL makes them: the primary
//! that was replaced has gone on in its last segment; a standby that follows the new one archives, with
//! `archive_mode = always`, what it has of that segment; and each server that is promoted there archives a `.partial`.
//! Up to the place where the timeline was left they are one; what comes behind is kept under a name of its own.

mod kept;

use std::fs::File;
use std::io::{self, Read};

pub use self::kept::{KeptBeside, StoredBeyond};

pub(super) use self::kept::check_name;

use self::kept::Positioned;
use super::{Repository, WalFolder};
use crate::codec::{Encoding, Identities, decode};
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, TimelineHistory, TimelineId, WalFileName, WalSegment, WalSegmentSize};

/// How much of both is compared at once.
const BUFFER_BYTES: usize = 1 << 16;

/// A timeline was left within one of its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    pub timeline: TimelineId,
    pub by: TimelineId,
    pub at: Lsn,
    /// So many bytes of the segment are before that.
    pub offset: u64,
}

impl Fork {
    /// `None` where the history does not leave the segment's timeline within it.
    pub fn within(
        segment: WalSegment,
        size: WalSegmentSize,
        history: &TimelineHistory,
    ) -> Option<Self> {
        let timeline = segment.timeline;
        let number = history.ancestors.iter().position(|it| it.timeline == timeline)?;
        let at = history.ancestors[number].at;
        let offset = at.0.checked_sub(segment.start(size).ok()?.0)?;
        let by = history.ancestors.get(number + 1).map_or(history.timeline, |it| it.timeline);
        (0 < offset && offset < size.bytes()).then_some(Self { timeline, by, at, offset })
    }
}

/// A file that is to be archived, as it is on this host, should its name be taken by other content.
pub struct Original<'a> {
    pub folder: &'a WalFolder,
    pub name: WalFileName,
    pub file: &'a File,
    /// Length of the file in bytes.
    pub size: u64,
    /// How what is kept is compressed.
    pub encoding: Encoding,
    pub server: &'a dyn SourceServer,
}

/// The server that a file comes from.
pub trait SourceServer: Sync {
    /// Up to where both contents must be the same: where a timeline that this server follows left that of the
    /// file within it; else one that the repository knows.
    fn fork(
        &self,
        repository: &Repository,
        name: WalFileName,
        size: WalSegmentSize,
    ) -> Option<Fork>;

    /// Whether it goes on on the timeline of the file, as if nobody had left that.
    fn stays(&self, fork: &Fork) -> bool;

    /// The private keys of this host.
    fn identities(&self) -> Result<Identities>;
}

/// The same content as what is stored, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpTo {
    pub fork: Fork,
    /// False where no private key opens what is stored.
    pub compared: bool,
    /// Whether the file has anything behind the place that is not stored under its name.
    pub goes_on: bool,
}

/// The file and what is stored under its name.
struct Compared {
    /// So many bytes are the same in both.
    same: u64,
    /// Whether the file has anything but zeros behind them.
    goes_on: bool,
}

impl Original<'_> {
    /// The conflict, unless a timeline that was left explains it.
    pub(super) fn judge(
        &self,
        repository: &Repository,
        key: &str,
        encrypted: bool,
        conflict: Error,
    ) -> Result<UpTo> {
        let size = u32::try_from(self.size).ok();
        let size = size.and_then(|size| WalSegmentSize::from_bytes(size).ok());
        let fork = size.and_then(|size| self.server.fork(repository, self.name, size));
        let Some(fork) = fork else { return Err(conflict) };
        if self.server.stays(&fork) {
            return Err(goes_its_own_way(conflict, &fork));
        }
        let identities = self.server.identities()?;
        if encrypted && identities.is_empty() {
            // Nobody follows this timeline here, and both contents are kept.
            return Ok(UpTo { fork, compared: false, goes_on: true });
        }
        let compared = self.compare(repository, key, encrypted, &identities);
        let Compared { same, goes_on } = compared.map_err(|error| {
            error.while_doing(format!("{key} can't be compared with what was to be archived"))
        })?;
        if same < fork.offset {
            return Err(
                conflict.adding(format_args!("; {}, and the two differ before that", place(&fork)))
            );
        }
        Ok(UpTo { fork, compared: true, goes_on })
    }

    /// Reads both to their ends.
    fn compare(
        &self,
        repository: &Repository,
        key: &str,
        encrypted: bool,
        identities: &Identities,
    ) -> Result<Compared> {
        let mut theirs = decode(repository.reader(key, None)?, encrypted, identities)?;
        let (mut one, mut other) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
        let failed = |error: io::Error| {
            Error::new(Class::LocalFile, format!("could not read the file again: {error}"))
        };
        let mut ours = Positioned { file: self.file, at: 0 };
        let (mut same, mut goes_on, mut differ) = (0, false, false);
        loop {
            let length = fill(&mut one, &mut |buffer| ours.read(buffer).map_err(failed))?;
            let stored = fill(&mut other, &mut |buffer| theirs.read(buffer))?;
            if length == 0 && stored == 0 {
                return Ok(Compared { same, goes_on });
            }
            let pairs = one[..length].iter().zip(&other[..stored]);
            let alike =
                if differ { 0 } else { pairs.take_while(|(one, other)| one == other).count() };
            same += alike as u64;
            differ |= alike < length || alike < stored;
            goes_on |= one[alike..length].iter().any(|byte| *byte != 0);
        }
    }
}

/// For messages.
fn place(fork: &Fork) -> String {
    let Fork { timeline, by, at, .. } = fork;
    format!("timeline {} left timeline {} within it, at {at}", by.number(), timeline.number())
}

fn goes_its_own_way(conflict: Error, fork: &Fork) -> Error {
    let timeline = fork.timeline.number();
    conflict
        .adding(format_args!("; {}, and this server continues on timeline {timeline}", place(fork)))
        .hint(format!(
            "Another server was promoted, and its line is archived. Find out which of the two is the right one; stop the \
             other, and make it anew from a base backup or with pg_rewind. As soon as this server is stopped or follows \
             timeline {}, the file can be archived.",
            fork.by.number()
        ))
}

/// As much as there is, up to the length of the buffer.
fn fill(buffer: &mut [u8], read: &mut dyn FnMut(&mut [u8]) -> Result<usize>) -> Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_is_left_within_one_segment() {
        let size = WalSegmentSize::from_bytes(1 << 20).unwrap();
        let timeline = |number| TimelineId::new(number).unwrap();
        let segment = |number| WalSegment { timeline: timeline(1), log: 0, segment: number };
        let content = b"1\t0/B0A0E0\tx\n2\t0/D00000\tx\n";
        let history = TimelineHistory::parse(timeline(3), content).unwrap();
        let fork = Fork::within(segment(11), size, &history).unwrap();
        assert_eq!((fork.by, fork.at, fork.offset), (timeline(2), Lsn(0xB0_A0E0), 0xA0E0));
        assert_eq!(Fork::within(segment(10), size, &history), None);
        assert_eq!(Fork::within(segment(12), size, &history), None);
        // Between two segments: nothing of either is beyond.
        let of_two = |number| WalSegment { timeline: timeline(2), ..segment(number) };
        assert_eq!(Fork::within(of_two(12), size, &history), None);
        assert_eq!(Fork::within(of_two(13), size, &history), None);
    }
}
