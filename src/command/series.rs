//! The verbs that are the same for all backups that stand alone, whatever they are of.
//!
//! Each verb is a file, and `flags` has the flags of all of them; `json` is what `list` and `show` print for programs.

pub mod delete;
pub mod flags;
pub mod list;
pub mod pin;
pub mod prune;
pub mod show;
pub mod verify;

mod json;

use crate::backup::ObjectSource;
use crate::backup::series::{Backup, SelfContained, Series};
use crate::command::shown;
use crate::config::{Config, KeepConfig};
use crate::error::{Class, Error, Result};
use crate::history::RecordSubject;
use crate::repository::Repository;

/// A kind of such backups.
pub trait Kind: SelfContained {
    /// The program that takes them, such as `redis-backup`.
    const PROGRAM: &'static str;
    /// What tells them from others in one repository.
    const NAMED_BY: &'static str;
    /// Their settings are in this table.
    const TABLE: &'static str;
    /// What the folder of this host's notes of them is called by.
    const NOTES: &'static str;
    /// Headings of the columns that only they have.
    const COLUMNS: &'static [&'static str];

    /// What all keys begin with.
    fn all(config: &Config) -> String;
    /// What records of drills and verifications are of.
    fn subject(config: &Config) -> RecordSubject;
    /// What is kept of them.
    fn keep(config: &Config) -> KeepConfig;
    /// What stands in those columns.
    fn cells(&self) -> Vec<String>;
    /// What else there is to say, each with a short name.
    fn facts(&self) -> Vec<(&'static str, String)>;
}

/// A kind whose backups consist of their own objects.
pub trait Checked: Kind {
    /// Reads all objects of one copy and proves that they are what they should be, whoever stored them.
    /// `progress` gets the number of stored bytes after each object.
    fn check(&self, source: &ObjectSource<'_>, progress: &dyn Fn(u64)) -> Result<()>;
}

/// All in all repositories. What keeps that from being all there is, is logged.
pub fn read<D: Kind>(config: &Config, repositories: &[Repository]) -> Series<D> {
    let series = Series::<D>::read(repositories, &D::all(config));
    for failure in &series.failures {
        tracing::warn!("{}", failure.error);
    }
    series
}

/// The one backup whose id begins like this.
pub fn find<'a, D: Kind>(
    series: &'a Series<D>,
    repositories: &[Repository],
    id: &str,
) -> Result<&'a Backup<D>> {
    let ids: Vec<&str> = series.backups.iter().map(|backup| backup.id.as_str()).collect();
    if let Some(at) = shown::find(D::WHAT, &ids, id)? {
        return Ok(&series.backups[at]);
    }
    if let Some(broken) = series.broken.iter().find(|broken| broken.id.starts_with(id)) {
        return Err(broken.error.clone());
    }
    if let Some((at, it)) = series.unfinished.iter().find(|(_, it)| it.id.starts_with(id)) {
        let name = repositories.get(*at).map_or("", Repository::name);
        return Err(shown::unfinished(D::WHAT, &it.id, name));
    }
    if let Some(failure) = series.failures.first() {
        let message = format!("there is no {} with an id that begins with {id:?}", D::WHAT);
        return Err(failure.error.clone().while_doing(message + " in the other repositories"));
    }
    Err(shown::unknown(D::WHAT, D::PROGRAM, &ids, id))
}

/// What the newest whole one is called where an id is asked for.
const LATEST: &str = "latest";

/// Whether the newest whole one is meant, and not one by its id.
pub fn is_latest(id: Option<&str>) -> bool {
    id.is_none_or(|id| id == LATEST)
}

/// The same, or the newest whole one where no id is said.
pub fn choose<'a, D: Kind>(
    series: &'a Series<D>,
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
pub fn refuse_fallen<D: Kind>(series: &Series<D>) -> Result<()> {
    let Some((newest, since, said)) = series.newest_fell() else { return Ok(()) };
    let id = &newest.id;
    let message = format!("the newest {}, {id}, has far less than {since}: {said}", D::WHAT);
    Err(Error::new(Class::Input, message)
        .hint(format!("Say which one is meant: `{} restore {since}`, or {id}.", D::PROGRAM)))
}

/// Names of repositories by their places.
fn name(repositories: &[Repository], at: usize) -> &str {
    repositories.get(at).map_or("", Repository::name)
}
