//! What repositories hold, asked one after the other: a WAL file, out of the first that has it whole; and the histories of timelines,
//! which tell where each was left, unless this host has them.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::codec::Label;
use crate::data_directory::{DataDirectory, KeptHistories};
use crate::debts::AwayNotes;
use crate::durable::{self, Temporary};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{Lsn, TablespaceCreation, TimelineHistory, TimelineId, WalFileName};
use crate::repository::{DecodeTarget, FetchedFile, Repository, Source};

pub(super) struct FileFetch<'a> {
    pub repositories: &'a [Repository],
    pub source: &'a Source<'a>,
    pub name: WalFileName,
    pub target: &'a Path,
    pub data_directory: Option<&'a DataDirectory>,
    /// Those that did not answer a call before.
    pub away: Option<AwayNotes>,
}

impl FileFetch<'_> {
    /// From the first repository that has it; `finish` sees the whole file before it gets its name. Absence counts only if
    /// all answered: one that did not may be the one that has it. One that did not answer within the last minute is asked
    /// after the others, and is asked before anything is concluded.
    pub(super) fn fetch(
        &self,
        finish: &dyn Fn(&mut Temporary, &Label) -> Result<()>,
    ) -> Result<Option<Label>> {
        let mut failures: Vec<Error> = Vec::new();
        for repository in self.in_order() {
            let fetched = self.fetch_from(repository, finish);
            if let Some(away) = &self.away {
                match &fetched {
                    Err(error) if error.class() == Class::Unreachable => {
                        away.failed(repository, error)
                    }
                    Ok(_) if away.failed_before(repository) => away.answered(repository),
                    _ => {}
                }
            }
            match fetched {
                Ok(Some(label)) => {
                    for failure in failures {
                        tracing::warn!(
                            "fetched it from repository {}: {failure}",
                            repository.name()
                        );
                    }
                    return Ok(Some(label));
                }
                Ok(None) => {}
                Err(failure) => failures.push(failure),
            }
        }
        for other in failures.iter().skip(1) {
            tracing::error!("{other}");
        }
        failures.into_iter().next().map_or(Ok(None), Err)
    }

    fn in_order(&self) -> Vec<&Repository> {
        let is_away =
            |it: &&Repository| self.away.as_ref().is_some_and(|away| away.is_left_out(it));
        let (last, first): (Vec<_>, Vec<_>) = self.repositories.iter().partition(is_away);
        first.into_iter().chain(last).collect()
    }

    fn fetch_from(
        &self,
        repository: &Repository,
        finish: &dyn Fn(&mut Temporary, &Label) -> Result<()>,
    ) -> Result<Option<Label>> {
        let started = Instant::now();
        let folder = self.target.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        durable::remove_abandoned(folder);
        let mut temporary = Temporary::create_in(folder)?;
        let target = DecodeTarget { file: temporary.file(), path: self.target };
        let fetched = repository.fetch(self.source, self.name, target)?;
        let Some(FetchedFile { label, creations }) = fetched else { return Ok(None) };
        // `pg_rewind` only reads what it fetches.
        if let Some(data_directory) = self.data_directory.filter(|it| it.is_in_recovery()) {
            creations.iter().try_for_each(|it| check_tablespace(data_directory, self.name, it))?;
        }
        finish(&mut temporary, &label)?;
        failpoint::reach("fetch.decoded");
        // Not synced: PostgreSQL asks again for what a crash takes away, and syncs what it keeps.
        temporary.replace(self.target)?;
        failpoint::reach("fetch.renamed");
        tracing::info!(
            segment = %self.name,
            bytes = label.size,
            milliseconds = started.elapsed().as_millis() as u64,
            repository = repository.name(),
            "restored"
        );
        Ok(Some(label))
    }

    /// Fails where a repository can't say that a file was never archived.
    pub(super) fn check_that_all_know(&self) -> Result<()> {
        for repository in self.repositories {
            if !repository.knows(self.source.folder)? {
                let message = format!(
                    "could not find out whether {} was archived: repository {} ({}) holds no WAL of system {}",
                    self.name,
                    repository.name(),
                    repository.place(),
                    self.source.folder.system()
                );
                return Err(Error::new(Class::Unreachable, message).hint(
                    "Is the disk mounted, and are url and cluster right? A repository that is really new \
                     and empty has to be left out of the configuration for this recovery.",
                ));
            }
        }
        Ok(())
    }
}

