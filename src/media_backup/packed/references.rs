//! Pruning snapshots in packs. Packs are shared, so descriptions go first; then the repository is listed again; then go
//! the packs that no description names. `packed.rs` says why this order is safe beside a snapshot that is being taken.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::BEGUN;
use super::set_listing::{Listing, read};
use crate::backup::deleting::Deleting;
use crate::backup::{BackupFolder, DESCRIPTION, PIN, PlanLine, PlanSubject, begun};
use crate::config::KeepConfig;
use crate::error::{Class, Result};
use crate::media_backup::SnapshotDescription;
use crate::repository::Repository;
use crate::retention::{CLOCKS_APART, RetentionVerdict};
use crate::threads::in_parallel;

/// Why leavings stay that are too old to be under way.
const NEEDED: &str = "snapshots that are kept need objects of it";

/// Which objects of other snapshots are needed, by id and name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct References {
    needed: BTreeMap<String, BTreeSet<String>>,
    /// The newest snapshot whose description can't be read: it may need anything of those before it.
    unread: Option<String>,
}

/// The objects of each snapshot, whether it has a description or not, by id.
type SetObjects = BTreeMap<String, Vec<String>>;

impl References {
    pub fn of<'d>(kept: impl IntoIterator<Item = &'d SnapshotDescription>) -> Self {
        let mut all = Self::default();
        for earlier in kept.into_iter().flat_map(|it| &it.earlier) {
            let objects = earlier.objects.iter().map(|object| object.object.clone());
            all.needed.entry(earlier.id.clone()).or_default().extend(objects);
        }
        all
    }

    /// Those of all snapshots that a repository has now, and what there is.
    pub fn read(repository: &Repository, all: &str, now: Timestamp) -> Result<(Self, SetObjects)> {
        let listing = Listing::read(repository, all)?;
        let owned = |(id, objects): (&str, Vec<&str>)| {
            (id.to_owned(), objects.into_iter().map(str::to_owned).collect())
        };
        let objects = listing.folders().into_iter().map(owned).collect();
        Ok((Self::of_listing(repository, all, &listing, now)?, objects))
    }

    /// A folder whose name has no time, or one that is still to come, was made by nobody who takes snapshots: what
    /// can't be read there needs nothing.
    fn of_listing(
        repository: &Repository,
        all: &str,
        listing: &Listing,
        now: Timestamp,
    ) -> Result<Self> {
        let folders = listing.folders();
        let described = folders.iter().filter(|(_, objects)| objects.contains(&DESCRIPTION));
        let ids: Vec<&str> = described.map(|(id, _)| *id).collect();
        let mut found = Vec::new();
        let mut unread: Option<String> = None;
        for (id, outcome) in ids.iter().zip(in_parallel(&ids, |id| read(repository, all, id))) {
            match outcome {
                Ok(description) => found.extend(description),
                Err(error) if error.class() == Class::Damaged => {
                    let ours = begun(id).is_some_and(|it| it.duration_since(now) <= CLOCKS_APART);
                    unread = unread.max(ours.then(|| (*id).to_owned()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self { unread, ..Self::of(&found) })
    }

    fn need(&self, id: &str, object: &str) -> bool {
        let needed = self.needed.get(id).is_some_and(|objects| objects.contains(object));
        needed || (object.ends_with(".pack") && self.may_need(id))
    }

    fn need_any(&self, id: &str) -> bool {
        self.needed.contains_key(id) || self.may_need(id)
    }

    fn may_need(&self, id: &str) -> bool {
        self.unread.as_deref().is_some_and(|unread| id < unread)
    }
}

/// Which objects of a folder without a description may be deleted, in a good order: its list of what it is first,
/// then the packs that no kept snapshot needs. Pure.
fn unreferenced<'o>(id: &str, objects: &[&'o str], references: &References) -> Vec<&'o str> {
    let free = objects.iter().copied().filter(|object| !references.need(id, object));
    let (packs, others): (Vec<&str>, Vec<&str>) =
        free.partition(|object| object.ends_with(".pack"));
    others.into_iter().chain(packs).collect()
}

/// Corrects the plan of one repository: a folder without a description whose objects are needed is no leavings,
/// but for those that are not.
pub fn spare(
    lines: &mut [PlanLine],
    repository: usize,
    references: &References,
    there: &SetObjects,
) {
    let mine = lines.iter_mut().filter(|line| line.repository == repository && !line.verdict.keep);
    for line in mine.filter(|line| line.what == PlanSubject::Unfinished) {
        if references.need_any(&line.id) {
            let objects = there.get(&line.id).map_or(&[][..], Vec::as_slice);
            let free = objects.iter().filter(|object| !references.need(&line.id, object)).count();
            line.verdict = match free {
                0 => RetentionVerdict::keep(NEEDED),
                free => RetentionVerdict::delete(format!(
                    "no snapshot needs {free} of its {} objects",
                    objects.len()
                )),
            };
        }
    }
}

/// Deletes what the plan of one repository says, and what nobody needs any more in folders that were spared; may be cut
/// short anywhere.
pub fn carry_out(
    deleting: &mut Deleting<'_>,
    all: &str,
    lines: &[&PlanLine],
    keep: &KeepConfig,
    now: Timestamp,
) -> Result<()> {
    Pruning { repository: deleting.repository(), all, deleting, keep, now }.run(lines)
}

