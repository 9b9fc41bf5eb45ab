//! The thread that stores the packs of one repository, told by messages from `filling`. Messages wait in a short queue,
//! so a slow store holds up the reading of files and does not fill the memory.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::backup::{BackupFolder, StoredObject, hex};
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::repository::Repository;
use crate::storage::{Created, Metadata, NewLargeObject};
use crate::threads::start_in;

/// What a repository is told to store, in order.
pub(crate) enum PackMessage {
    /// An object of at most about so many bytes begins.
    Begin { object: String, size_max: u64 },
    /// More bytes of it.
    Bytes(Bytes),
    /// It is whole; its plain length.
    End { size: u64 },
    /// It is not to be.
    Abandon,
}

struct UnderWay<'a> {
    object: Box<dyn NewLargeObject + 'a>,
    name: String,
    hasher: Sha256,
    length: u64,
}

/// An object whose last bytes were written, and what it is.
type WrittenPack<'a> = (Box<dyn NewLargeObject + 'a>, StoredObject);

/// Stores what comes until there is no more; returns what is durable. While one object is made durable the
/// next is begun, as in [`crate::backup::Sending`]; at most two are under way.
pub(crate) fn store(
    repository: &Repository,
    folder: &BackupFolder,
    messages: Receiver<PackMessage>,
) -> Result<Vec<StoredObject>> {
    let stored = thread::scope(|scope| {
        let (whole, ends) = sync_channel::<WrittenPack<'_>>(0);
        let finishing = start_in(scope, move || ends.into_iter().map(finish).collect())?;
        let written = write_all(repository, folder, messages, &whole);
        drop(whole);
        let finished: Result<Vec<StoredObject>> =
            finishing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // That one could not be finished is why the rest was not written.
        finished.and_then(|all| written.map(|()| all))
    });
    stored.map_err(|error| not_stored(repository, error))
}

/// The same words for every trouble with one repository.
pub(crate) fn not_stored(repository: &Repository, error: Error) -> Error {
    error.while_doing(format!("could not store the snapshot in repository {}", repository.name()))
}

fn write_all<'a>(
    repository: &'a Repository,
    folder: &BackupFolder,
    messages: Receiver<PackMessage>,
    whole: &SyncSender<WrittenPack<'a>>,
) -> Result<()> {
    let mut under_way: Option<UnderWay<'a>> = None;
    for message in messages {
        match message {
            PackMessage::Begin { object: name, size_max } => {
                let (key, storage) = (folder.key(&name), repository.storage());
                let object = storage.begin_large(&key, 0, size_max, &Metadata::new())?;
                reach("packed.pack-begun");
                under_way = Some(UnderWay { object, name, hasher: Sha256::new(), length: 0 });
            }
            PackMessage::Bytes(bytes) => {
                if let Some(it) = &mut under_way {
                    it.hasher.update(&bytes);
                    it.length += bytes.len() as u64;
                    it.object.write(bytes)?;
                }
            }
            PackMessage::End { size } => {
                let Some(it) = under_way.take() else { continue };
                let (object, stored_size, sha256) = (it.name, it.length, hex(it.hasher));
                let stored = StoredObject { object, size, stored_size, sha256 };
                // Who finishes them has failed, and says so himself.
                if whole.send((it.object, stored)).is_err() {
                    break;
                }
            }
            PackMessage::Abandon => under_way = None,
        }
    }
    Ok(())
}

fn finish((object, stored): WrittenPack<'_>) -> Result<StoredObject> {
    if object.finish(Bytes::new())? == Created::Taken {
        return Err(taken(&stored.object));
    }
    reach("packed.pack-stored");
    Ok(stored)
}

/// An id is used once.
pub(crate) fn taken(object: &str) -> Error {
    let message = format!("object {object} already exists");
    Error::new(Class::Conflict, message)
        .hint("Another host began a snapshot in the same second; try again.")
}
