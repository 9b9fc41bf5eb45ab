//! WAL that was acknowledged and is in no repository here. A repository that was away is told up to where it is owed WAL. Who
//! has nothing but this repository would not know otherwise: its WAL just ends.

use crate::basebackup::catalogue::Survey;
use crate::cli::text::at_seconds;
use crate::config::Config;
use crate::debts::announced;
use crate::error::Result;
use crate::postgres::SystemIdentifier;
use crate::repository::{Repository, WalFolder};

/// A line for each repository that says so of itself. What can't be asked is warned of: the restore does not need it.
pub(super) fn lacking(
    survey: &Survey,
    system: SystemIdentifier,
    repositories: &[Repository],
    config: &Config,
) -> Vec<String> {
    let folder = WalFolder::new(&config.cluster, system);
    let down = |at: usize| survey.catalogue.failures.iter().any(|it| it.repository == at);
    let up = repositories.iter().enumerate().filter(|(at, _)| !down(*at)).map(|(_, it)| it);
    let said = up.filter_map(|repository| {
        said(survey, system, repository, (&folder, config)).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        })
    });
    said.collect()
}

fn said(
    survey: &Survey,
    system: SystemIdentifier,
    repository: &Repository,
    (folder, config): (&WalFolder, &Config),
) -> Result<Option<String>> {
    let debts = announced(repository, folder)?;
    let names = debts.iter().filter_map(|debt| Some((debt.wal(&config.cluster)?.1, debt)));
    let Some((name, debt)) = names.max_by_key(|(name, _)| name.to_string()) else {
        return Ok(None);
    };
    let inventories = survey.system(system).map(|wal| wal.inventories.iter().flatten());
    if inventories.is_some_and(|mut all| all.any(|inventory| inventory.has(name))) {
        return Ok(None);
    }
    // Gone by now: it was paid.
    let Some(note) = debt.read(repository)? else { return Ok(None) };
    Ok(Some(format!(
        "repository {} lacks WAL up to {name}, as of {}: it was stored in another repository only, which host {} knows",
        repository.name(),
        at_seconds(note.since),
        note.host
    )))
}
