//! What lies in the folder of a backup, compared with what its description names: names and lengths, never content.
//!
//! While a repository is listed, each backup is a tally of a few bytes. Only where the tally, or an object that backups
//! share, does not fit the description is the folder listed once more, and each fault named.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use super::Described;
use crate::backup::{BackupFolder, DAMAGED, DESCRIPTION, PIN, StoredObject};
use crate::error::Result;
use crate::repository::Repository;

/// Names and sizes of the objects of a backup in a few bytes, whatever their number. Equal means equal
/// for all that chance can do; verifying a backup is another matter, that reads them.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub objects: u64,
    /// In bytes.
    pub size: u64,
    /// The sum of their hashes, so their order is of no importance.
    hashes: u64,
}

impl Tally {
    pub fn add(&mut self, object: &str, size: u64) {
        self.objects += 1;
        self.size += size;
        self.hashes = self.hashes.wrapping_add(hash((object, size)));
    }

    /// Whether these are the very objects that the description names.
    pub fn is_of(&self, description: &impl Described) -> bool {
        let mut expected = Self::default();
        for (object, size) in description.objects().map(|it| (it.object.as_str(), it.stored_size)) {
            expected.add(object, size);
        }
        (self.objects, self.hashes) == (expected.objects, expected.hashes)
    }
}

/// Ids, names and sizes of the objects of all backups of a kind whose backups share objects: 8 bytes for each.
#[derive(Debug, Default)]
pub struct KnownObjects(HashSet<u64>);

impl KnownObjects {
    pub fn add(&mut self, id: &str, object: &str, size: u64) {
        self.0.insert(hash((id, object, size)));
    }

    /// Whether all is there that it shares with others.
    pub fn has_all_of(&self, description: &impl Described) -> bool {
        let known = |(id, it): (&str, &StoredObject)| {
            self.0.contains(&hash((id, it.object.as_str(), it.stored_size)))
        };
        description.shared().all(known)
    }
}

fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Whether an object is of the backup's content, and not of what is said about it.
pub fn is_content(object: &str) -> bool {
    object != DESCRIPTION && object != PIN && !object.starts_with(DAMAGED)
}

/// A backup in one repository, looked at in full.
#[derive(Debug)]
pub struct Contents<D> {
    pub description: D,
    /// What is there, with its length in bytes.
    pub objects: BTreeMap<String, u64>,
    /// What is wrong with them, going by their names and sizes.
    pub faults: Vec<String>,
}

impl<D: Described> Contents<D> {
    pub fn look(repository: &Repository, folder: &BackupFolder, description: D) -> Result<Self> {
        let objects = objects(repository, folder)?;
        let mut faults = faults("", description.objects(), &objects);
        faults.extend(faults_of_shared(repository, folder, &description)?);
        Ok(Self { description, objects, faults })
    }
}

fn objects(repository: &Repository, folder: &BackupFolder) -> Result<BTreeMap<String, u64>> {
    let (prefix, mut objects) = (folder.key(""), BTreeMap::new());
    let listed = repository.storage().list(&prefix, "", &mut |listed| {
        let object = listed.key.strip_prefix(&prefix).unwrap_or_default();
        objects.insert(object.to_owned(), listed.size);
        ControlFlow::Continue(())
    });
    listed.map_err(|error| {
        error.while_doing(format!("could not list repository {}", repository.name()))
    })?;
    Ok(objects)
}

/// What it needs of others, looked at folder by folder.
fn faults_of_shared(
    repository: &Repository,
    folder: &BackupFolder,
    description: &impl Described,
) -> Result<Vec<String>> {
    let mut shared: BTreeMap<&str, Vec<&StoredObject>> = BTreeMap::new();
    for (id, object) in description.shared() {
        shared.entry(id).or_default().push(object);
    }
    let mut all = Vec::new();
    for (id, expected) in shared {
        let objects = objects(repository, &folder.beside(id))?;
        all.extend(faults(&format!("{id}/"), expected.into_iter(), &objects));
    }
    Ok(all)
}

/// `place` is said before each name.
fn faults<'a>(
    place: &str,
    expected: impl Iterator<Item = &'a StoredObject>,
    objects: &BTreeMap<String, u64>,
) -> Vec<String> {
    let fault = |it: &StoredObject| {
        let (object, size) = (&it.object, it.stored_size);
        match objects.get(object) {
            None => Some(format!("{place}{object} is missing")),
            Some(found) if *found != size => {
                Some(format!("expected {place}{object} with {size} bytes, found {found}"))
            }
            Some(_) => None,
        }
    };
    expected.filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Three(Vec<StoredObject>);

    impl Described for Three {
        const WHAT: &'static str = "backup";
        const FORMAT: u32 = 1;

        fn objects(&self) -> impl Iterator<Item = &StoredObject> {
            self.0.iter()
        }

        fn encrypted(&self) -> bool {
            false
        }
    }

    fn description() -> Three {
        let sizes =
            [("part-00001.tar.zst", 50), ("part-00002.tar.zst", 100), ("backup_manifest.zst", 25)];
        let object = |(object, size): (&str, u64)| StoredObject {
            object: object.to_owned(),
            size: 0,
            stored_size: size,
            sha256: String::new(),
        };
        Three(sizes.map(object).into())
    }

    fn objects(sizes: &[(&str, u64)]) -> BTreeMap<String, u64> {
        sizes.iter().map(|(object, size)| ((*object).to_owned(), *size)).collect()
    }

    #[test]
    fn missing_cut_and_swapped_objects_are_noticed() {
        const ONE: &str = "part-00001.tar.zst";
        const TWO: &str = "part-00002.tar.zst";
        const MANIFEST: &str = "backup_manifest.zst";
        for (sizes, expected) in [
            (&[(MANIFEST, 25), (TWO, 100), (ONE, 50)][..], &[][..]),
            (&[(ONE, 50), (TWO, 100)], &["backup_manifest.zst is missing"]),
            (
                &[(ONE, 100), (TWO, 50), (MANIFEST, 25)],
                &[
                    "expected part-00001.tar.zst with 50 bytes, found 100",
                    "expected part-00002.tar.zst with 100 bytes, found 50",
                ],
            ),
        ] {
            let mut tally = Tally::default();
            sizes.iter().for_each(|(object, size)| tally.add(object, *size));
            assert_eq!(tally.is_of(&description()), expected.is_empty(), "{sizes:?}");
            assert_eq!(faults("", description().objects(), &objects(sizes)), expected);
        }
    }

    #[test]
    fn a_foreign_object_is_no_fault() {
        let mut all = objects(&[("part-00001.tar.zst", 50), ("part-00002.tar.zst", 100)]);
        all.extend(objects(&[("backup_manifest.zst", 25), ("notes.txt", 3)]));
        assert_eq!(faults("", description().objects(), &all), [""; 0]);
    }
}
