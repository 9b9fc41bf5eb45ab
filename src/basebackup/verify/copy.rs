//! Verifies a base backup in one repository: names and lengths first; unless it is to be quick, every object is read,
//! and the description compared with what it describes.
//!
//! Without a key the stored bytes are proved by their SHA-256, and the report says that nothing was opened.

use super::described;
use super::files::{ManifestFiles, PartCheck};
use super::session::{Judged, Meter, Session};
use crate::backup::{BackupFolder, DESCRIPTION, StoredObject};
use crate::backup::{ReadTotals, VerifyReport};
use crate::basebackup::Description;
use crate::basebackup::catalogue::{Backup, Contents};
use crate::basebackup::unpack::BackupSource;
use crate::codec::Identities;
use crate::error::{Class, Error};
use crate::postgres::BackupManifest;

/// A base backup in one repository, as far as it was looked at.
pub(super) struct VerifiedCopy {
    pub(super) repository: usize,
    pub(super) faults: Vec<CopyFault>,
    /// Whether nothing kept it from being looked at to the end.
    pub(super) complete: bool,
}

pub(super) struct CopyFault {
    /// Its name beside `backup.json`.
    pub(super) object: String,
    pub(super) found: String,
}

impl VerifiedCopy {
    pub(super) fn is_whole(&self) -> bool {
        self.complete && self.faults.is_empty()
    }

    fn wrong(&mut self, object: &str, found: String) {
        self.faults.push(CopyFault { object: object.to_owned(), found });
    }

    fn is_faulty(&self, object: &str) -> bool {
        self.faults.iter().any(|fault| fault.object == object)
    }
}

/// Verifies a base backup in one repository.
pub(super) struct CopyCheck<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) backup: &'a Backup,
    pub(super) repository: usize,
}

impl CopyCheck<'_> {
    /// `None` when it was deleted since it was listed, or nothing can be said about it.
    pub(super) fn run(&self, report: &mut VerifyReport) -> Option<VerifiedCopy> {
        let verify = self.session.verify;
        let (repository, cluster) = (&verify.repositories[self.repository], &verify.config.cluster);
        let mut copy =
            VerifiedCopy { repository: self.repository, faults: Vec::new(), complete: true };
        let contents = match self.backup.contents(repository, cluster) {
            Ok(contents) => contents?,
            Err(error) => match self.session.judge::<()>(self.repository, error) {
                Judged::Fault(found) => {
                    let (id, name) = (&self.backup.id, repository.name());
                    let reading = format!("could not read base backup {id} in repository {name}: ");
                    copy.wrong(DESCRIPTION, found.replacen(&reading, "", 1));
                    return Some(copy);
                }
                _ => return None,
            },
        };
        look(&contents, &mut copy);
        if !verify.quick {
            self.read(&contents.description, &mut copy, report);
        } else {
            objects(&contents.description).for_each(|object| {
                report.read.objects += u64::from(!copy.is_faulty(&object.object));
            });
        }
        // Who deletes a backup begins with its description.
        let gone = || matches!(self.backup.contents(repository, cluster), Ok(None));
        (copy.faults.is_empty() || !gone()).then_some(copy)
    }

    fn read(&self, description: &Description, copy: &mut VerifiedCopy, report: &mut VerifyReport) {
        let verify = self.session.verify;
        let folder = BackupFolder::new(&verify.config.cluster, self.backup.system, &self.backup.id);
        let prefix = folder.key("");
        let source = BackupSource {
            storage: verify.repositories[self.repository].storage(),
            prefix: &prefix,
            description,
            identities: verify.identities,
            attempts: verify.config.limits.attempts,
        };
        let reading = Reading { of: self, source };
        let no_key = description.encrypted && verify.identities.is_empty();
        let manifest = if no_key { None } else { reading.manifest(copy, &mut report.read) };
        // Without the manifest the parts are read all the same. Those that none of our keys opens are not.
        if no_key || manifest.is_none() && !copy.complete {
            reading.stored(copy, &mut report.read);
            report.remarks.push(self.not_opened(description, verify.identities));
        } else {
            reading.parts(manifest.as_ref(), copy, &mut report.read);
        }
    }

    fn not_opened(&self, description: &Description, identities: &Identities) -> String {
        let (id, count) = (&self.backup.id, objects(description).count());
        let name = self.session.verify.repositories[self.repository].name();
        let why = match identities.is_empty() {
            true => "there is no identity file",
            false => "no identity opens them",
        };
        format!(
            "base backup {id} in repository {name} is encrypted and {why}: of its {count} objects only lengths \
             and SHA-256 were checked, not what is inside"
        )
    }
}

