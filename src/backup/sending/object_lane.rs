//! The way of objects into one repository: the bytes of each come in order, and the object is made durable there.
//!
//! All kinds of backups store what is large by it. Small objects, such as the description, go by `create_once`.

use std::io::Read as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Sent;
use crate::backup::{BackupFolder, DESCRIPTION, DESCRIPTION_BYTES_MAX, StoredObject, hex};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::repository::Repository;
use crate::storage::{Created, Metadata, NewLargeObject};
use crate::threads::start_in;

/// What a repository is told to store, in order.
pub enum ObjectMessage<M> {
    /// An object of at most about `size_max` bytes begins. `sum`: nobody else sums its bytes.
    Begin { object: String, size_max: u64, sum: bool },
    /// More bytes of it.
    Bytes(Bytes),
    /// It is whole.
    End(ObjectEnd<M>),
    /// It is not to be.
    Abandon,
}

/// What an object is whose last byte has come.
#[derive(Clone)]
pub enum ObjectEnd<M> {
    /// Who made its bytes summed them, once for all repositories that store the same.
    Summed(Sent<M>),
    /// It was summed here. Its length before compression, in bytes.
    ToSum { size: u64, mark: M },
}

/// Where the objects go, and what is said of them.
pub struct ObjectLane<'a> {
    pub repository: &'a Repository,
    pub folder: &'a BackupFolder,
    /// What they are part of: a `backup`, a `snapshot`.
    pub what: &'static str,
    /// Where tests kill the process: an object was begun, and one is durable.
    pub failpoints: [&'static str; 2],
}

struct UnderWay<'a> {
    object: Box<dyn NewLargeObject + 'a>,
    name: String,
    hasher: Option<Sha256>,
    length: u64,
}

/// An object whose last bytes were written, and what it is.
type WrittenObject<'a, M> = (Box<dyn NewLargeObject + 'a>, Sent<M>);

/// The objects that are durable, and why the next one is not.
pub type FinishedObjects<M> = (Vec<Sent<M>>, Option<Error>);

impl<'a> ObjectLane<'a> {
    /// Stores what comes until there is no more, or one fails.
    ///
    /// To make an object durable takes a store as long as to take in many MiB (S3 puts its parts together then),
    /// so the next one is begun meanwhile. At most two are under way, each with the memory that it takes.
    pub fn store<M: Send>(&self, messages: Receiver<ObjectMessage<M>>) -> FinishedObjects<M> {
        let stored = thread::scope(|scope| -> Result<FinishedObjects<M>> {
            let (whole, ends) = sync_channel::<WrittenObject<'_, M>>(0);
            let finishing = start_in(scope, move || self.finish_all(ends))?;
            let written = self.write_all(messages, &whole);
            drop(whole);
            let (stored, failed) =
                finishing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // That one could not be finished is why the rest was not written.
            Ok((stored, failed.or(written.err())))
        });
        stored.unwrap_or_else(|error| (Vec::new(), Some(error)))
    }

    fn finish_all<M>(&self, ends: Receiver<WrittenObject<'_, M>>) -> FinishedObjects<M> {
        let mut stored = Vec::new();
        for (object, sent) in ends {
            match object.finish(Bytes::new()) {
                Ok(Created::New) => {}
                Ok(Created::Taken) => {
                    return (stored, Some(taken(self.what, &sent.stored.object)));
                }
                Err(error) => return (stored, Some(error)),
            }
            failpoint::reach(self.failpoints[1]);
            stored.push(sent);
        }
        (stored, None)
    }

    fn write_all<M>(
        &self,
        messages: Receiver<ObjectMessage<M>>,
        whole: &SyncSender<WrittenObject<'a, M>>,
    ) -> Result<()> {
        let mut under_way: Option<UnderWay<'a>> = None;
        for message in messages {
            match message {
                ObjectMessage::Begin { object: name, size_max, sum } => {
                    let (key, storage) = (self.folder.key(&name), self.repository.storage());
                    let object = storage.begin_large(&key, 0, size_max, &Metadata::new())?;
                    failpoint::reach(self.failpoints[0]);
                    let hasher = sum.then(Sha256::new);
                    under_way = Some(UnderWay { object, name, hasher, length: 0 });
                }
                ObjectMessage::Bytes(bytes) => {
                    if let Some(it) = &mut under_way {
                        if let Some(hasher) = &mut it.hasher {
                            hasher.update(&bytes);
                        }
                        it.length += bytes.len() as u64;
                        it.object.write(bytes)?;
                    }
                }
                ObjectMessage::End(end) => {
                    let Some(it) = under_way.take() else { continue };
                    // Who finishes them has failed, and says so himself.
                    if whole.send(it.ended(end)).is_err() {
                        break;
                    }
                }
                ObjectMessage::Abandon => under_way = None,
            }
        }
        Ok(())
    }
}

impl<'a> UnderWay<'a> {
    fn ended<M>(self, end: ObjectEnd<M>) -> WrittenObject<'a, M> {
        let sent = match end {
            ObjectEnd::Summed(sent) => sent,
            ObjectEnd::ToSum { size, mark } => {
                let (object, stored_size) = (self.name, self.length);
                let sha256 = hex(self.hasher.unwrap_or_default());
                Sent { stored: StoredObject { object, size, stored_size, sha256 }, mark }
            }
        };
        (self.object, sent)
    }
}

/// Creates a small object of a backup. One that is there already is ours when it has the very same
/// bytes: the answer of a bucket may have got lost.
pub fn create_once(
    repository: &Repository,
    folder: &BackupFolder,
    object: &str,
    content: Bytes,
) -> Result<()> {
    let (storage, key) = (repository.storage(), folder.key(object));
    if object == DESCRIPTION && content.len() as u64 > DESCRIPTION_BYTES_MAX {
        let found = content.len();
        let message = format!(
            "expected {object} to have at most {DESCRIPTION_BYTES_MAX} bytes, found {found}"
        );
        return Err(Error::new(Class::Refused, message));
    }
    if storage.create(&key, content.clone(), &Metadata::new())? == Created::New {
        return Ok(());
    }
    let mut there = Vec::new();
    if let Some(mut reader) = storage.open(&key, Some(content.len() as u64 + 1))? {
        reader.read_to_end(&mut there).map_err(|error| read_failed(&error))?;
    }
    if there == content { Ok(()) } else { Err(taken("backup", object)) }
}

/// An id is used once; whoever else had the same in this second was first.
pub fn taken(what: &str, object: &str) -> Error {
    let message = format!("object {object} already exists");
    Error::new(Class::Conflict, message)
        .hint(format!("Another host began a {what} in the same second; try again."))
}
