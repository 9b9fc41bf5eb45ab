use std::sync::mpsc;

use bytes::Bytes;

use crate::base_backup::Part;
use crate::base_backup::layout::BackupFolder;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::repository::Repository;
use crate::storage::{Created, Facts, NewLargeObject};

/// A part is ended before the next file once it has its size, at most 1 GiB; a file has at most that much
/// as PostgreSQL is built by default, and other segment sizes are rare.
const PART_BYTES_MAX: u64 = 4 << 30;

/// What a repository is told to store, in order.
pub enum Message {
    /// More bytes of the object under way.
    Bytes(Bytes),
    /// The object is whole, and this is what it is.
    End(Part),
}

/// Stores what comes until there is no more. The parts that are durable are returned.
pub fn store(
    repository: &Repository,
    folder: &BackupFolder,
    messages: mpsc::Receiver<Message>,
    name: impl Fn(usize) -> String,
) -> Result<Vec<Part>> {
    let said = |error: Error| {
        error.while_doing(format!("could not store the backup in repository {}", repository.name()))
    };
    let mut parts = Vec::new();
    let mut under_way: Option<Box<dyn NewLargeObject + '_>> = None;
    for message in messages {
        match message {
            Message::Bytes(bytes) => {
                let mut object = match under_way.take() {
                    Some(object) => object,
                    None => {
                        let key = folder.key(&name(parts.len() + 1));
                        let storage = repository.storage();
                        let object = storage.begin_large(&key, 0, PART_BYTES_MAX, &Facts::new());
                        let object = object.map_err(said)?;
                        failpoint::reach("create.part-begun");
                        object
                    }
                };
                object.write(bytes).map_err(said)?;
                under_way = Some(object);
            }
            Message::End(part) => {
                if let Some(object) = under_way.take() {
                    let created = object.finish(Bytes::new()).map_err(said)?;
                    if created == Created::Taken {
                        return Err(said(taken(&part.stored.object)));
                    }
                    failpoint::reach("create.part-stored");
                }
                parts.push(part);
            }
        }
    }
    Ok(parts)
}

/// An id is used once; whoever else had the same in this second was first.
pub fn taken(object: &str) -> Error {
    let message = format!("expected no object {object} yet, found one");
    Error::new(Class::Conflict, message)
        .hint("Another host began a backup in the same second; try again.")
}
