//! One repository while a backup is sent: takes the bytes of each object in order, and makes the object durable there.
//!
//! A repository that fails is alone with that: what it stored is withdrawn, and the backup goes on in the others. Small
//! objects, such as the description, go by `create_once`.

use std::io::Read as _;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;

use super::{BackupFolder, Sending, Sent};
use crate::backup::{DESCRIPTION, DESCRIPTION_BYTES_MAX, withdraw};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::repository::Repository;
use crate::storage::{Created, Metadata, NewLargeObject};
use crate::threads::start_in;

/// What a repository is told to store, in order.
pub enum Message<M> {
    /// More bytes of the object under way.
    Bytes(Bytes),
    /// The object is whole, and this is what it is.
    End(Sent<M>),
}

/// An object whose last bytes were written, and what it is.
type WrittenObject<'a, M> = (Box<dyn NewLargeObject + 'a>, Sent<M>);

/// Stores what comes until there is no more. The objects that are durable are returned; when one fails they go again.
///
/// To make an object durable takes a store as long as to take in many MiB (S3 puts its parts together then),
/// so the next one is begun meanwhile. At most two are under way, each with the memory that it takes.
pub fn store<M: Send>(
    sending: &Sending<'_>,
    repository: &Repository,
    messages: mpsc::Receiver<Message<M>>,
) -> Result<Vec<Sent<M>>> {
    let (stored, error) = thread::scope(|scope| -> Result<FinishedObjects<M>> {
        let (whole, ends) = mpsc::sync_channel::<WrittenObject<'_, M>>(0);
        sending.known.check(repository, sending.folder.all())?;
        let finishing = start_in(scope, move || finish_all(ends))?;
        let written = write_all(sending, repository, messages, &whole);
        drop(whole);
        let (stored, failed) =
            finishing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // That one could not be finished is why the rest was not written.
        Ok((stored, failed.or(written.err())))
    })
    .unwrap_or_else(|error| (Vec::new(), Some(error)));
    let Some(error) = error else { return Ok(stored) };
    let objects: Vec<&str> = stored.iter().map(|sent| sent.stored.object.as_str()).collect();
    withdraw(repository, sending.folder, &objects);
    let name = repository.name();
    Err(error.while_doing(format!("could not store the backup in repository {name}")))
}

/// The objects that are durable, and why the next one is not.
type FinishedObjects<M> = (Vec<Sent<M>>, Option<Error>);

fn finish_all<M>(ends: mpsc::Receiver<WrittenObject<'_, M>>) -> FinishedObjects<M> {
    let mut stored = Vec::new();
    for whole in ends {
        match finish(whole) {
            Ok(sent) => stored.push(sent),
            Err(error) => return (stored, Some(error)),
        }
    }
    (stored, None)
}

fn write_all<'a, M>(
    sending: &Sending<'_>,
    repository: &'a Repository,
    messages: mpsc::Receiver<Message<M>>,
    whole: &mpsc::SyncSender<WrittenObject<'a, M>>,
) -> Result<()> {
    let mut under_way: Option<Box<dyn NewLargeObject + 'a>> = None;
    let mut begun = 0;
    for message in messages {
        match message {
            Message::Bytes(bytes) => {
                let mut object = match under_way.take() {
                    Some(object) => object,
                    None => {
                        begun += 1;
                        let name = (sending.name)(begun, repository.encrypts());
                        let (key, storage) = (sending.folder.key(&name), repository.storage());
                        let object =
                            storage.begin_large(&key, 0, sending.size_max, &Metadata::new());
                        let object = object?;
                        failpoint::reach("create.part-begun");
                        object
                    }
                };
                object.write(bytes)?;
                under_way = Some(object);
            }
            Message::End(sent) => {
                let ended = under_way.take().map(|object| whole.send((object, sent)));
                // Who finishes them has failed, and says so himself.
                if ended.is_some_and(|ended| ended.is_err()) {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn finish<M>((object, sent): WrittenObject<'_, M>) -> Result<Sent<M>> {
    if object.finish(Bytes::new())? == Created::Taken {
        return Err(taken(&sent.stored.object));
    }
    failpoint::reach("create.part-stored");
    Ok(sent)
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
    if there == content { Ok(()) } else { Err(taken(object)) }
}

/// An id is used once; whoever else had the same in this second was first.
fn taken(object: &str) -> Error {
    let message = format!("object {object} already exists");
    Error::new(Class::Conflict, message)
        .hint("Another host began a backup in the same second; try again.")
}
