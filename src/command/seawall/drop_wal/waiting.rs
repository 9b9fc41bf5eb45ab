//! What waits on the server to be archived, up to a segment, and what repositories have of it.

use std::collections::HashSet;
use std::time::SystemTime;

use jiff::Timestamp;

use crate::cli::text::count;
use crate::data_directory::{DataDirectory, ready_files};
use crate::durable::{self, FileStamp};
use crate::error::{Error, Result};
use crate::postgres::{WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{Repository, WalFolder};
use crate::threads::in_parallel;

/// The files of one timeline that wait, up to a segment.
pub(super) struct WaitingWal {
    size: WalSegmentSize,
    files: Vec<WaitingFile>,
    /// What PostgreSQL asks for before any of them, and is none of them.
    before: Vec<WalFileName>,
}

struct WaitingFile {
    name: WalFileName,
    bytes: u64,
    /// When it was finished.
    modified: Timestamp,
    stamp: FileStamp,
}

/// Segments that follow one another.
pub(super) struct WaitingRange {
    pub first: WalSegment,
    pub last: WalSegment,
    pub segments: u64,
    pub bytes: u64,
    /// When the first and the last one were finished.
    pub oldest: Timestamp,
    pub newest: Timestamp,
}

/// What one repository has of the segments, or why that is not known.
pub(super) struct HeldWal(Result<HashSet<WalFileName>>);

impl WaitingWal {
    /// A backup history and a `.partial` go with their segment, and the history of the timeline comes along with the next push
    /// of a segment: if one of them stayed, PostgreSQL would ask for nothing behind it.
    pub(super) fn of(data_directory: &DataDirectory, until: WalSegment) -> Result<Self> {
        let (pg_wal, size) = (data_directory.pg_wal(), data_directory.segment_size()?);
        let mut waiting = Self { size, files: Vec::new(), before: Vec::new() };
        for name in ready_files(&pg_wal) {
            let of_timeline = name.timeline() == until.timeline;
            let dropped = of_timeline && name.segment().is_none_or(|it| it <= until);
            if !dropped {
                let first = name.segment().is_none() || name.timeline() < until.timeline;
                waiting.before.extend(first.then_some(name));
                continue;
            }
            let path = pg_wal.join(name.to_string());
            let failed = |error| Error::file("look at", &path, &error);
            let file = match durable::open_to_read(&path) {
                // It was archived and removed just now.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                opened => opened.map_err(failed)?,
            };
            let metadata = file.metadata().map_err(failed)?;
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            waiting.files.push(WaitingFile {
                name,
                bytes: metadata.len(),
                modified: Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH),
                stamp: FileStamp::of(&file).map_err(failed)?,
            });
        }
        Ok(waiting)
    }

    pub(super) fn before(&self) -> &[WalFileName] {
        &self.before
    }

    /// All that is dropped, to be noted.
    pub(super) fn files(&self) -> impl Iterator<Item = (WalFileName, FileStamp)> {
        self.files.iter().map(|file| (file.name, file.stamp.clone()))
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = WalSegment> {
        self.whole().map(|(segment, _)| segment)
    }

    /// Not those that are the beginning of one.
    fn whole(&self) -> impl Iterator<Item = (WalSegment, &WaitingFile)> {
        self.files.iter().filter_map(|file| match file.name {
            WalFileName::Segment(segment) => Some((segment, file)),
            _ => None,
        })
    }

    pub(super) fn ranges(&self) -> Vec<WaitingRange> {
        let mut ranges: Vec<WaitingRange> = Vec::new();
        for (segment, file) in self.whole() {
            match ranges.last_mut() {
                Some(range) if range.last.next(self.size) == Some(segment) => {
                    range.last = segment;
                    range.segments += 1;
                    range.bytes += file.bytes;
                    range.oldest = range.oldest.min(file.modified);
                    range.newest = range.newest.max(file.modified);
                }
                _ => ranges.push(WaitingRange {
                    first: segment,
                    last: segment,
                    segments: 1,
                    bytes: file.bytes,
                    oldest: file.modified,
                    newest: file.modified,
                }),
            }
        }
        ranges
    }

    /// What each repository has of it.
    pub(super) fn held(&self, repositories: &[Repository], folder: &WalFolder) -> Vec<HeldWal> {
        let Some((first, last)) = self.segments().next().zip(self.segments().last()) else {
            return Vec::new();
        };
        in_parallel(repositories, |it| HeldWal(it.files_between(folder, first, last)))
    }

    /// What every repository has is archived: the next push finds that out, and nothing is lost.
    pub(super) fn leave_out_archived(&mut self, held: &[HeldWal]) {
        let everywhere = |name: WalFileName| held.iter().all(|one| one.has(name));
        let is_archived = |file: &WaitingFile| {
            matches!(file.name, WalFileName::Segment(_)) && everywhere(file.name)
        };
        self.files.retain(|file| held.is_empty() || !is_archived(file));
    }
}

impl HeldWal {
    /// Why it did not, if it did not.
    pub(super) fn answered(&self) -> Result<()> {
        self.0.as_ref().map(drop).map_err(Clone::clone)
    }

    fn has(&self, name: WalFileName) -> bool {
        self.0.as_ref().is_ok_and(|held| held.contains(&name))
    }

    /// Of what would be dropped.
    pub(super) fn said(&self, waiting: &WaitingWal) -> String {
        if let Err(error) = &self.0 {
            return format!("what it has of them is not known: {error}");
        }
        let all = waiting.segments().count() as u64;
        let there =
            waiting.segments().filter(|it| self.has(WalFileName::Segment(*it))).count() as u64;
        match there {
            0 => "has none of these segments".to_owned(),
            _ => format!("has {there} of the {}, and keeps what it has", count(all, "segment")),
        }
    }
}
