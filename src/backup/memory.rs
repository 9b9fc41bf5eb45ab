//! Which descriptions this host saw in each repository, and when first. A repository that was copied, or restored, is dated
//! anew by its store; what this host saw there before, with the same content, is as old as it was. Only `prune` asks, which
//! deletes nothing that is not old by this or the store *and* by what it says of itself.
//!
//! `book` is the file format of these notes, and what is entered and forgotten.

mod book;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use self::book::{Book, BookEntry, parsed, written};
use super::known::{folder_of, note_of};
use super::{Catalogue, Kind, StoredBackup};
use crate::durable::{Notes, Owner};
use crate::error::{Class, Error, Result};
use crate::repository::Repository;
use crate::retention::{Clocks, Noted, believable};

/// Some 200 bytes for each of them.
const BOOK_BYTES_MAX: u64 = 16 << 20;

/// The books of one kind of backups, one for each series in each repository.
pub struct Memory {
    /// Is there. `None` where the host has no folder for such things: then the stores' dates count alone.
    state: Option<PathBuf>,
    folder: String,
    /// Root writes for the user whose notes they are. It deletes nothing by what that one says.
    for_their_owner: bool,
    books: BTreeMap<(usize, String), Book>,
    /// Why something could not be read or noted. One is enough.
    trouble: Option<Error>,
}

/// One series in one repository, as it was read now.
pub struct Shelf<'a> {
    pub number: usize,
    pub repository: &'a Repository,
    /// What all its keys begin with.
    pub all: String,
    /// Ids, ends and copies.
    pub copies: Vec<(&'a str, Timestamp, &'a StoredBackup)>,
    /// Ids of those that are there and could not be read.
    pub unread: BTreeSet<&'a str>,
}

impl<'a> Shelf<'a> {
    /// What was read of the backups of one system in each repository that was read whole.
    pub fn each<K: Kind>(
        catalogue: &'a Catalogue<K>,
        system: K::System,
        repositories: &'a [Repository],
        closed: &BTreeSet<usize>,
    ) -> Vec<Self> {
        let numbered = repositories.iter().enumerate();
        let numbered = numbered.filter(|(number, _)| !closed.contains(number));
        let backups = || catalogue.backups.iter().filter(move |it| it.system == system);
        let shelf = |(number, repository): (usize, &'a Repository)| Self {
            number,
            repository,
            all: catalogue.all_of(system),
            copies: backups()
                .flat_map(|it| it.copies.iter().map(|copy| (it.id.as_str(), it.ended, copy)))
                .filter(|(_, _, copy)| copy.repository == number)
                .collect(),
            unread: catalogue
                .broken
                .iter()
                .filter(|it| it.repository == number && it.system == system)
                .map(|it| it.id.as_str())
                .collect(),
        };
        numbered.map(shelf).collect()
    }
}

/// What a human is asked to vouch for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    pub entered: usize,
    /// Of which nobody doubted it.
    pub known: usize,
    /// Those that say that they ended later than now.
    pub future: usize,
    pub oldest: Option<Timestamp>,
    pub newest: Option<Timestamp>,
}

impl Memory {
    /// `kind` as in [`super::Known::of`].
    pub fn of(state: Option<&Path>, kind: &str) -> Self {
        let state = state.filter(|state| state.is_dir()).map(Path::to_owned);
        let (folder, books) = (folder_of(kind), BTreeMap::new());
        Self { state, folder, for_their_owner: false, books, trouble: None }
    }

    /// For who only enters something, as root for all who prune on this host.
    pub fn to_vouch(state: Option<&Path>, kind: &str) -> Self {
        Self { for_their_owner: Owner::ours().uid == 0, ..Self::of(state, kind) }
    }

    /// Gives each copy what was noted of it.
    pub fn recall<K: Kind>(&mut self, catalogue: &mut Catalogue<K>, repositories: &[Repository]) {
        for backup in &mut catalogue.backups {
            let all = K::all(&catalogue.name, backup.system);
            for copy in &mut backup.copies {
                let place = (copy.repository, &repositories[copy.repository]);
                copy.noted = self.noted(place, &all, (&backup.id, &copy.digest));
            }
        }
    }

    /// What was noted of a description with this very content.
    fn noted(
        &mut self,
        (number, repository): (usize, &Repository),
        all: &str,
        (id, digest): (&str, &str),
    ) -> Option<Noted> {
        let entry = self.book((number, repository), all).entries.get(id)?;
        let noted = entry.stored.map_or(Noted::Seen(entry.seen), Noted::Stored);
        (entry.digest == digest).then_some(noted)
    }

    fn book(&mut self, (number, repository): (usize, &Repository), all: &str) -> &mut Book {
        let place = (number, all.to_owned());
        if !self.books.contains_key(&place) {
            let name = format!("descriptions-{}", note_of(repository, all));
            let book = self.read(&name).unwrap_or_else(|error| {
                self.trouble.get_or_insert(error);
                Book { closed: true, ..Book::default() }
            });
            self.books.insert(place.clone(), Book { name, ..book });
        }
        self.books.entry(place).or_default()
    }

