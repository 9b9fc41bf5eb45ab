//! How a backup begins to exist in a repository, and how it never was.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bytes::Bytes;

use super::{BackupFolder, DESCRIPTION, StoredObject, create_once};
use crate::error::{Class, Error, Result};
use crate::repository::Repository;
use crate::words::count;

/// Stores the description: with it the backup exists. All objects of the backup must be there before the description is
/// written, and once more after it. A `prune` may have taken them for leavings meanwhile; it looks for the description
/// before it deletes an object. So at least one of the two notices the other. On failure the objects are deleted.
pub fn make_exist<'o>(
    repository: &Repository,
    folder: &BackupFolder,
    objects: impl IntoIterator<Item = &'o StoredObject>,
    description: Bytes,
) -> Result<()> {
    let objects: Vec<&StoredObject> = objects.into_iter().collect();
    let names: Vec<&str> = objects.iter().map(|object| object.object.as_str()).collect();
    let taken_back = |_: &Error| withdraw(repository, folder, &names);
    look(repository, folder, &objects).inspect_err(taken_back)?;
    let created = create_once(repository, folder, DESCRIPTION, description);
    // It may be there for all that: the objects stay.
    created.inspect_err(|error| stays(repository, folder, names.len(), error))?;
    match look(repository, folder, &objects) {
        Err(error) if error.class() == Class::Conflict => {
            let key = folder.key(DESCRIPTION);
            match repository.storage().delete(&key) {
                Ok(()) => Err(error).inspect_err(taken_back),
                Err(why) => {
                    Err(error.while_doing(format!("{key} stays, although nothing needs it: {why}")))
                }
            }
        }
        // It was whole a moment ago, and it exists now.
        _ => Ok(()),
    }
}

fn look(repository: &Repository, folder: &BackupFolder, objects: &[&StoredObject]) -> Result<()> {
    let there = listed(repository, folder)?;
    for object in objects {
        if there.get(&object.object) != Some(&object.stored_size) {
            let message = format!(
                "expected {} with {} bytes, but it was deleted or changed meanwhile",
                folder.key(&object.object),
                object.stored_size
            );
            return Err(Error::new(Class::Conflict, message).hint(
                "Did a prune delete it as an unfinished backup? Set keep_unfinished longer than a backup takes, and take the backup again.",
            ));
        }
    }
    Ok(())
}

fn listed(repository: &Repository, folder: &BackupFolder) -> Result<BTreeMap<String, u64>> {
    let (prefix, mut there) = (folder.key(""), BTreeMap::new());
    repository.storage().list(&prefix, "", &mut |listed| {
        let object = listed.key.strip_prefix(&prefix).unwrap_or_default();
        there.insert(object.to_owned(), listed.size);
        ControlFlow::Continue(())
    })?;
    Ok(there)
}

/// Deletes what was stored of a backup that did not come to its end: these objects, and nobody refers to them. What
/// stays, because this credential may not delete or the repository does not answer, is said.
pub fn withdraw(repository: &Repository, folder: &BackupFolder, objects: &[&str]) {
    for (done, object) in objects.iter().enumerate() {
        if let Err(why) = repository.storage().delete(&folder.key(object)) {
            return stays(repository, folder, objects.len() - done, &why);
        }
    }
}

fn stays(repository: &Repository, folder: &BackupFolder, objects: usize, why: &Error) {
    let (name, place) = (repository.name(), folder.key(""));
    let objects = count(objects as u64, "object");
    tracing::warn!(
        "left over of this backup in repository {name}, below {place}: {objects}, until a prune deletes what is older \
         than keep_unfinished: {why}"
    );
}
