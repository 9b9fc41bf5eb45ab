use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

use super::Described;
use crate::backup::{BackupFolder, DESCRIPTION, PIN};
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
        let mut hasher = DefaultHasher::new();
        (object, size).hash(&mut hasher);
        self.objects += 1;
        self.size += size;
        self.hashes = self.hashes.wrapping_add(hasher.finish());
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

/// Whether an object is of the backup's content, and not of what is said about it.
pub fn is_content(object: &str) -> bool {
    object != DESCRIPTION && object != PIN
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
        let faults = faults(&description, &objects);
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

fn faults(description: &impl Described, objects: &BTreeMap<String, u64>) -> Vec<String> {
    let fault = |(object, size): (&str, u64)| match objects.get(object) {
        None => Some(format!("{object} is missing")),
        Some(found) if *found != size => {
            Some(format!("expected {object} with {size} bytes, found {found}"))
        }
        Some(_) => None,
    };
    description.objects().map(|it| (it.object.as_str(), it.stored_size)).filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::StoredObject;

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
            assert_eq!(faults(&description(), &objects(sizes)), expected);
        }
    }

    #[test]
    fn a_foreign_object_is_no_fault() {
        let mut all = objects(&[("part-00001.tar.zst", 50), ("part-00002.tar.zst", 100)]);
        all.extend(objects(&[("backup_manifest.zst", 25), ("notes.txt", 3)]));
        assert_eq!(faults(&description(), &all), [""; 0]);
    }
}
