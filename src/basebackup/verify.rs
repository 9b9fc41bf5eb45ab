//! Verification: every byte of base backups and of the WAL that recoveries from them read, in every
//! repository. A fault is what a recovery would stumble over; it doesn't stop the others from being found.
//!
//! How the files go together: `copy` verifies a base backup with `files` and `described`; `wal_files` and `gaps` verify WAL.
//! All share a `session`, and `effects` says what faults in the WAL cost.

mod copy;
mod described;
mod effects;
mod files;
mod gaps;
mod session;
mod wal_files;

use std::collections::BTreeSet;

use self::copy::{CopyCheck, CopyFault, VerifiedCopy};
use self::effects::Effects;
use self::session::Session;
use self::wal_files::{BeyondToRead, WalRead, WalToRead};
use super::Description;
use super::catalogue::{Backup, Broken, Survey, SystemWal};
use crate::backup::{
    BackupFolder, DESCRIPTION, Fault, VerifyReport, broken_description, spoiled_copy,
};
use crate::codec::Identities;
use crate::config::Config;
use crate::error::Class;
use crate::repository::Repository;

/// What is to be verified.
pub struct Verification<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub identities: &'a Identities,
    pub survey: &'a Survey,
    pub backups: Vec<&'a Backup>,
    /// Whether `backups` are all there are: then what is broken or unfinished is reported too.
    pub all: bool,
    /// Looks at names, sizes and gaps only, and reads nothing but descriptions and histories.
    pub quick: bool,
    /// Gets how many stored bytes were read, and of how many. Falls back where an object is read again.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl Verification<'_> {
    /// Memory: a MiB a thread, one manifest with some 100 bytes for each file in it, and 100 bytes for each
    /// WAL file.
    pub fn run(&self) -> VerifyReport {
        let session = Session::new(self);
        let has_some = |one: &&SystemWal| self.backups.iter().any(|it| it.system == one.system);
        let systems: Vec<&SystemWal> = self.survey.systems.iter().filter(has_some).collect();
        let shelves: Vec<Vec<WalToRead>> =
            systems.iter().map(|system| wal_files::shelves(&session, system)).collect();
        let beyond: Vec<Vec<BeyondToRead>> =
            systems.iter().map(|system| wal_files::shelves_beyond(&session, system)).collect();
        session.announce(self.stored_bytes(&shelves, &beyond));
        let mut report = VerifyReport { quick: self.quick, ..VerifyReport::default() };
        self.verify_copies(&session, &mut report);
        for ((system, shelves), beyond) in systems.into_iter().zip(shelves).zip(beyond) {
            let proved = wal_files::prove(&session, shelves, &mut report);
            let mut of_wal = self.of_wal(&session, system, &proved);
            if !of_wal.faults.is_empty() {
                of_wal = self.looked_again(&session, system, &proved).unwrap_or(of_wal);
            }
            report.faults.append(&mut of_wal.faults);
            report.not_kept.append(&mut of_wal.not_kept);
            wal_files::prove_beyond(&session, system, beyond, &mut report);
            report.remarks.extend(not_followed(system));
        }
        report.errors = session.into_errors();
        report
    }

    /// What is wrong with the WAL of one system.
    fn of_wal(
        &self,
        session: &Session<'_>,
        system: &SystemWal,
        proved: &[WalRead],
    ) -> VerifyReport {
        let effects = Effects::new(self, system);
        let mut report = VerifyReport::default();
        wal_files::report(session, &effects, proved, &mut report);
        gaps::report(session, &effects, proved, &mut report);
        report
    }

    /// The same with what is there now. Who prunes meanwhile deletes base backups first, and then the WAL that only they
    /// needed. `None` where that can't be told.
    fn looked_again(
        &self,
        session: &Session<'_>,
        system: &SystemWal,
        proved: &[WalRead],
    ) -> Option<VerifyReport> {
        let survey = Survey::read(self.repositories, self.config);
        let now = survey.system(system.system).filter(|_| survey.catalogue.failures.is_empty())?;
        let chosen: BTreeSet<&str> = self.backups.iter().map(|it| it.id.as_str()).collect();
        let there = survey.catalogue.backups.iter().filter(|it| it.system == system.system);
        let backups: Vec<&Backup> = there.filter(|it| chosen.contains(it.id.as_str())).collect();
        let proved: Vec<WalRead> = proved.iter().map(|it| it.without_deleted(now)).collect();
        Some(Verification { survey: &survey, backups, ..*self }.of_wal(session, now, &proved))
    }

    fn stored_bytes(&self, shelves: &[Vec<WalToRead>], beyond: &[Vec<BeyondToRead>]) -> u64 {
        let copies = self.backups.iter().flat_map(|backup| &backup.copies);
        let copies: u64 = copies.map(|copy| copy.stored_size).sum();
        let wal = shelves.iter().flatten().flat_map(|shelf| &shelf.files);
        let beyond = beyond.iter().flatten().flat_map(|shelf| &shelf.contents);
        let beyond: u64 = beyond.map(|it| it.size).sum();
        if self.quick { 0 } else { copies + wal.map(|file| file.size).sum::<u64>() + beyond }
    }

    fn verify_copies(&self, session: &Session<'_>, report: &mut VerifyReport) {
        for backup in &self.backups {
            let mut copies: Vec<VerifiedCopy> = Vec::new();
            for stored in backup.copies.iter().filter(|it| session.is_up(it.repository)) {
                let verified = CopyCheck { session, backup, repository: stored.repository };
                copies.extend(verified.run(report));
            }
            copies.extend(self.without_description(session, backup));
            let whole = copies.iter().filter(|copy| copy.is_whole()).map(|copy| copy.repository);
            let whole: Vec<usize> = whole.collect();
            for copy in &copies {
                self.report_copy(backup, copy, &whole, report);
            }
            report.read.backups += u64::from(!copies.is_empty());
        }
        self.report_others(report);
    }

    /// Copies of a backup whose description is missing or broken.
    fn without_description(&self, session: &Session<'_>, backup: &Backup) -> Vec<VerifiedCopy> {
        let catalogue = &self.survey.catalogue;
        let broken = catalogue.broken.iter().filter(|it| is_of(backup, it.system.0, &it.id));
        let broken = broken.map(|it| (it.repository, self.found(it)));
        let unfinished = catalogue.unfinished.iter();
        let unfinished = unfinished.filter(|it| is_of(backup, it.system.0, &it.id));
        // It may have been finished since.
        let unfinished = unfinished.filter(|it| {
            let now = backup.contents(&self.repositories[it.repository], &self.config.cluster);
            matches!(now, Ok(None))
        });
        let unfinished = unfinished.map(|it| {
            let objects = it.objects;
            (it.repository, format!("the description beside {objects} objects is missing"))
        });
        let all = broken.chain(unfinished).filter(|(repository, _)| session.is_up(*repository));
        let copy = |(repository, found)| VerifiedCopy {
            repository,
            faults: vec![CopyFault { object: DESCRIPTION.to_owned(), found }],
            complete: true,
        };
        all.map(copy).collect()
    }

    fn report_copy(
        &self,
        backup: &Backup,
        copy: &VerifiedCopy,
        whole: &[usize],
        report: &mut VerifyReport,
    ) {
        let folder = BackupFolder::new(&self.config.cluster, backup.system, &backup.id);
        let name = self.repositories[copy.repository].name();
        for CopyFault { object, found } in &copy.faults {
            report.faults.push(Fault {
                repository: Some(name.to_owned()),
                object: folder.key(object),
                found: found.clone(),
                spoils: spoiled_copy::<Description>(&backup.id, name),
                elsewhere: self.names(whole),
                past: false,
            });
        }
    }

    /// Those that exist nowhere.
    fn report_others(&self, report: &mut VerifyReport) {
        let catalogue = &self.survey.catalogue;
        let known: BTreeSet<(u64, &str)> =
            self.backups.iter().map(|it| (it.system.0, it.id.as_str())).collect();
        let new = |system: u64, id: &str| self.all && !known.contains(&(system, id));
        for it in catalogue.broken.iter().filter(|it| new(it.system.0, &it.id)) {
            let (id, name) = (&it.id, self.repositories[it.repository].name());
            report.faults.push(Fault {
                repository: Some(name.to_owned()),
                object: BackupFolder::new(&self.config.cluster, it.system, id).key(DESCRIPTION),
                found: self.found(it),
                spoils: spoiled_copy::<Description>(id, name),
                elsewhere: Vec::new(),
                past: false,
            });
        }
        for it in catalogue.unfinished.iter().filter(|it| new(it.system.0, &it.id)) {
            let (id, name) = (&it.id, self.repositories[it.repository].name());
            report.remarks.push(format!(
                "base backup {id} in repository {name} is unfinished: being taken now, or cut short"
            ));
        }
    }

    fn found(&self, broken: &Broken) -> String {
        broken_description::<Description>(broken, self.repositories)
    }

    fn names(&self, repositories: &[usize]) -> Vec<String> {
        repositories.iter().map(|at| self.repositories[*at].name().to_owned()).collect()
    }
}

/// Timelines whose histories none of our keys opens: what is recovered across them was not looked at.
fn not_followed(system: &SystemWal) -> impl Iterator<Item = String> {
    let locked = system.unread.iter().filter(|(_, error)| error.class() == Class::Configuration);
    locked.map(|(timeline, error)| {
        let number = timeline.number();
        format!("recoveries across to timeline {number}: {}", error.message())
    })
}

fn is_of(backup: &Backup, system: u64, id: &str) -> bool {
    (backup.system.0, backup.id.as_str()) == (system, id)
}
