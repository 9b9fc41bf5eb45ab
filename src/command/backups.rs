//! The verbs that are the same for all kinds of backups. What a kind has of its own, such as the WAL behind base backups,
//! it adds by the trait of the verb.
//!
//! Each verb is a file, with its trait; `json` is what `list` and `show` print for programs. Here is what they share, such as finding
//! the one whose id was begun.

pub mod delete;
pub mod json;
pub mod list;
pub mod pin;
pub mod prune;
pub mod show;
pub mod verify;

use std::borrow::{Borrow as _, BorrowMut};

use clap::{Arg, ArgMatches, Command};

use crate::backup::{Backup, Catalogue, Kind, SelfContained, StoredBackup};
use crate::cli::flags;
use crate::cli::text::plain;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::history::RecordSubject;
use crate::repository::Repository;
use crate::retention::Condition;

/// A kind of backups, and what is read of them in all repositories: the catalogue, and of PostgreSQL the WAL too.
pub trait Surveyed: Kind {
    type Survey: BorrowMut<Catalogue<Self>>;

    fn survey(repositories: &[Repository], config: &Config) -> Self::Survey;

    /// What kept it from being all there is.
    fn errors(survey: &Self::Survey) -> Vec<Error> {
        survey.borrow().errors().cloned().collect()
    }

    /// What `pin` does, and `unpin`, as their help says.
    fn pinning_helps() -> [String; 2] {
        let what = Self::WHAT;
        [
            format!("Keeps a {what} from being pruned"),
            format!("Leaves a {what} to the rules of retention again"),
        ]
    }

    /// What the help of `delete` says of what it leaves.
    fn delete_leaves() -> &'static str {
        ""
    }

    /// Whether a copy can be restored from its repository alone.
    fn condition(_: &Self::Survey, _: &Backup<Self>, copy: &StoredBackup) -> Condition {
        copy.fault.clone().map_or(Condition::Good, Condition::Bad)
    }
}

impl<D: SelfContained> Surveyed for D {
    type Survey = Catalogue<D>;

    fn survey(repositories: &[Repository], config: &Config) -> Catalogue<D> {
        Catalogue::read(repositories, D::name(config))
    }
}

/// What was found of one kind, for `list` and `show`.
pub struct Seen<'a, K: Surveyed> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub survey: &'a K::Survey,
}

impl<'a, K: Surveyed> Seen<'a, K> {
    pub fn catalogue(&self) -> &'a Catalogue<K> {
        self.survey.borrow()
    }

    /// The name of a repository by its place.
    pub fn name(&self, at: usize) -> &'a str {
        name(self.repositories, at)
    }
}

/// What `list` and `show` tell of such a backup beside what all have, and what its records are of.
pub trait Presented: SelfContained {
    /// Headings of the columns that only they have.
    const COLUMNS: &'static [&'static str];

    /// What records of drills and verifications are of.
    fn subject(config: &Config) -> RecordSubject;
    /// What stands in those columns.
    fn cells(&self) -> Vec<String>;
    /// What else there is to say, each with a short name.
    fn told(&self) -> Vec<(&'static str, String)>;
}

/// All in all repositories. What keeps that from being all there is, is logged.
pub fn read<D: Presented>(config: &Config, repositories: &[Repository]) -> Catalogue<D> {
    let series = Catalogue::<D>::read(repositories, D::name(config));
    for failure in &series.failures {
        tracing::warn!("{}", failure.error);
    }
    series
}

/// The one backup whose id begins like this.
pub fn find<'a, D: Kind>(
    series: &'a Catalogue<D>,
    repositories: &[Repository],
    id: &str,
) -> Result<&'a Backup<D>> {
    let ids: Vec<&str> = series.backups.iter().map(|backup| backup.id.as_str()).collect();
    if let Some(at) = by_beginning(D::WHAT, &ids, id)? {
        return Ok(&series.backups[at]);
    }
    if let Some(broken) = series.broken.iter().find(|broken| broken.id.starts_with(id)) {
        return Err(broken.error.clone());
    }
    if let Some(it) = series.unfinished.iter().find(|it| it.id.starts_with(id)) {
        let name = repositories.get(it.repository).map_or("", Repository::name);
        return Err(unfinished(D::WHAT, &it.id, name));
    }
    if let Some(failure) = series.failures.first() {
        let message = format!("there is no {} with an id that begins with {id:?}", D::WHAT);
        return Err(failure.error.clone().while_doing(message + " in the other repositories"));
    }
    Err(unknown(D::WHAT, D::PROGRAM, &ids, id))
}

