//! The first steps of a restore, which look at the target. All of the index is read before anything is touched, so a
//! damaged index, an empty selection or a file in the way changes nothing. Then `--delete` goes through the target
//! beside the index, and removes below the paths of the set what the snapshot does not have. What the set leaves out is
//! not looked at, so it stays.

use std::io::{self, Read};

use super::super::entry::Entry;
use super::super::index::IndexHeader;
use super::super::open_places::{PlaceCursors, WritablePlaces};
use super::super::path::EntryPath;
use super::super::problems::Problems;
use super::super::scan::{FoundKind, Scan};
use super::super::selection::Selection;
use super::{Existing, MediaRestore, Restoring};
use crate::config::MediaSet;
use crate::error::{Class, Error, Result};

impl<R: Read> MediaRestore<'_, R> {
    /// Fails when nothing is selected, or when something is in the way that may not be replaced.
    pub(super) fn survey(&self) -> Result<IndexHeader> {
        if self.delete && matches!(self.selection, Selection::Pattern(_)) {
            let message =
                "--delete can't be used with a pattern: give one path, or none for everything";
            return Err(Error::new(Class::Usage, message));
        }
        let header = (self.index)()?.header().clone();
        let there = match self.existing {
            Existing::Refuse => WritablePlaces::there(self.destination, &header)?,
            _ => None,
        };
        let mut cursors = there.as_ref().map(|target| target.places().cursors());
        let (mut wanted, mut in_the_way, mut first) = (0_u64, 0_u64, None);
        self.each_entry(&mut |entry| {
            if !self.wants(&entry) {
                return Ok(());
            }
            wanted += 1;
            if let Some(cursors) = cursors.as_mut().filter(|_| !entry.is_directory()) {
                let path = entry.path.as_bytes();
                let stat = cursors.at(path).and_then(|(cursor, path)| cursor.stat(&path));
                if !is_absent(&stat) {
                    in_the_way += 1;
                    first.get_or_insert_with(|| cursors.shown(path));
                }
            }
            Ok(())
        })?;
        if let Some(first) = first {
            let more = in_the_way - 1;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!("files already exist: {first:?}{more}");
            return Err(Error::new(Class::Usage, message).hint(
                "Use --delta to replace what differs, also after a restore that was cut short.",
            ));
        }
        if wanted == 0 && !matches!(self.selection, Selection::All) {
            let message =
                format!("snapshot {} of {} has nothing of that name", header.id, header.set);
            return Err(Error::new(Class::Usage, message).hint(
                "Paths are those that the files had, from / on; patterns are as in .gitignore.",
            ));
        }
        Ok(header)
    }
}

fn is_absent<T>(stat: &io::Result<T>) -> bool {
    stat.as_ref().is_err_and(|error| {
        [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind())
    })
}

impl<R: Read> Restoring<'_, R> {
    /// Folders go last, and stay where something in them stays.
    pub(super) fn delete(&self, header: &IndexHeader) -> Result<()> {
        let places = self.target.set_places();
        let set = MediaSet {
            name: header.set.clone(),
            paths: Vec::new(),
            exclude: header.exclude.clone(),
            one_file_system: true,
        };
        if places.all().is_empty() {
            return Ok(());
        }
        let mut scan = Scan::begin(&set, &places, self.restore.leave_out)?;
        let mut index = (self.restore.index)()?;
        let mut next = index.next_entry()?;
        let (mut cursors, mut folders) = (places.cursors(), Vec::new());
        let mut problems = Problems::default();
        while let Some(found) = scan.next_found(&mut problems)? {
            while next.as_ref().is_some_and(|next: &Entry| next.path < found.path) {
                next = index.next_entry()?;
            }
            let known = next.as_ref().is_some_and(|next| next.path == found.path);
            if known || !self.may_remove(&found.path) {
                continue;
            }
            match found.kind {
                FoundKind::Directory { .. } => folders.push(found.path),
                _ => self.remove(&mut cursors, &found.path, false),
            }
        }
        for folder in folders.iter().rev() {
            self.remove(&mut cursors, folder, true);
        }
        let told = &mut self.restored.borrow_mut().problems;
        problems.told.retain(|problem| problem.failed);
        problems.left_out = 0;
        told.add(problems);
        Ok(())
    }

    fn may_remove(&self, path: &EntryPath) -> bool {
        match self.restore.selection {
            Selection::All => true,
            Selection::Path(selected) => path.is_within(selected.as_bytes()),
            Selection::Pattern(_) | Selection::These(_) => false,
        }
    }

    fn remove(&self, cursors: &mut PlaceCursors<'_>, path: &EntryPath, folder: bool) {
        let removed = cursors.at(path.as_bytes()).and_then(|(cursor, path)| {
            if folder { cursor.remove_folder(&path) } else { cursor.remove(&path) }
        });
        match removed {
            Ok(()) => self.restored.borrow_mut().removed += 1,
            Err(error) if folder && error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) => {
                let shown = cursors.shown(path.as_bytes());
                self.tell("remove", &shown, &error);
            }
        }
    }
}
