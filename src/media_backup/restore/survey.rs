//! The first step of a restore: all of the index is read, and the target looked at, before anything is touched. So a
//! damaged index, an empty selection or a file in the way changes nothing.

use std::io::{self, Read};

use super::super::index::Header;
use super::destination::Target;
use super::{Existing, Restore, Selection};
use crate::error::{Class, Error, Result};

impl<R: Read> Restore<'_, R> {
    /// Fails when nothing is selected, or when something is in the way that may not be replaced.
    pub(super) fn survey(&self) -> Result<Header> {
        if self.delete && matches!(self.selection, Selection::Pattern(_)) {
            let message =
                "--delete can't be used with a pattern: give one path, or none for everything";
            return Err(Error::new(Class::Usage, message));
        }
        let header = (self.index)()?.header().clone();
        let there = match self.existing {
            Existing::Refuse => Target::there(self.destination, &header)?,
            _ => None,
        };
        let mut hands = there.as_ref().map(|target| target.places().hands());
        let (mut wanted, mut in_the_way, mut first) = (0_u64, 0_u64, None);
        self.each_entry(&mut |entry| {
            if !self.wants(&entry) {
                return Ok(());
            }
            wanted += 1;
            if let Some(hands) = hands.as_mut().filter(|_| !entry.is_directory()) {
                let path = entry.path.as_bytes();
                let stat = hands.at(path).and_then(|(cursor, path)| cursor.stat(&path));
                if !is_absent(&stat) {
                    in_the_way += 1;
                    first.get_or_insert_with(|| hands.shown(path));
                }
            }
            Ok(())
        })?;
        if let Some(first) = first {
            let more = in_the_way - 1;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!("files are in the way: {first:?}{more}");
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
