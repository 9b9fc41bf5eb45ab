//! The backups of one kind and name: those that the target lacks come over, the oldest first.
//!
//! Here is which ones; `one` copies a backup, `description` reads and rewrites what describes it, `kinds` says what differs
//! from kind to kind, `marker` keeps a prune from deleting what is on its way, and `trees` brings files that are no objects.

mod description;
mod kinds;
mod marker;
mod one;
mod trees;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;

pub(super) use self::kinds::CopiedBackup;

use self::description::DescribedBackup;
use self::one::BackupCopy;
use super::session::{AT_ONCE, CopySession};
use super::{CopiedAmount, CopiedId, CopiedLine, since};
use crate::backup::memory::Memory;
use crate::backup::{
    Backup, Catalogue, Described, Kind, StoredBackup, StoredObject, describe, pins,
};
use crate::error::{Class, Error, ErrorKind, Result};
use crate::failpoint;
use crate::threads::in_threads;

/// The numbers of the two repositories in a catalogue.
const FROM: usize = 0;
const TO: usize = 1;

/// Backups up to this length in bytes are copied several at a time.
const SMALL: u64 = 8 << 20;

/// So many of them before it is noted what came.
const TOGETHER_MAX: usize = 64;

/// What the target lacks of the backups of one name.
pub(super) struct BackupPlan<K: Kind> {
    pub(super) line: CopiedLine,
    pub(super) catalogue: Catalogue<K>,
    /// Their places in the catalogue.
    lacking: Vec<usize>,
    /// Those that the target has, and that are pinned in the source alone.
    pins: Vec<usize>,
    there: KnownThere,
    memory: Memory,
}

/// The objects that the target is known to have as they are in the source: its own descriptions name them, or they were
/// proved by this process.
#[derive(Default)]
pub(super) struct KnownThere(HashSet<String>);

impl KnownThere {
    pub(super) fn has(&self, id: &str, object: &StoredObject) -> bool {
        self.0.contains(&name(id, object))
    }

    pub(super) fn add(&mut self, id: &str, object: &StoredObject) {
        self.0.insert(name(id, object));
    }

    fn add_all(&mut self, id: &str, description: &impl Described) {
        description.objects().for_each(|object| self.add(id, object));
        description.shared().for_each(|(id, object)| self.add(id, object));
    }
}

fn name(id: &str, object: &StoredObject) -> String {
    format!("{id}/{} {}", object.object, object.sha256)
}

impl<K: CopiedBackup> BackupPlan<K> {
    pub(super) fn of(session: &CopySession<'_>, name: &str) -> Result<Self> {
        let ends = session.transfer.ends;
        let state = session.transfer.config.state_directory.as_deref();
        let mut memory = Memory::to_vouch(state, K::NOTES);
        let mut catalogue = Catalogue::<K>::read(ends, name);
        memory.recall(&mut catalogue, ends);
        if let Some(failure) = catalogue.failures.first() {
            return Err(failure.error.clone());
        }
        let (lacked, stored) = Default::default();
        let line = CopiedLine { what: format!("{} of {name}", K::PLURAL), lacked, stored };
        let (lacking, pins, there) = Default::default();
        Ok(Self { line, catalogue, lacking, pins, there, memory })
    }

    pub(super) fn chosen(session: &CopySession<'_>, name: &str) -> Result<Self> {
        let mut plan = Self::of(session, name)?;
        plan.choose(session)?;
        Ok(plan)
    }

    /// Chooses what is to be copied, and says what is not.
    pub(super) fn choose(&mut self, session: &CopySession<'_>) -> Result<()> {
        let name = self.catalogue.name.clone();
        let asked = |id: &str| session.transfer.wants_backup(K::COPIED, &name, id);
        let broken = self.catalogue.broken.iter().filter(|it| asked(&it.id));
        broken.map(|it| it.error.clone()).for_each(|error| session.failed(error));
        // Under these ids the target has something else.
        let broken = self.catalogue.broken.iter().filter(|it| it.repository == TO);
        let broken: BTreeSet<_> = broken.map(|it| (it.system, it.id.clone())).collect();
        let mut wanted = self.wanted(session.transfer.wanted.since);
        wanted.retain(|it| !broken.contains(it));
        let mut copies = Vec::new();
        for (at, backup) in self.catalogue.backups.iter().enumerate() {
            let (here, there) = (copy_in(backup, FROM), copy_in(backup, TO));
            if let Some(there) = there {
                self.there.learn(session, &self.catalogue, backup, there)?;
            }
            if !asked(&backup.id) {
                continue;
            }
            if let Some(there) = there.filter(|there| there.fault.is_none()) {
                match here.is_none_or(|here| K::SHARES || are_equal(here, there)) {
                    true => session.has_now(self.named(at)),
                    false => session.failed(differs(session, backup)),
                }
            }
            match (here, there) {
                (Some(here), Some(there)) => {
                    if here.pinned && !there.pinned {
                        self.pins.push(at);
                    }
                    if is_known_by_copy(backup, here, there) {
                        copies.push((at, there.digest.clone()));
                    }
                    if let Some(fault) = &there.fault {
                        session.failed(damaged_there(session, backup, fault));
                    }
                }
                (Some(here), None) if wanted.contains(&(backup.system, backup.id.clone())) => {
                    let (what, id, from) = (K::WHAT, &backup.id, session.from().name());
                    if let Some(fault) = &here.fault {
                        let message =
                            format!("{what} {id} is not whole in repository {from}: {fault}");
                        session.failed(Error::new(Class::Damaged, message));
                    } else if let Some(why) = K::why_not(session, backup, here) {
                        session.never_comes(self.named(at));
                        session.leave_out(format!("{what} {id}: {why}"));
                    } else {
                        self.lacking.push(at);
                    }
                }
                _ => {}
            }
        }
        for (at, digest) in copies {
            self.remember(session, at, Some(digest));
        }
        self.count(session)
    }

