//! Chooses the parts that have to be read where files are there already: not those that hold nothing but files that
//! were kept.
//!
//! Which files a part holds is concluded from lengths: the server sends them in the order of the manifest, and parts
//! are cut from that stream. Where that does not come out to the byte, the part is read. Should the conclusion be
//! wrong, files are missing in the end, and the other parts are read after all.

use std::collections::BTreeMap;
use std::ops::Range;

use super::table::FileTable;
use crate::basebackup::Description;
use crate::basebackup::splitter::END_OF_ARCHIVE;
use crate::postgres::ManifestFile;

/// A header, and what lengths are rounded up to.
const BLOCK_BYTES: u64 = 512;

/// For each part of the backup whether it has to be read.
pub(super) fn parts_to_read(description: &Description, table: &FileTable<'_>) -> Vec<bool> {
    let mut streams: BTreeMap<Option<u32>, TablespaceFiles<'_>> = BTreeMap::new();
    for (index, file) in table.files.iter().enumerate() {
        streams.entry(file.tablespace()).or_default().files.push((index, file));
    }
    let parts = description.parts.iter().map(|part| {
        let stream = streams.entry(part.tablespace).or_default();
        let content = part
            .entries
            .checked_mul(BLOCK_BYTES)
            .and_then(|headers| headers.checked_add(END_OF_ARCHIVE.len() as u64))
            .and_then(|rest| part.stored.size.checked_sub(rest));
        let files = content.and_then(|content| stream.cut(content));
        let kept = |files: Range<usize>| {
            let mut files = stream.files[files].iter();
            files.all(|(index, _)| table.is_kept(*index))
        };
        // Folders are in no manifest, so a part with any is read.
        let only_files = |files: &Range<usize>| part.entries <= files.len() as u64;
        !files.filter(only_files).is_some_and(kept)
    });
    parts.collect()
}

/// The files of one tablespace, in the order in which they were sent.
#[derive(Default)]
struct TablespaceFiles<'a> {
    files: Vec<(usize, &'a ManifestFile)>,
    next: usize,
    lost: bool,
}

impl TablespaceFiles<'_> {
    /// The next files whose content takes up this much of an archive, with the empty ones behind them, which
    /// may as well be in the next part.
    fn cut(&mut self, content: u64) -> Option<Range<usize>> {
        let start = self.next;
        let mut length = 0_u64;
        while !self.lost && length < content && self.next < self.files.len() {
            let size = self.files[self.next].1.size;
            length = length.saturating_add(size.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES));
            self.next += 1;
        }
        self.lost |= length != content;
        let empty = self.files[self.next..].iter().take_while(|(_, file)| file.size == 0).count();
        (!self.lost).then_some(start..self.next + empty)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::files;
    use super::*;
    use crate::basebackup::Part;
    use crate::basebackup::description::tests::description;

    /// A part with files of these lengths, and this many folders.
    fn part(tablespace: Option<u32>, sizes: &[u64], folders: u64) -> Part {
        let entries = sizes.len() as u64 + folders;
        let content: u64 = sizes.iter().map(|size| size.next_multiple_of(512)).sum();
        let mut stored = description().manifest;
        stored.size = content + entries * 512 + 1024;
        Part { stored, tablespace, entries }
    }

    fn choose(parts: &[Part], kept: &[usize]) -> Vec<bool> {
        let files = files(&[
            ("pg_tblspc/7/a", 512),
            ("b", 1),
            ("c", 8192),
            ("d", 0),
            ("pg_tblspc/8/e", 1),
            ("f", 513),
            ("g", 0),
            ("global/pg_control", 8192),
        ]);
        let table = FileTable::new(&files).unwrap();
        kept.iter().for_each(|index| table.keep(*index));
        let mut description = description();
        description.parts = parts.to_vec();
        parts_to_read(&description, &table)
    }

    #[test]
    fn a_part_with_nothing_but_kept_files_is_not_read() {
        let parts = [
            part(Some(7), &[512], 0),
            part(Some(8), &[1], 1),
            part(None, &[1, 8192], 0),
            part(None, &[0, 513, 0], 0),
            part(None, &[8192], 0),
        ];
        assert_eq!(choose(&parts, &[]), [true; 5]);
        assert_eq!(choose(&parts, &[0, 1, 2, 3, 4, 5, 6]), [false, true, false, false, true]);
        // An empty file may be in the part before or behind.
        assert_eq!(choose(&parts, &[0, 1, 2, 4, 5, 6, 7]), [false, true, true, true, false]);
        assert_eq!(choose(&parts, &[0, 1, 2, 3, 4, 5, 7]), [false, true, false, true, true]);
    }

    #[test]
    fn what_can_not_be_concluded_is_read() {
        let all = [0, 1, 2, 3, 4, 5, 6, 7];
        let whole = part(None, &[1, 8192, 0, 513, 0, 8192], 0);
        assert_eq!(choose(std::slice::from_ref(&whole), &all), [false]);
        // WAL behind the files is in no manifest.
        assert_eq!(choose(&[whole.clone(), part(None, &[1 << 24], 0)], &all), [false, true]);
        assert_eq!(choose(&[part(None, &[1, 100], 0), part(None, &[0, 513], 0)], &all), [true; 2]);
        let mut odd = whole;
        odd.stored.size = 100;
        assert_eq!(choose(&[odd.clone()], &all), [true]);
        odd.entries = u64::MAX;
        assert_eq!(choose(&[odd], &all), [true]);
    }
}