    fn read(&self, name: &str) -> Result<Book> {
        let Some(state) = &self.state else { return Ok(Book { closed: true, ..Book::default() }) };
        let Some(notes) = Notes::open(state, &self.folder)? else { return Ok(Book::default()) };
        if !self.for_their_owner {
            notes.expect_ours()?;
        }
        let Some(json) = notes.read(name, BOOK_BYTES_MAX)? else { return Ok(Book::default()) };
        let entries = parsed(&json).map_err(|error| {
            let path = notes.path(name);
            error.while_doing(format!("could not read {path:?}")).hint(
                "If it is damaged, remove it: prune then forgets what it saw until now, and the dates of the store count.",
            )
        })?;
        Ok(Book { entries, ..Book::default() })
    }

    /// Enters what is new on these shelves. Stores whose clock is wrong say nothing.
    pub fn note(&mut self, shelves: &[Shelf<'_>], clocks: &Clocks) {
        for shelf in shelves.iter().filter(|it| !clocks.wrong.contains_key(&it.number)) {
            self.note_shelf(shelf, clocks.latest);
        }
    }

    /// Enters what is new on this shelf, and what is gone. `latest` is the time by the latest of all clocks.
    fn note_shelf(&mut self, shelf: &Shelf<'_>, latest: Timestamp) {
        let book = self.book((shelf.number, shelf.repository), &shelf.all);
        for (id, _, copy) in &shelf.copies {
            book.note(id, &copy.digest, believable(copy.stored), latest);
        }
        let there = shelf.copies.iter().map(|(id, _, _)| *id).chain(shelf.unread.iter().copied());
        book.forget(&there.collect(), latest);
    }

    /// Enters all on this shelf as stored when they say that they ended.
    pub fn vouch(&mut self, shelf: &Shelf<'_>, now: Timestamp) -> Vouched {
        let mut vouched = Vouched::default();
        let book = self.book((shelf.number, shelf.repository), &shelf.all);
        for (id, ended, copy) in &shelf.copies {
            if *ended > now {
                vouched.future += 1;
                continue;
            }
            vouched.oldest = Some(vouched.oldest.map_or(*ended, |oldest| oldest.min(*ended)));
            vouched.newest = vouched.newest.max(Some(*ended));
            if copy.dates().doubt(*ended).is_none() {
                vouched.known += 1;
                book.note(id, &copy.digest, believable(copy.stored), now);
                continue;
            }
            vouched.entered += 1;
            let (digest, stored) = (copy.digest.clone(), Some(*ended));
            let entry = BookEntry { digest, seen: now, stored, gone: None, trusted: true };
            book.entries.insert((*id).to_owned(), entry);
            book.changed = true;
        }
        vouched
    }

    /// Enters a copy that this host made of `of`, with this id and digest of its description: it is as old as that one.
    pub fn copied(
        &mut self,
        (number, repository): (usize, &Repository),
        all: &str,
        (id, digest): (&str, &str),
        of: &StoredBackup,
        now: Timestamp,
    ) {
        let store = believable(of.stored);
        let (seen, stored) = match of.noted {
            Some(Noted::Stored(noted)) => (now, Some(noted)),
            Some(Noted::Seen(noted)) => (noted, store.map(|store| store.min(noted))),
            None => (now, store),
        };
        self.book((number, repository), all).note(id, digest, stored, seen);
    }

    /// Writes down what is new, durably. What could not be read is left as it is.
    pub fn keep(&mut self) -> Result<()> {
        let changed = self.books.values_mut().filter(|book| book.changed && !book.closed);
        let changed: Vec<&mut Book> = changed.collect();
        if let (Some(state), false) = (&self.state, changed.is_empty()) {
            let notes = match self.for_their_owner {
                true => Notes::open(state, &self.folder)?
                    .ok_or_else(|| no_folder(state, &self.folder))?,
                false => Notes::make(state, &self.folder)?,
            };
            for book in changed {
                let json = written(book)?;
                notes.write(&book.name, &json)?;
                book.changed = false;
            }
        }
        self.trouble.take().map_or(Ok(()), Err)
    }

    /// The same, where it is no failure. Whoever only looks at a plan writes nothing.
    pub fn end(&mut self, writes: bool) {
        let read = self.trouble.take();
        let written = if writes { self.keep() } else { Ok(()) };
        if let Some(error) = read.or(written.err()) {
            tracing::warn!("only the dates of the stores tell how old backups are: {error}");
        }
    }

    /// Fails where nothing can be noted.
    pub fn expect_state(&self, path: Option<&Path>) -> Result<()> {
        if self.state.is_some() {
            return Ok(());
        }
        let path = path.unwrap_or(Path::new("")).display();
        let message = format!("there is no folder state_directory to note it in at {path}");
        Err(Error::new(Class::Configuration, message).hint(
            "Make the folder on the host that prunes, or set state_directory; run this there as the user who prunes.",
        ))
    }
}

fn no_folder(state: &Path, folder: &str) -> Error {
    let path = state.join(folder);
    Error::new(
        Class::LocalFile,
        format!("the user who runs prune has no folder for notes at {path:?}"),
    )
    .hint("Run this as that user, or let prune run once.")
}