    fn wanted(&self, since: Option<Timestamp>) -> BTreeSet<(K::System, String)> {
        let mut by_system: BTreeMap<K::System, Vec<&Backup<K>>> = BTreeMap::new();
        for backup in &self.catalogue.backups {
            by_system.entry(backup.system).or_default().push(backup);
        }
        let needed = by_system.into_values().flat_map(|all| since::needed(all, since));
        needed.map(|it| (it.system, it.id.clone())).collect()
    }

    /// What is shared counts once, and what is known to be there does not.
    fn count(&mut self, session: &CopySession<'_>) -> Result<()> {
        let mut seen = HashSet::new();
        for at in &self.lacking {
            let backup = &self.catalogue.backups[*at];
            if K::is_tree(backup) {
                self.line.lacked += K::files(backup, self.tree_before(*at).is_none());
            }
            let folder = self.catalogue.folder_of(backup.system, &backup.id);
            let Some(found) = DescribedBackup::<K>::read(session, &folder, backup.system)? else {
                continue;
            };
            for (id, object) in found.all(&backup.id) {
                if !self.there.has(id, object) && seen.insert(name(id, object)) {
                    self.line.lacked.add(object.stored_size);
                }
            }
            self.line.lacked.add(found.bytes.len() as u64);
        }
        Ok(())
    }

    pub(super) fn run(&mut self, session: &CopySession<'_>) {
        for at in std::mem::take(&mut self.pins) {
            let backup = &self.catalogue.backups[at];
            let folder = self.catalogue.folder_of(backup.system, &backup.id);
            if let Err(error) = pins::copy_pin(session.from(), session.to(), &folder) {
                session.failed(error);
            }
        }
        let mut failed = BTreeSet::new();
        for some in self.together() {
            if session.is_stopped() {
                break;
            }
            for (at, copied) in self.some(session, &some, &failed) {
                self.line.stored += copied.new;
                match copied.outcome {
                    Ok(digest) => {
                        if digest.is_some() {
                            session.has_now(self.named(at));
                        }
                        self.remember(session, at, digest);
                    }
                    Err(error) => {
                        failed.insert(at);
                        if error.kind() == Some(&ErrorKind::InTheWay) {
                            session.never_comes(self.named(at));
                        }
                        session.failed(self.not_copied(session, at, error));
                    }
                }
            }
            // What comes when this is cut short is known when it is looked at again: see `choose`.
            self.memory.end(true);
        }
        self.memory.end(true);
    }

    /// Those that are copied at the same time: small ones that share nothing.
    fn together(&self) -> Vec<Vec<usize>> {
        let small = |at: usize| {
            let copy = copy_in(&self.catalogue.backups[at], FROM);
            !K::SHARES && copy.is_some_and(|copy| copy.stored_size <= SMALL)
        };
        let mut all: Vec<Vec<usize>> = Vec::new();
        for at in &self.lacking {
            match all.last_mut() {
                Some(some) if some.len() < TOGETHER_MAX && small(*at) && small(some[0]) => {
                    some.push(*at);
                }
                _ => all.push(vec![*at]),
            }
        }
        all
    }

    fn some(
        &mut self,
        session: &CopySession<'_>,
        some: &[usize],
        failed: &BTreeSet<usize>,
    ) -> Vec<(usize, CopiedOne)> {
        let mut there = std::mem::take(&mut self.there);
        let one = |at: usize, there: &mut KnownThere| {
            // One that did not come is none to share files with.
            let previous = self.tree_before(at).filter(|before| !failed.contains(before));
            let previous = previous.map(|before| self.catalogue.backups[before].id.as_str());
            let mut new = CopiedAmount::default();
            let outcome = self.one(session, at, previous, there, &mut new);
            (at, CopiedOne { new, outcome })
        };
        let copied = match some {
            [at] => vec![one(*at, &mut there)],
            some => in_threads(AT_ONCE, some, |at| one(*at, &mut KnownThere::default())),
        };
        self.there = there;
        copied
    }

