//! `wal-push PATH NAME`: archives one finished WAL file in every repository, and takes the next ones
//! along.

mod batch;
mod input;
mod lanes;
mod lineage;

use std::fs::File;
use std::path::{Path, PathBuf};

use self::batch::Batch;
use self::input::Input;
use self::lineage::Lineage;
use crate::config::{Config, Location};
use crate::data_directory::{CutSegment, DataDirectory, KeptHistories, StateFolder, ready_files};
use crate::error::{Class, Error, Result};
use crate::look_ahead::Notes;
use crate::postgres::WalFileName;
use crate::{prefetch, repository};

/// Returns when `name` is durable in every repository. The error of one repository fails the push,
/// after the others were given their copy: PostgreSQL then keeps the file and asks again, and the next
/// push finds the copies that are there.
pub fn run(config: &Config, path: &Path, name: &str) -> Result<()> {
    let name: WalFileName = name.parse().map_err(|error| {
        Error::new(Class::Input, format!("could not archive: {error}"))
            .hint("Write archive_command = 'wal-push %p %f'.")
    })?;
    let data_directory = DataDirectory::find(path);
    if let Some(data_directory) = &data_directory {
        check_places(config, data_directory)?;
    }
    let state = data_directory.as_ref().and_then(state_folder);
    let notes_in = |folder| state.as_ref().and_then(|state| notes(config, state.folder(folder)));
    let notes = notes_in("pushed");
    if notes.as_ref().is_some_and(|notes| notes.take(name, path)) {
        tracing::debug!(segment = %name, "already archived by an earlier call");
        return Ok(());
    }
    let asked = Input::open(path, name, data_directory.as_ref())?;
    if let Some(state) = &state {
        CutSegment::refuse(state, name, path)?;
    }
    let repositories = repository::open_all(config, state.as_ref().map(StateFolder::path))?;
    // Two calls at once would look ahead at the same files; the second one keeps to its own.
    let lock = state.as_ref().and_then(push_lock);
    let mut next = Vec::new();
    if let (Some(data_directory), Some(notes), Some(_)) = (&data_directory, &notes, &lock) {
        notes.remove_old();
        next = ready_after(data_directory, name, notes, config.wal.look_ahead);
        if !data_directory.is_in_recovery() {
            prefetch::remove_leftovers(data_directory);
        }
    }
    let history = data_directory.as_ref().and_then(|it| history_of(it, name));
    let histories = history.as_ref().and_then(|_| notes_in("histories"));
    if let Some(data_directory) = &data_directory {
        let kept = KeptHistories::of(data_directory, state.as_ref(), &config.cluster);
        let (repositories, system) = (repositories.as_slice(), asked.system);
        let lineage = Lineage { config, repositories, system, kept: &kept };
        let vouched = |(name, path): &(WalFileName, PathBuf)| {
            histories.as_ref().is_some_and(|notes| notes.vouch_for(*name, path))
        };
        match (name, &history) {
            (WalFileName::History(timeline), _) => lineage.check(timeline, path)?,
            (_, Some(it)) if !vouched(it) => lineage.check(it.0.timeline(), &it.1)?,
            _ => {}
        }
    }
    let batch = Batch { config, repositories: &repositories, data_directory, notes, histories };
    let brought = history.map_or(Ok(()), |(history, path)| batch.bring_history(history, &path));
    // A repository that did not take the history keeps no other one from its copy of the file. What is pushed
    // ahead is noted, and a note would vouch for WAL without its history.
    let next = if brought.is_ok() { next.as_slice() } else { &[] };
    let pushed = batch.run(asked, next).map(|_| ());
    brought.and(pushed)
}

/// Without a place for notes every file is pushed when it is asked for; nothing is lost but time.
fn state_folder(data_directory: &DataDirectory) -> Option<StateFolder> {
    let state = StateFolder::of(data_directory);
    state.inspect_err(|error| tracing::warn!("no look-ahead: {error}")).ok()
}

fn push_lock(state: &StateFolder) -> Option<File> {
    let lock = state.lock("push.lock");
    lock.inspect_err(|error| tracing::warn!("no look-ahead: {error}")).ok().flatten()
}

fn notes(config: &Config, folder: Result<PathBuf>) -> Option<Notes> {
    let folder = folder.inspect_err(|error| tracing::warn!("no look-ahead: {error}"));
    Some(Notes::new(folder.ok()?, repository::fingerprint(config)))
}

/// The history of the timeline that a file is of, where the server has one and it is not the file itself.
fn history_of(data_directory: &DataDirectory, name: WalFileName) -> Option<(WalFileName, PathBuf)> {
    let history = WalFileName::History(name.timeline());
    let path = data_directory.pg_wal().join(history.to_string());
    (name != history && path.exists()).then_some((history, path))
}

/// The files that PostgreSQL will ask for after `name`, and that no earlier call has pushed.
fn ready_after(
    data_directory: &DataDirectory,
    name: WalFileName,
    notes: &Notes,
    most: usize,
) -> Vec<(WalFileName, PathBuf)> {
    if most == 0 {
        return Vec::new();
    }
    let pg_wal = data_directory.pg_wal();
    let ready = ready_files(&pg_wal).into_iter();
    // Histories come first, and each is compared with its parent's when it is asked for.
    let ahead = |ready: &WalFileName| !matches!(ready, WalFileName::History(_));
    let others = ready.filter(|ready| *ready != name && ahead(ready) && !notes.exists(*ready));
    others.take(most).map(|ready| (ready, pg_wal.join(ready.to_string()))).collect()
}

fn check_places(config: &Config, data_directory: &DataDirectory) -> Result<()> {
    for repository in &config.repositories {
        if let Location::Folder(root) = &repository.location
            && resolved(root).starts_with(resolved(data_directory.path()))
        {
            return Err(Error::new(
                Class::Configuration,
                format!(
                    "repository {} lies in the data directory {:?} and would be lost with it",
                    repository.name,
                    data_directory.path()
                ),
            )
            .hint("Put it on another disk."));
        }
    }
    Ok(())
}

/// The path without links and dots, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let real = |path: &Path| path.canonicalize().ok();
    let found = path.ancestors().find_map(|above| Some((above, real(above)?)));
    match found {
        Some((above, real)) => {
            path.strip_prefix(above).map_or(real.clone(), |rest| real.join(rest))
        }
        None => path.to_owned(),
    }
}
