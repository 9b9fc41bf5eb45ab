//! What was seen of the descriptions of one series in one repository, as it is written down.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{Class, Error, Result};

const FORMAT: u32 = 1;

/// More than anybody keeps, and less than a book has room for: who may add objects can add descriptions.
const ENTRIES_MAX: usize = 50_000;

/// What is gone may be back: a disk that was not mounted, a bucket that is restored.
const GONE_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Of one series in one repository.
#[derive(Default)]
pub(super) struct Book {
    pub(super) name: String,
    pub(super) entries: BTreeMap<String, BookEntry>,
    pub(super) changed: bool,
    /// It is there, and nobody knows what it says: it is not replaced.
    pub(super) closed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BookEntry {
    /// BLAKE3 of the description, in hexadecimal.
    pub(super) digest: String,
    /// When this host saw it first, by the later one of its own and the store's clock.
    pub(super) seen: Timestamp,
    /// What the store said then of when it was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stored: Option<Timestamp>,
    /// Since when it is not there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gone: Option<Timestamp>,
    /// A human vouched for what it says of its time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) trusted: bool,
}

#[derive(Serialize, Deserialize)]
struct File {
    seawall: u32,
    /// The id of each, and what was seen.
    descriptions: BTreeMap<String, BookEntry>,
}

impl Book {
    /// What has other content than before begins anew.
    pub(super) fn note(
        &mut self,
        id: &str,
        digest: &str,
        stored: Option<Timestamp>,
        latest: Timestamp,
    ) {
        let full = self.entries.len() >= ENTRIES_MAX;
        match self.entries.get_mut(id) {
            Some(entry) if entry.digest == digest => {
                self.changed |= entry.gone.take().is_some();
            }
            None if full => {}
            _ => {
                let digest = digest.to_owned();
                let entry = BookEntry { digest, seen: latest, stored, gone: None, trusted: false };
                self.entries.insert(id.to_owned(), entry);
                self.changed = true;
            }
        }
    }

    pub(super) fn forget(&mut self, there: &BTreeSet<&str>, now: Timestamp) {
        for (id, entry) in &mut self.entries {
            if entry.gone.is_none() && !there.contains(id.as_str()) {
                entry.gone = Some(now);
                self.changed = true;
            }
        }
        let all = self.entries.len();
        self.entries
            .retain(|_, entry| entry.gone.is_none_or(|gone| now.duration_since(gone) <= GONE_FOR));
        self.changed |= self.entries.len() < all;
    }
}

/// What is written down.
pub(super) fn written(book: &Book) -> Result<Vec<u8>> {
    let file = File { seawall: FORMAT, descriptions: book.entries.clone() };
    serde_json::to_vec(&file).map_err(|error| {
        Error::new(Class::Internal, format!("could not write what was seen: {error}"))
    })
}

pub(super) fn parsed(json: &[u8]) -> Result<BTreeMap<String, BookEntry>> {
    let damaged = |message: String| Error::new(Class::LocalFile, message);
    let file: File = serde_json::from_slice(json).map_err(|error| damaged(error.to_string()))?;
    if file.seawall != FORMAT {
        let found = file.seawall;
        return Err(damaged(format!("expected format {FORMAT}, found {found}")));
    }
    Ok(file.descriptions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8) -> Timestamp {
        format!("2026-11-{day:02}T03:00:00Z").parse().unwrap()
    }

    /// As the first version that had such notes wrote them: they are read for ever.
    #[test]
    fn notes_of_format_1_are_read_and_written() {
        let written = include_str!("../../../tests/fixtures/descriptions-format-1.json").trim_end();
        let descriptions = parsed(written.as_bytes()).unwrap();
        let one = &descriptions["20261102T025500Z-4f2a"];
        assert_eq!(
            (one.seen, one.stored, one.gone, one.trusted),
            (day(3), Some(day(2)), None, false)
        );
        let three = &descriptions["20261104T025500Z-4f2a"];
        assert_eq!((three.stored, three.gone, three.trusted), (Some(day(4)), Some(day(9)), true));
        let again = serde_json::to_string(&File { seawall: FORMAT, descriptions }).unwrap();
        assert_eq!(again, written);
    }

    #[test]
    fn what_has_other_content_begins_anew() {
        let mut book = Book::default();
        book.note("one", "a", Some(day(2)), day(3));
        book.note("one", "a", Some(day(20)), day(21));
        let entry = &book.entries["one"];
        assert_eq!((entry.seen, entry.stored), (day(3), Some(day(2))));
        book.note("one", "b", Some(day(20)), day(21));
        let entry = &book.entries["one"];
        assert_eq!((entry.seen, entry.stored), (day(21), Some(day(20))));
    }

    #[test]
    fn what_is_gone_is_forgotten_unless_it_comes_back() {
        let mut book = Book::default();
        book.note("one", "a", Some(day(2)), day(3));
        book.note("two", "a", Some(day(2)), day(3));
        book.forget(&BTreeSet::from(["two"]), day(4));
        assert_eq!((book.entries["one"].gone, book.entries["two"].gone), (Some(day(4)), None));
        book.note("one", "a", Some(day(9)), day(9));
        book.forget(&BTreeSet::from(["one"]), day(9));
        assert_eq!((book.entries["one"].gone, book.entries["one"].stored), (None, Some(day(2))));
        book.forget(&BTreeSet::from(["one"]), day(9) + GONE_FOR);
        assert_eq!(book.entries.len(), 2);
        book.forget(&BTreeSet::from(["one"]), day(10) + GONE_FOR);
        assert_eq!(book.entries.keys().collect::<Vec<_>>(), ["one"]);
    }

    /// Who may add objects can add any number of descriptions.
    #[test]
    fn a_book_does_not_grow_without_end() {
        let mut book = Book::default();
        for number in 0..ENTRIES_MAX + 10 {
            book.note(
                &format!("{number:06}T030000Z-4f2a1234"),
                &"f".repeat(64),
                Some(day(2)),
                day(3),
            );
        }
        assert_eq!(book.entries.len(), ENTRIES_MAX);
        let json = serde_json::to_vec(&File { seawall: FORMAT, descriptions: book.entries });
        assert!((json.unwrap().len() as u64) < super::super::BOOK_BYTES_MAX);
    }
}
