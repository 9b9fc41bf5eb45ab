//! Laying the files of a snapshot down: from any source of content, to where they were or elsewhere. Whatever an index
//! says, nothing is written outside the places that were named. Every step reads the index anew, so the entries are
//! never in the memory together.
//!
//! `survey` looks at the target and removes what `--delete` removes, `lay` makes folders and has threads lay files down
//! in them, each by `one_file`, and at its end come further names of files and what folders have (`dress`).

mod dress;
mod lay;
mod one_file;
mod survey;

use std::cell::RefCell;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use self::dress::Dresser;
use super::entry::{Entry, FileKind};
use super::index::IndexReader;
use super::open_places::{Destination, WritablePlaces};
use super::problems::{MediaProgress, Problems};
use super::selection::Selection;
use crate::accounts::Accounts;
use crate::durable::Bulk;
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;

/// Where the content of files comes from.
pub trait ContentSource: Sync {
    /// A reader of the whole content of a file, under any of its names. Its read errors may carry an
    /// [`Error`] inside. Who asks proves length and digest.
    fn open(&self, entry: &Entry) -> Result<Box<dyn Read + '_>>;
}

/// What happens to files that are in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Nothing is done at all.
    Refuse,
    /// They are replaced.
    Replace,
    /// They are replaced if they differ: going by length and time, or by content.
    Delta { checksum: bool },
}

/// A snapshot, about to be restored.
pub struct MediaRestore<'a, R: Read> {
    /// Opens the index, which is read several times.
    pub index: &'a dyn Fn() -> Result<IndexReader<R>>,
    pub content: &'a dyn ContentSource,
    pub destination: Destination<'a>,
    pub selection: &'a Selection,
    pub existing: Existing,
    /// Remove what the snapshot does not have, below the paths of the set or the one that is selected. What the
    /// set excludes stays.
    pub delete: bool,
    /// Folders that nothing is removed from, such as a repository below a path of the set.
    pub leave_out: &'a [&'a Path],
    /// Give files to owners by number, even where their names have other numbers here.
    pub numeric_owner: bool,
    pub threads: NonZeroUsize,
    pub progress: &'a (dyn Fn(MediaProgress) + Sync),
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaRestored {
    /// Of all kinds, those that were as they should be included.
    pub entries: u64,
    /// Files whose content was written, and its length in bytes.
    pub written_files: u64,
    pub written_size: u64,
    /// Accounts that were removed because the snapshot does not have them.
    pub removed: u64,
    /// Files and folders that belong to whoever restored them: only root may give them away.
    pub owners_not_set: u64,
    /// Extended attributes that this user or file system may not have.
    pub xattrs_not_set: u64,
    /// Entries that could not be restored, or had other content than they should.
    pub problems: Problems,
}

/// What all steps need.
struct Restoring<'a, R: Read> {
    restore: &'a MediaRestore<'a, R>,
    target: WritablePlaces,
    dresser: Dresser,
    restored: RefCell<MediaRestored>,
}

impl<R: Read> MediaRestore<'_, R> {
    /// Reads the whole index before anything is touched. A run that was cut short is finished by another one
    /// with [`Existing::Delta`]. When it returns, all is durable.
    pub fn run(&self) -> Result<MediaRestored> {
        if self.delete && self.existing == Existing::Refuse {
            return Err(Error::new(
                Class::Usage,
                "--delete removes files: that needs --delta or --replace",
            )
            .hint("Add --delta."));
        }
        let header = self.survey()?;
        let target = WritablePlaces::open(self.destination, &header)?;
        let roots = target.roots();
        let bulk = Bulk::begin(roots.iter().map(PathBuf::as_path))?;
        let accounts = if self.numeric_owner { Accounts::default() } else { Accounts::of_host() };
        let restoring = Restoring {
            restore: self,
            target,
            dresser: Dresser::new(accounts),
            restored: RefCell::default(),
        };
        if self.delete {
            restoring.delete(&header)?;
            reach("media.strays-removed");
        }
        let failed = restoring.lay()?;
        reach("media.files-laid");
        let folders = restoring.settle(&failed)?;
        reach("media.folders-settled");
        bulk.sync(&[roots, folders].concat())?;
        let mut restored = restoring.restored.into_inner();
        (restored.owners_not_set, restored.xattrs_not_set) = restoring.dresser.missed();
        Ok(restored)
    }
}

impl<R: Read> Restoring<'_, R> {
    fn tell(&self, verb: &str, path: &Path, reason: &dyn std::fmt::Display) {
        self.restored.borrow_mut().problems.failed(verb, path, reason);
    }
}

impl<R: Read> MediaRestore<'_, R> {
    /// Whether an entry is to be there in the end.
    fn wants(&self, entry: &Entry) -> bool {
        let implied = matches!(entry.kind, FileKind::Directory { implied: true });
        // Where the set was, the folders above its paths are not ours to change.
        let foreign = implied && matches!(self.destination, Destination::Original(_));
        !foreign && self.selection.selects(&entry.path, entry.is_directory())
    }

    /// Shows every entry.
    fn each_entry(&self, each: &mut dyn FnMut(Entry) -> Result<()>) -> Result<IndexReader<R>> {
        let mut index = (self.index)()?;
        while let Some(entry) = index.next_entry()? {
            each(entry)?;
        }
        Ok(index)
    }
}
