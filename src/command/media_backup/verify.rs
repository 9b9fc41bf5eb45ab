//! `media-backup verify`: whether what is stored is what was stored, and all of it.

use clap::{ArgMatches, Command};
use jiff::Timestamp;

use super::snapshot::{root_of, set_of};
use super::{of_set, show_progress, with_set};
use crate::backup::{Backup, Catalogue, Configured as _};
use crate::cli::flags;
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, plain, size};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::codec::Identities;
use crate::command::backups::verify::{VERIFY_AFTER, ids, verdict};
use crate::command::backups::{Presented as _, find};
use crate::command::recording::{self, Extent, Faults};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::local::verify_snapshot;
use crate::media_backup::packed::{PackedSource, verify_packed};
use crate::media_backup::{MediaProgress, SnapshotDescription, SnapshotKind, Verified};
use crate::repository::{self, Repository};

pub fn command() -> Command {
    let command = Command::new("verify")
        .about("Reads every byte of each snapshot, in every repository")
        .after_help(VERIFY_AFTER)
        .arg(ids());
    with_set(flags::with_settings(command, SnapshotDescription::TABLES))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let ids: Vec<String> = matches.get_many("id").unwrap_or_default().cloned().collect();
    let bar = SharedBar::new("verification");
    let progress = |at: MediaProgress| show_progress(&bar, &at);
    let shown = verify(&of_set(config, matches)?, &ids, &progress);
    drop(bar);
    print(shown?)
}

/// `ids` may be beginnings; none at all means every snapshot.
fn verify(
    config: &Config,
    ids: &[String],
    progress: &(dyn Fn(MediaProgress) + Sync),
) -> Result<Shown> {
    let began = Timestamp::now();
    let repositories = repository::open_all(config, None)?;
    let identities = repository::identities(config)?;
    let series =
        Catalogue::<SnapshotDescription>::read(&repositories, SnapshotDescription::name(config));
    let chosen: Vec<&Backup<SnapshotDescription>> = match ids {
        [] => series.backups.iter().collect(),
        ids => ids.iter().map(|id| find(&series, &repositories, id)).collect::<Result<_>>()?,
    };
    let (mut faults, mut errors, mut seen) = (Vec::new(), Vec::new(), MediaProgress::default());
    let mut heals = false;
    seen.of = Some(all_of(&chosen));
    for backup in &chosen {
        for copy in &backup.copies {
            let Some(repository) = repositories.get(copy.repository) else { continue };
            let (id, name) = (&backup.id, repository.name());
            let gone = || series.is_gone(id, repository);
            if let Some(fault) = &copy.fault {
                if gone() {
                    continue;
                }
                faults.push(format!("repository {name}: {id}: {fault}"));
                continue;
            }
            let one = One { config, series: &series, identities: &identities, backup };
            let progress = |at: MediaProgress| {
                let (entries, size) = (seen.entries + at.entries, seen.size + at.size);
                progress(MediaProgress { entries, size, ..seen });
            };
            match one.verify(copy.repository, repository, &progress) {
                Ok(verified) if !verified.problems.told.is_empty() && gone() => {}
                Ok(verified) => {
                    seen.entries += verified.seen.entries;
                    seen.size += verified.seen.size;
                    if !verified.damage.is_empty() {
                        let noted = verified.damage.note(repository, &series.folder(id));
                        noted.map_or_else(|error| not_noted(name, &error), |()| heals = true);
                    }
                    let told = verified.problems.told.iter().map(|it| &it.message);
                    faults.extend(told.map(|it| format!("repository {name}: {id}: {it}")));
                }
                // It counts as pruned.
                Err(_) if gone() => {}
                Err(error) if error.class() == Class::Damaged => {
                    faults.push(format!("repository {name}: {id}: {error}"));
                }
                Err(error) => errors
                    .push(error.while_doing(format!("could not verify all of repository {name}"))),
            }
        }
    }
    if ids.is_empty() {
        faults.extend(series.broken.iter().map(|broken| broken.error.to_string()));
    }
    let verdict = verdict(faults.len(), errors.is_empty());
    let snapshots = count(chosen.len() as u64, "snapshot");
    let summary = format!("read {snapshots} ({}): {verdict}", size(seen.size));
    let next = heals.then(|| NEXT.to_owned());
    let text =
        faults.iter().chain([&summary]).chain(&next).map(|line| plain(line) + "\n").collect();
    let damaged = recording::found(faults.len());
    let failures = series.failures.iter().map(|failure| failure.error.clone());
    let errors: Vec<Error> = damaged.into_iter().chain(failures).chain(errors).collect();
    let newest =
        series.backups.last().is_some_and(|newest| chosen.iter().any(|it| it.id == newest.id));
    if ids.is_empty() || newest || !faults.is_empty() {
        let extent = if ids.is_empty() { Extent::All } else { Extent::Some };
        let read = (extent, chosen.iter().map(|backup| backup.id.clone()).collect());
        let subject = SnapshotDescription::subject(config);
        let told = Faults::told(&faults);
        recording::verified(&repositories, &subject, began, read, errors.is_empty(), told);
    }
    Ok(Shown { text, errors })
}

const NEXT: &str =
    "the next `media-backup create` stores the damaged files again, if they still exist";

/// A host that may only read can verify, too.
fn not_noted(name: &str, error: &Error) {
    tracing::warn!(
        "later snapshots in repository {name} may reuse damaged contents, because the note could not be stored there: {error}"
    );
}

/// Entries and bytes of all copies: of a tree its files are read, of packs what is stored.
fn all_of(chosen: &[&Backup<SnapshotDescription>]) -> (u64, u64) {
    let (mut entries, mut size) = (0, 0);
    for backup in chosen {
        let it = &backup.facts;
        let stored = || it.all_objects().map(|(_, object)| object.stored_size).sum();
        let whole = backup.copies.iter().filter(|copy| copy.fault.is_none()).count() as u64;
        entries += whole * it.totals.entries;
        size += whole * if it.kind == SnapshotKind::LocalTree { it.totals.size } else { stored() };
    }
    (entries, size)
}

struct One<'a> {
    config: &'a Config,
    series: &'a Catalogue<SnapshotDescription>,
    identities: &'a Identities,
    backup: &'a Backup<SnapshotDescription>,
}

impl One<'_> {
    fn verify(
        &self,
        at: usize,
        repository: &Repository,
        progress: &(dyn Fn(MediaProgress) + Sync),
    ) -> Result<Verified> {
        let (config, id) = (self.config, &self.backup.id);
        let contents = self.series.contents(id, repository)?;
        let gone = || Error::new(Class::Gap, format!("snapshot {id} is gone"));
        let description = contents.ok_or_else(gone)?.description;
        let threads = config.basebackup.parallel;
        match (description.kind, root_of(config, at)) {
            (SnapshotKind::LocalTree, Some(root)) => {
                verify_snapshot(root, &set_of(config)?.name, id, threads, progress)
            }
            (SnapshotKind::LocalTree, None) => {
                Err(Error::new(Class::Damaged, "expected a tree in a folder, found a bucket"))
            }
            (SnapshotKind::Packed, _) => {
                let source = PackedSource {
                    storage: repository.storage(),
                    all: self.series.all(),
                    description: &description,
                    identities: self.identities,
                    attempts: config.limits.attempts,
                };
                verify_packed(&source, &std::env::temp_dir(), threads, progress)
            }
        }
    }
}
