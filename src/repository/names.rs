//! Which names of a call a repository holds already, under either encryption setting, and whether it still holds what
//! it took before: asked before anything is stored.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::memory::{Remembered, RepositoryMemory};
use super::{Repository, WalFolder};
use crate::error::{Class, Error, Result};
use crate::postgres::WalFileName;
use crate::storage::{ObjectHead, Storage};
use crate::threads::beside;

/// More keys than this are not listed for one batch; what lies behind them is asked for one by one.
const LISTED_MAX: usize = 1000;

/// After this time an answer says nothing of now: another host may have pushed meanwhile.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// The files of one call and one repository. A bucket is asked once for the whole batch, by whoever needs it first: a
/// question for each file would cost as much time as storing it.
pub struct NamesThere {
    names: Vec<WalFileName>,
    pub(super) remembered: Option<Remembered>,
    listed: OnceLock<Result<ListedRange>>,
    /// Whether what is remembered is absent, for a batch.
    lacks: OnceLock<Result<bool>>,
}

/// What is there under one name.
pub(super) struct NameThere {
    pub found: Vec<FoundObject>,
    /// What it took before and does not hold any more.
    pub lacks: bool,
    at: Instant,
}

/// An object under a name.
pub(super) struct FoundObject {
    pub encrypted: bool,
    /// What the store told of it, if it was asked for by itself.
    pub stored: Option<ObjectHead>,
}

impl NameThere {
    pub(super) fn is_old(&self) -> bool {
        self.at.elapsed() > GOOD_FOR
    }
}

impl NamesThere {
    pub fn of(names: impl IntoIterator<Item = WalFileName>) -> Self {
        let names = names.into_iter().collect();
        let (listed, lacks) = (OnceLock::new(), OnceLock::new());
        Self { names, remembered: None, listed, lacks }
    }

    /// The same for a repository that may have taken something before.
    #[must_use]
    pub fn remembering(
        self,
        memory: &RepositoryMemory,
        repository: &Repository,
        folder: &WalFolder,
    ) -> Self {
        Self { remembered: memory.of(repository, folder), ..self }
    }

    pub(super) fn look(
        &self,
        repository: &Repository,
        folder: &WalFolder,
        name: WalFileName,
    ) -> Result<NameThere> {
        let storage = &*repository.storage;
        let encrypts = repository.encrypts();
        let is_batch = self.names.len() > 1 && !storage.reads_are_cheap();
        let list = || self.list(storage, folder);
        let listed = is_batch.then(|| self.listed.get_or_init(list).as_ref().map_err(Clone::clone));
        let listed = listed.transpose()?;
        let remembered = self.remembered.as_ref().map(|it| it.key.as_str());
        // Creating it would find out just as well whether its own name is taken, but then its content has been sent,
        // and some stores answer before they have read it all.
        let settings = [!encrypts, encrypts];
        let mut keys: Vec<String> =
            settings.iter().map(|encrypted| folder.key(name, *encrypted)).collect();
        // Of a batch only the first one asks for it by itself.
        let beside = remembered.filter(|key| !is_batch && !keys.iter().any(|one| one == key));
        keys.extend(beside.map(str::to_owned));
        let (answers, at) = answers(storage, listed, &keys)?;
        let is_absent = |key| match keys.iter().position(|one| one == key) {
            Some(number) => Ok(answers[number].is_none()),
            None => self.is_absent(storage, listed, key),
        };
        let lacks = remembered.map_or(Ok(false), is_absent)?;
        Ok(NameThere { found: found(&settings, answers), lacks, at })
    }

    fn is_absent(
        &self,
        storage: &dyn Storage,
        listed: Option<&ListedRange>,
        key: &str,
    ) -> Result<bool> {
        let ask = || match listed.and_then(|listed| listed.answer(key)) {
            Some(answer) => Ok(answer.is_none()),
            None => storage.head(key).map(|stored| stored.is_none()),
        };
        self.lacks.get_or_init(ask).clone()
    }