    fn named(&self, at: usize) -> CopiedId {
        let (name, id) = (self.catalogue.name.clone(), self.catalogue.backups[at].id.clone());
        CopiedId { kind: K::COPIED, name, id }
    }

    fn not_copied(&self, session: &CopySession<'_>, at: usize, error: Error) -> Error {
        let (what, id) = (K::WHAT, &self.catalogue.backups[at].id);
        let (from, to) = (session.from().name(), session.to().name());
        error.while_doing(format!("could not copy {what} {id} from repository {from} to {to}"))
    }

    /// Notes how old a copy is; without a digest it was left out.
    fn remember(&mut self, session: &CopySession<'_>, at: usize, digest: Option<String>) {
        let backup = &self.catalogue.backups[at];
        let folder = self.catalogue.folder_of(backup.system, &backup.id);
        if let (Some(here), Some(digest)) = (copy_in(backup, FROM), digest) {
            let (id, all) = ((backup.id.as_str(), digest.as_str()), folder.all());
            self.memory.copied((TO, session.to()), all, id, here, Timestamp::now());
        }
    }

    /// The newest tree before that the target has, or is to have before this one comes.
    fn tree_before(&self, at: usize) -> Option<usize> {
        let before = self.catalogue.backups[..at].iter().enumerate().rev();
        let there = |(at, it): (usize, &Backup<K>)| {
            let whole = |number| copy_in(it, number).is_some_and(|copy| copy.fault.is_none());
            K::is_tree(it) && whole(FROM) && (whole(TO) || self.lacking.contains(&at))
        };
        before.filter(|it| there(*it)).map(|(at, _)| at).next()
    }

    /// Returns the digest of its description in the target; `None` where it is left out.
    fn one(
        &self,
        session: &CopySession<'_>,
        at: usize,
        previous: Option<&str>,
        there: &mut KnownThere,
        new: &mut CopiedAmount,
    ) -> Result<Option<String>> {
        let backup = &self.catalogue.backups[at];
        let Some(here) = copy_in(backup, FROM) else { return Ok(None) };
        let folder = self.catalogue.folder_of(backup.system, &backup.id);
        let found = DescribedBackup::<K>::read(session, &folder, backup.system)?;
        // It was deleted since it was listed.
        let Some(found) = found else { return Ok(None) };
        let copy = BackupCopy { session, folder: &folder, backup, here, there, previous };
        let copied = copy.run(&self.catalogue.name, &found, new)?;
        failpoint::reach("copy.described");
        Ok(copied)
    }
}

/// What became of one backup.
struct CopiedOne {
    new: CopiedAmount,
    outcome: Result<Option<String>>,
}

impl KnownThere {
    /// Enters what a backup in the target is made of.
    fn learn<K: CopiedBackup>(
        &mut self,
        session: &CopySession<'_>,
        catalogue: &Catalogue<K>,
        backup: &Backup<K>,
        there: &StoredBackup,
    ) -> Result<()> {
        if K::SHARES && there.fault.is_none() {
            let folder = catalogue.folder_of(backup.system, &backup.id);
            let found = describe::<K>(session.to(), &folder, backup.system)?;
            found.iter().for_each(|found| self.add_all(&backup.id, found));
        }
        Ok(())
    }
}

fn copy_in<K: Kind>(backup: &Backup<K>, repository: usize) -> Option<&StoredBackup> {
    backup.copies.iter().find(|copy| copy.repository == repository)
}

/// Whether the target has the very description that the source has, and dates it later than the source does: an earlier
/// copy brought it, which was cut short before it could note that.
fn is_known_by_copy<K: Kind>(
    backup: &Backup<K>,
    here: &StoredBackup,
    there: &StoredBackup,
) -> bool {
    let doubt = |copy: &StoredBackup| copy.dates().doubt(backup.ended).is_some();
    here.digest == there.digest && there.noted.is_none() && doubt(there) && !doubt(here)
}

/// Whether both are one backup: the same form has the same description.
fn are_equal(here: &StoredBackup, there: &StoredBackup) -> bool {
    here.encrypted != there.encrypted || here.digest == there.digest
}

fn differs<K: CopiedBackup>(session: &CopySession<'_>, backup: &Backup<K>) -> Error {
    let (what, id) = (K::WHAT, &backup.id);
    let (from, to) = (session.from().name(), session.to().name());
    let message =
        format!("{what} {id} is another one in repository {to} than in repository {from}");
    Error::new(Class::Conflict, message)
}

fn damaged_there<K: CopiedBackup>(
    session: &CopySession<'_>,
    backup: &Backup<K>,
    fault: &str,
) -> Error {
    let (what, id, to, program) = (K::WHAT, &backup.id, session.to().name(), K::PROGRAM);
    let message = format!("{what} {id} is damaged in repository {to}: {fault}");
    Error::new(Class::Damaged, message).hint(format!(
        "Delete it there, then copy again: `{program} delete {id} --repository {to}`."
    ))
}