/// Fails where replaying the creation of a tablespace would lead this server into the files of another one.
///
/// The WAL holds the path at which it was created, and replaying goes there: whatever the folder has already
/// is taken for this server's own (`create_tablespace_directories` in `tablespace.c`). Beside the server that
/// the WAL is from, that are its tables.
fn check_tablespace(
    data_directory: &DataDirectory,
    name: WalFileName,
    creation: &TablespaceCreation,
) -> Result<()> {
    let TablespaceCreation { oid, location } = creation;
    let own = data_directory.path().join("pg_tblspc").join(oid.to_string());
    // Replayed before, and once more after a restart; or inside of the data directory.
    if own.symlink_metadata().is_ok() || location.as_os_str().is_empty() {
        return Ok(());
    }
    let Some(folder) = in_use(location, &major(data_directory)?) else { return Ok(()) };
    let message = format!(
        "could not fetch {name}: it creates tablespace {oid} at {location:?}, where {folder} already \
         exists: the files of another server, or its remains"
    );
    Err(Error::new(Class::LocalFile, message).hint(
        "The replay would change these files. If a server uses them, recover on another host, or \
         from a base backup that was taken after the tablespace was created. If no server uses \
         them, move the folder away.",
    ))
}

fn major(data_directory: &DataDirectory) -> Result<String> {
    let path = data_directory.path().join("PG_VERSION");
    let text = fs::read_to_string(&path).map_err(|error| Error::file("read", &path, &error))?;
    Ok(text.trim().to_owned())
}

/// The folder of that major version: a location is shared by servers of different ones.
fn in_use(location: &Path, major: &str) -> Option<String> {
    let beginning = format!("PG_{major}_");
    let names = fs::read_dir(location).ok()?.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.into_string().ok()).find(|name| name.starts_with(&beginning))
}

pub(super) struct TimelineEnds<'a> {
    pub kept: Option<KeptHistories>,
    pub repositories: &'a [Repository],
    pub source: &'a Source<'a>,
}

/// The end of a timeline, as far as a recovery is concerned that follows another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaving {
    pub timeline: TimelineId,
    pub by: TimelineId,
    pub at: Lsn,
}

impl TimelineEnds<'_> {
    /// Where the first of the `followed` timelines left this one; `None` where none of them descends from it.
    pub(super) fn leaving(
        &self,
        timeline: TimelineId,
        followed: &[TimelineId],
    ) -> Result<Option<Leaving>> {
        let mut first: Option<Leaving> = None;
        for by in followed {
            let history = self.find(*by)?.ok_or_else(|| unknown(timeline, *by))?;
            if let Some(at) = history.left(timeline)
                && first.is_none_or(|first| at <= first.at)
            {
                first = Some(Leaving { timeline, by: *by, at });
            }
        }
        Ok(first)
    }

    /// The history of a timeline; `None` where no repository has one.
    pub(super) fn find(&self, timeline: TimelineId) -> Result<Option<TimelineHistory>> {
        if let Some(history) = self.kept.as_ref().and_then(|kept| kept.find(timeline)) {
            return Ok(Some(history));
        }
        let mut failure = None;
        for repository in self.repositories {
            match repository.history_file(self.source, timeline) {
                Ok(Some(content)) => {
                    self.keep(timeline, &content);
                    let history = TimelineHistory::parse(timeline, &content);
                    return history
                        .map(Some)
                        .map_err(|error| Error::new(Class::Damaged, error.to_string()));
                }
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// Keeps a history that a repository has. Without a copy it is fetched again.
    pub(super) fn keep(&self, timeline: TimelineId, content: &[u8]) {
        if let Some(kept) = &self.kept
            && let Err(error) = kept.keep(timeline, content)
        {
            tracing::warn!("no copy of {} is kept: {error}", WalFileName::History(timeline));
        }
    }
}

fn unknown(timeline: TimelineId, by: TimelineId) -> Error {
    let message = format!(
        "could not find out where timeline {} left timeline {}: {} is in no repository",
        by.number(),
        timeline.number(),
        WalFileName::History(by)
    );
    Error::new(Class::Gap, message).hint(
        "Look for the history in pg_wal of the server that went on with that timeline, and hand it to wal-push there.",
    )
}