    fn list(&self, storage: &dyn Storage, folder: &WalFolder) -> Result<ListedRange> {
        let both = |name: &WalFileName| [false, true].map(|encrypted| folder.key(*name, encrypted));
        let asked: BTreeSet<String> = self.names.iter().flat_map(both).collect();
        let (first, last) = (asked.first().cloned(), asked.last().cloned());
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        let remembered = self.remembered.as_ref().map(|it| it.key.clone());
        // As a rule it is the last one before the batch, and one of the same folder costs no further request.
        let folder_of = |key: &str| key.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let close = remembered.filter(|key| *key < first && folder_of(key) == folder_of(&first));
        let from = close.unwrap_or(first);
        // The key before the first one, or nearly so: a listing begins behind what it is given.
        let after = from[..from.len().saturating_sub(1)].to_owned();
        let mut listed =
            ListedRange { keys: BTreeSet::new(), from, until: last, at: Instant::now() };
        let mut cut = None;
        storage.list(folder.prefix(), &after, &mut |object| {
            if object.key > listed.until.as_str() {
                return ControlFlow::Break(());
            }
            listed.keys.insert(object.key.to_owned());
            if listed.keys.len() == LISTED_MAX {
                cut = Some(object.key.to_owned());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(ListedRange { until: cut.unwrap_or(listed.until), ..listed })
    }
}

/// What a bucket holds from one key to another.
struct ListedRange {
    keys: BTreeSet<String>,
    from: String,
    until: String,
    at: Instant,
}

/// Whether an object is there, and what the store told of it if it was asked for by itself.
type HeadAnswer = Option<Option<ObjectHead>>;

impl ListedRange {
    /// `None` for a key that the listing did not come to.
    fn answer(&self, key: &str) -> Option<HeadAnswer> {
        let covers = self.from.as_str() <= key && key <= self.until.as_str();
        covers.then(|| self.keys.contains(key).then_some(None))
    }
}

/// Asks for the object of each setting by itself.
pub(super) fn ask(
    storage: &dyn Storage,
    folder: &WalFolder,
    name: WalFileName,
    settings: &[bool],
) -> Result<NameThere> {
    let keys: Vec<String> = settings.iter().map(|encrypted| folder.key(name, *encrypted)).collect();
    let (answers, at) = answers(storage, None, &keys)?;
    Ok(NameThere { found: found(settings, answers), lacks: false, at })
}

fn found(settings: &[bool], answers: Vec<HeadAnswer>) -> Vec<FoundObject> {
    let there = settings.iter().zip(answers);
    there
        .filter_map(|(encrypted, it)| Some(FoundObject { encrypted: *encrypted, stored: it? }))
        .collect()
}

/// From the listing as far as that goes; all others are asked for at once.
fn answers(
    storage: &dyn Storage,
    listed: Option<&ListedRange>,
    keys: &[String],
) -> Result<(Vec<HeadAnswer>, Instant)> {
    let now = Instant::now();
    let known: Vec<Option<HeadAnswer>> =
        keys.iter().map(|key| listed.and_then(|listed| listed.answer(key))).collect();
    let unknown: Vec<&str> = keys
        .iter()
        .zip(&known)
        .filter_map(|(key, known)| known.is_none().then_some(key.as_str()))
        .collect();
    let at = listed.filter(|_| unknown.len() < keys.len()).map_or(now, |listed| listed.at);
    let asked = heads(storage, &unknown);
    // What is wrong with a profile is told to one of several questions; the others learn that it was told.
    let mistake = asked.iter().find_map(|answer| {
        answer.as_ref().err().filter(|error| error.class() == Class::Configuration)
    });
    if let Some(mistake) = mistake {
        return Err(mistake.clone());
    }
    let mut asked = asked.into_iter();
    let answers = known.into_iter().map(|known| match known {
        Some(answer) => Ok(answer),
        None => asked.next().unwrap_or(Ok(None)),
    });
    Ok((answers.collect::<Result<_>>()?, at))
}

/// What the store says of each key. From a bucket the answers come at the same time.
fn heads(storage: &dyn Storage, keys: &[&str]) -> Vec<Result<HeadAnswer>> {
    let head = |key: &str| Ok(storage.head(key)?.map(Some));
    let Some((first, others)) = keys.split_first() else { return Vec::new() };
    if storage.reads_are_cheap() {
        return keys.iter().map(|key| head(key)).collect();
    }
    thread::scope(|scope| {
        let begin = |key| beside(scope, move || head(key));
        let others: Vec<_> = others.iter().copied().map(begin).collect();
        let first = head(first);
        let died = || Err(Error::new(Class::Internal, "a thread of the push died"));
        let others = others.into_iter().map(|it| it.join().unwrap_or_else(|_| died()));
        std::iter::once(first).chain(others).collect()
    })
}