struct Pruning<'a, 'r> {
    repository: &'r Repository,
    all: &'a str,
    deleting: &'a mut Deleting<'r>,
    keep: &'a KeepConfig,
    now: Timestamp,
}

impl Pruning<'_, '_> {
    /// Descriptions first; then a second look; then packs.
    fn run(&mut self, lines: &[&PlanLine]) -> Result<()> {
        let mut candidates: BTreeSet<&str> = BTreeSet::new();
        for line in lines {
            let gone = match line.what {
                PlanSubject::Backup if !line.verdict.keep => self.forget(&line.id)?,
                PlanSubject::Unfinished => !line.verdict.keep || line.verdict.reason == NEEDED,
                PlanSubject::Backup | PlanSubject::Broken => false,
            };
            if gone {
                candidates.insert(&line.id);
            }
        }
        if candidates.is_empty() {
            return Ok(());
        }
        let listing = Listing::read(self.repository, self.all)?;
        let folders = listing.folders();
        let under_way = folders.iter().find(|(id, objects)| self.is_under_way(id, objects));
        if let Some((id, _)) = under_way {
            self.stays(&format!("packs of deleted snapshots stay: snapshot {id} is being taken"));
            return Ok(());
        }
        let references = match References::of_listing(self.repository, self.all, &listing, self.now)
        {
            Ok(references) => references,
            Err(error) => {
                self.stays(&format!("packs of deleted snapshots stay: {error}"));
                return Ok(());
            }
        };
        if let Some(unread) = &references.unread {
            self.stays(&format!("packs of deleted snapshots stay: {unread} can't be read"));
        }
        for id in candidates {
            let Some(objects) = folders.get(id) else { continue };
            if objects.contains(&DESCRIPTION) {
                continue;
            }
            for object in unreferenced(id, objects, &references) {
                let key = BackupFolder::below(self.all, id).key(object);
                self.deleting.object(&key, listing.size(id, object))?;
            }
        }
        Ok(())
    }

    /// Deletes the description, and then the sign that somebody takes it. False when it is still a backup.
    fn forget(&mut self, id: &str) -> Result<bool> {
        let folder = BackupFolder::below(self.all, id);
        let storage = self.repository.storage();
        if storage.head(&folder.key(PIN))?.is_some() {
            self.stays(&format!("{id} was pinned meanwhile"));
            return Ok(false);
        }
        for object in [DESCRIPTION, BEGUN] {
            let key = folder.key(object);
            let size = storage.head(&key)?.map_or(0, |stored| stored.size);
            if !self.deleting.object(&key, size)? && object == DESCRIPTION {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What somebody said to have begun, not longer ago than it may take.
    fn is_under_way(&self, id: &str, objects: &[&str]) -> bool {
        let begins = objects.contains(&BEGUN) && !objects.contains(&DESCRIPTION);
        begins && RetentionVerdict::of_leavings("begun", begun(id), None, self.keep, self.now).keep
    }

    fn stays(&mut self, what: &str) {
        let line = format!("{what} (repository {})", self.repository.name());
        self.deleting.stayed.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_backup::samples::{described, stored};

    fn needing(id: &str, object: &str) -> SnapshotDescription {
        described("new", stored("data-00009.pack", 1), (id, stored(object, 1)))
    }

    #[test]
    fn only_what_nobody_needs_is_unreferenced() {
        let objects = ["begun.json", "contents.jsonl.zst", "data-00001.pack", "data-00002.pack"];
        let kept = [needing("old", "data-00001.pack"), needing("older", "data-00002.pack")];
        let references = References::of(&kept);
        assert_eq!(
            unreferenced("old", &objects, &references),
            ["begun.json", "contents.jsonl.zst", "data-00002.pack"]
        );
        assert_eq!(unreferenced("older", &objects[2..], &references), ["data-00001.pack"]);
        let nobody = References::default();
        assert_eq!(
            unreferenced("old", &["data-00001.pack", "index.jsonl.zst"], &nobody),
            ["index.jsonl.zst", "data-00001.pack"]
        );
    }

    #[test]
    fn what_is_needed_is_no_leavings() {
        let line = |id: &str, what| PlanLine {
            repository: 0,
            id: id.into(),
            what,
            bytes: 0,
            verdict: RetentionVerdict::delete("old"),
        };
        let mut lines = [
            line("old", PlanSubject::Unfinished),
            line("other", PlanSubject::Unfinished),
            line("old", PlanSubject::Backup),
        ];
        let references = References::of(&[needing("old", "data-00001.pack")]);
        let mut there = SetObjects::from([("old".into(), vec!["data-00001.pack".into()])]);
        spare(&mut lines, 0, &references, &there);
        assert_eq!(lines.each_ref().map(|line| line.verdict.keep), [true, false, false]);
        lines[0].verdict = RetentionVerdict::delete("old");
        there.get_mut("old").unwrap().push("data-00002.pack".into());
        spare(&mut lines, 0, &references, &there);
        assert_eq!(
            lines[0].verdict,
            RetentionVerdict::delete("no snapshot needs 1 of its 2 objects")
        );
    }
}