/// What the newest whole one is called where an id is asked for.
const LATEST: &str = "latest";

/// Whether the newest whole one is meant, and not one by its id.
pub fn is_latest(id: Option<&str>) -> bool {
    id.is_none_or(|id| id == LATEST)
}

/// The same, or the newest whole one where no id is said.
pub fn choose<'a, D: Kind<System = ()>>(
    series: &'a Catalogue<D>,
    repositories: &[Repository],
    id: Option<&str>,
) -> Result<&'a Backup<D>> {
    if let Some(id) = id.filter(|_| !is_latest(id)) {
        return find(series, repositories, id);
    }
    let newest = series.backups.iter().rfind(|backup| backup.is_whole());
    newest.ok_or_else(|| match series.failures.first() {
        Some(failure) => failure.error.clone(),
        None => {
            let message = format!("there is no whole {} to restore", D::WHAT);
            Error::new(Class::Gap, message).hint(format!(
                "`{} list` shows what there is; are {} and repository right?",
                D::PROGRAM,
                D::NAMED_BY
            ))
        }
    })
}

/// The newest one is what somebody wants who names none, but not one that lost what those before it had.
pub fn refuse_fallen<D: Presented>(series: &Catalogue<D>) -> Result<()> {
    let Some((newest, since, said)) = series.newest_fell() else { return Ok(()) };
    let id = &newest.id;
    let message = format!("the newest {}, {id}, has far less than {since}: {said}", D::WHAT);
    Err(Error::new(Class::Input, message)
        .hint(format!("Say which one is meant: `{} restore {since}`, or {id}.", D::PROGRAM)))
}

fn id() -> Arg {
    let id = Arg::new("id").value_name("ID").required(true);
    id.help("Id of the backup, or its beginning")
}

/// For what is done with the newest one, unless another is named.
pub fn id_or_newest() -> Arg {
    Arg::new("id")
        .value_name("ID")
        .help("Id of the backup, or its beginning; default: the newest whole one")
}

fn id_of(matches: &ArgMatches) -> String {
    matches.get_one::<String>("id").cloned().unwrap_or_default()
}

fn verb<K: Kind>(name: &'static str, about: String, own: Vec<Arg>) -> Command {
    flags::with_settings(Command::new(name).about(about).args(own), K::TABLES)
}

/// Names of repositories by their places.
pub fn name(repositories: &[Repository], at: usize) -> &str {
    repositories.get(at).map_or("", Repository::name)
}

/// How many ids are named when none was meant.
const NEAREST: usize = 3;

/// The place of the one whose id is this, or begins like this; `None` when no id does.
fn by_beginning(what: &str, ids: &[&str], begins: &str) -> Result<Option<usize>> {
    let places = || ids.iter().enumerate();
    let exact: Vec<usize> = places().filter(|(_, id)| **id == begins).map(|(at, _)| at).collect();
    let found: Vec<usize> = match exact.len() {
        1 => exact,
        _ => places().filter(|(_, id)| id.starts_with(begins)).map(|(at, _)| at).collect(),
    };
    if found.len() <= 1 {
        return Ok(found.first().copied());
    }
    let found: Vec<String> = found.iter().map(|at| plain(ids[*at])).collect();
    let message = format!(
        "expected one {what} with an id that begins with {begins:?}, found {}: {}",
        found.len(),
        found.join(", ")
    );
    Err(Error::new(Class::Usage, message).hint("Give more of the id."))
}

/// That there is none, and which may have been meant. `program` is the one that takes them.
fn unknown(what: &str, program: &str, ids: &[&str], begins: &str) -> Error {
    let distance = |id: &&&str| {
        let beginning: String = id.chars().take(begins.chars().count()).collect();
        strsim::levenshtein(begins, &beginning)
    };
    let mut nearest: Vec<&&str> = ids.iter().rev().collect();
    nearest.sort_by_key(distance);
    let nearest: Vec<String> = nearest.iter().take(NEAREST).map(|id| plain(id)).collect();
    let message = format!("there is no {what} with an id that begins with {begins:?}");
    Error::new(Class::Usage, message).hint(match nearest.len() {
        0 => format!("There is none at all; `{program} create` takes one."),
        1 => format!("There is {}.", nearest[0]),
        _ => format!("The nearest are {}.", nearest.join(", ")),
    })
}

/// That it is none yet, or never will be.
fn unfinished(what: &str, id: &str, repository: &str) -> Error {
    let message = format!("{what} {id} in repository {repository} is unfinished");
    Error::new(Class::Usage, message)
        .hint("It is being taken now, or was cut short: then it restores nothing.")
}
