//! What `verify` reads of snapshots of media files: the tree, or the packs, of each copy, one after the other.

use std::collections::BTreeSet;

use super::show_progress;
use super::snapshot::{root_of, set_of};
use crate::backup::{Backup, FaultyCopy, ReadTotals, VerifyReport};
use crate::cli::text::{count, size};
use crate::command::backups::Presented as _;
use crate::command::backups::verify::{Verifies, VerifyJob};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::history::RecordSubject;
use crate::media_backup::local::verify_snapshot;
use crate::media_backup::packed::{PackedSource, verify_packed};
use crate::media_backup::{MediaProgress, SnapshotDescription, SnapshotKind, Verified};

const NEXT: &str =
    "the next `media-backup create` stores the damaged files again, if they still exist";

impl Verifies for SnapshotDescription {
    const VERIFY_HELP: [&'static str; 3] = [
        "Reads every byte of each snapshot, in every repository",
        "Reads every byte of each snapshot, in every repository

It compares each file with the index of its snapshot, and packs with their checksums too. Each fault is a line. What is damaged is
noted beside the snapshot, so that the next snapshot does not share it.",
        "Exit status 5: something is damaged or missing. A repository that does not answer is a separate error.",
    ];

    fn verified(config: &Config, (): ()) -> RecordSubject {
        Self::subject(config)
    }

    fn read_chosen(job: &VerifyJob<'_, Self>) -> VerifyReport {
        let misfits = job.misfits().map(|(copy, found)| FaultyCopy { copy, found });
        let mut reading = SnapshotsRead {
            job,
            seen: MediaProgress { of: Some(all_of(&job.chosen)), ..MediaProgress::default() },
            faulty: misfits.collect(),
            unknown: BTreeSet::new(),
            report: VerifyReport { quick: job.quick, ..VerifyReport::default() },
        };
        if !job.quick {
            reading.read();
        }
        reading.into_report()
    }

    fn read_words(read: &ReadTotals, quick: bool) -> String {
        let snapshots = count(read.backups, "snapshot");
        if quick { snapshots } else { format!("{snapshots} ({})", size(read.object_bytes)) }
    }
}

/// What was found so far.
struct SnapshotsRead<'a> {
    job: &'a VerifyJob<'a, SnapshotDescription>,
    seen: MediaProgress,
    faulty: Vec<FaultyCopy>,
    /// Copies of which nothing can be said.
    unknown: BTreeSet<(usize, usize)>,
    report: VerifyReport,
}

impl SnapshotsRead<'_> {
    fn read(&mut self) {
        let job = self.job;
        for (at, backup) in job.chosen.iter().enumerate() {
            let whole = backup.copies.iter().filter(|copy| copy.fault.is_none());
            for repository in whole.map(|copy| copy.repository) {
                let outcome = self.copy(backup, repository);
                // It counts as pruned.
                let gone = || job.is_gone((), &backup.id, repository);
                match outcome {
                    Ok(verified) if !verified.problems.told.is_empty() && gone() => {}
                    Err(_) if gone() => {}
                    outcome => self.take((at, repository), outcome),
                }
            }
        }
    }

    fn take(&mut self, copy: (usize, usize), outcome: Result<Verified>) {
        let repository = &self.job.seen.repositories[copy.1];
        let name = repository.name();
        match outcome {
            Ok(verified) => {
                self.seen.entries += verified.seen.entries;
                self.seen.size += verified.seen.size;
                if !verified.damage.is_empty() {
                    let folder = self.job.seen.catalogue().folder(&self.job.chosen[copy.0].id);
                    match verified.damage.note(repository, &folder) {
                        Ok(()) => self.report.next = Some(NEXT.to_owned()),
                        Err(error) => not_noted(name, &error),
                    }
                }
                let told = verified.problems.told.into_iter().map(|it| it.message);
                self.faulty.extend(told.map(|found| FaultyCopy { copy, found }));
            }
            Err(error) if error.class() == Class::Damaged => {
                self.faulty.push(FaultyCopy { copy, found: error.to_string() });
            }
            Err(error) => {
                self.unknown.insert(copy);
                let doing = format!("could not verify all of repository {name}");
                self.report.errors.push(error.while_doing(doing));
            }
        }
    }

    fn into_report(self) -> VerifyReport {
        let Self { job, seen, faulty, unknown, mut report } = self;
        let catalogue = job.seen.catalogue();
        report.read.backups = job.chosen.len() as u64;
        report.read.objects = seen.entries;
        report.read.object_bytes = seen.size;
        report.add_copies(job.seen.repositories, catalogue, &job.chosen, faulty, &unknown);
        report.faults.extend(job.broken());
        let failures = catalogue.failures.iter().map(|failure| failure.error.clone());
        report.errors = failures.chain(report.errors).collect();
        report
    }

    fn copy(&self, backup: &Backup<SnapshotDescription>, at: usize) -> Result<Verified> {
        let (job, id, seen) = (self.job, &backup.id, self.seen);
        let (config, repository) = (job.seen.config, &job.seen.repositories[at]);
        let progress = |at: MediaProgress| {
            let (entries, size) = (seen.entries + at.entries, seen.size + at.size);
            show_progress(job.bar, &MediaProgress { entries, size, ..seen });
        };
        let contents = job.seen.catalogue().contents(id, repository)?;
        let gone = || Error::new(Class::Gap, format!("snapshot {id} is gone"));
        let description = contents.ok_or_else(gone)?.description;
        let threads = config.basebackup.parallel;
        match (description.kind, root_of(config, at)) {
            (SnapshotKind::LocalTree, Some(root)) => {
                verify_snapshot(root, &set_of(config)?.name, id, threads, &progress)
            }
            (SnapshotKind::LocalTree, None) => {
                Err(Error::new(Class::Damaged, "expected a tree in a folder, found a bucket"))
            }
            (SnapshotKind::Packed, _) => {
                let source = PackedSource {
                    storage: repository.storage(),
                    all: job.seen.catalogue().all(),
                    description: &description,
                    identities: job.identities,
                    attempts: config.limits.attempts,
                };
                verify_packed(&source, &std::env::temp_dir(), threads, &progress)
            }
        }
    }
}

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