/// The parts and the manifest.
fn objects(description: &Description) -> impl Iterator<Item = &StoredObject> {
    description.parts.iter().map(|part| &part.stored).chain([&description.manifest])
}

/// Names and sizes.
fn look(contents: &Contents, copy: &mut VerifiedCopy) {
    for StoredObject { object, stored_size, .. } in objects(&contents.description) {
        let found = match contents.objects.get(object) {
            Some(found) if found == stored_size => continue,
            Some(found) => format!("expected an object of {stored_size} bytes, found {found}"),
            None => format!("the object of {stored_size} bytes is missing"),
        };
        copy.wrong(object, found);
    }
}

struct Reading<'a> {
    of: &'a CopyCheck<'a>,
    source: BackupSource<'a>,
}

impl Reading<'_> {
    fn manifest(&self, copy: &mut VerifiedCopy, read: &mut ReadTotals) -> Option<BackupManifest> {
        let object = &self.source.description.manifest;
        if copy.is_faulty(&object.object) {
            return None;
        }
        let done = self.source.manifest().map(|(_, manifest)| manifest);
        let _meter = Meter::new(self.of.session, 1, object.stored_size);
        self.settle(object, done, copy, read)
    }

    fn parts(
        &self,
        manifest: Option<&BackupManifest>,
        copy: &mut VerifiedCopy,
        read: &mut ReadTotals,
    ) {
        let session = self.of.session;
        let description = self.source.description;
        let files = manifest.map(|manifest| ManifestFiles::new(&manifest.files));
        let sound = |object: &StoredObject| !copy.is_faulty(&object.object);
        let sound: Vec<_> = description.parts.iter().filter(|it| sound(&it.stored)).collect();
        let outcomes = session.in_threads(&sound, |part| {
            let stored = &part.stored;
            let meter = Meter::new(session, stored.size, stored.stored_size);
            if !session.is_up(self.of.repository) {
                return None;
            }
            let on_begin = || meter.restart();
            let mut look = PartCheck::new(files.as_ref(), &on_begin);
            let done = self.source.part(part, &|bytes| meter.read(bytes), &mut look);
            Some(done.map(|()| look.settle()))
        });
        for (part, outcome) in sound.iter().zip(outcomes) {
            let inside = outcome.map(|done| self.settle(&part.stored, done, copy, read));
            copy.complete &= inside.is_some();
            if let Some(found) = inside.flatten().flatten() {
                copy.wrong(&part.stored.object, found);
            }
        }
        if let (Some(manifest), Some(files)) = (manifest, files)
            && copy.is_whole()
        {
            let of_manifest = files.twice().or_else(|| files.missing());
            if let Some(found) = of_manifest {
                copy.wrong(&description.manifest.object, found);
            }
            for found in described::faults(&self.of.backup.facts, description, manifest, &files) {
                copy.wrong(DESCRIPTION, found);
            }
        }
    }

    /// Without opening anything.
    fn stored(&self, copy: &mut VerifiedCopy, read: &mut ReadTotals) {
        let session = self.of.session;
        let sound = objects(self.source.description).filter(|it| !copy.is_faulty(&it.object));
        let sound: Vec<_> = sound.collect();
        let outcomes = session.in_threads(&sound, |object| {
            let meter = Meter::new(session, object.stored_size, object.stored_size);
            let up = session.is_up(self.of.repository);
            up.then(|| self.source.stored(object, &|bytes| meter.read(bytes)))
        });
        for (object, outcome) in sound.into_iter().zip(outcomes) {
            copy.complete &= outcome.is_some();
            outcome.and_then(|done| self.settle(object, done, copy, read));
        }
    }

    /// What becomes of the copy with this object.
    fn settle<T>(
        &self,
        object: &StoredObject,
        done: Result<T, Error>,
        copy: &mut VerifiedCopy,
        read: &mut ReadTotals,
    ) -> Option<T> {
        let error = match done {
            Ok(done) => {
                read.objects += 1;
                read.object_bytes += object.stored_size;
                return Some(done);
            }
            Err(error) => error,
        };
        let damaged = error.class() == Class::Damaged;
        match self.of.session.judge::<T>(self.of.repository, error) {
            Judged::Fault(found) if damaged => {
                let reading = format!("could not read {}{}: ", self.source.prefix, object.object);
                copy.wrong(&object.object, found.replacen(&reading, "", 1));
            }
            _ => copy.complete = false,
        }
        None
    }
}
