//! What `--delete` does: the target is gone through beside the index, and what the snapshot does not have is removed
//! below the paths of the set. What the set leaves out is not looked at, so it stays.

use std::io::{self, Read};

use super::super::entry::Entry;
use super::super::index::Header;
use super::super::path::EntryPath;
use super::super::places::Hands;
use super::super::problems::Problems;
use super::super::scan::{FoundKind, Scan};
use super::{Restoring, Selection};
use crate::config::MediaSet;
use crate::error::Result;

impl<R: Read> Restoring<'_, R> {
    /// Folders go last, and stay where something in them stays.
    pub(super) fn delete(&self, header: &Header) -> Result<()> {
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
        let (mut hands, mut folders) = (places.hands(), Vec::new());
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
                _ => self.remove(&mut hands, &found.path, false),
            }
        }
        for folder in folders.iter().rev() {
            self.remove(&mut hands, folder, true);
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

    fn remove(&self, hands: &mut Hands<'_>, path: &EntryPath, folder: bool) {
        let removed = hands.at(path.as_bytes()).and_then(|(cursor, path)| {
            if folder { cursor.remove_folder(&path) } else { cursor.remove(&path) }
        });
        match removed {
            Ok(()) => self.restored.borrow_mut().removed += 1,
            Err(error) if folder && error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) => {
                let shown = hands.shown(path.as_bytes());
                self.tell("remove", &shown, &error);
            }
        }
    }
}
