//! The way of packs into one repository. The pack that is being filled ([`PackLane`]): members are laid one behind the
//! other, and [`PackedContents`] notes where each begins. And the thread that stores packs ([`store`]), told by messages.
//! They wait in a short queue, so a slow store holds up the reading of files and does not fill the memory.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::contents::{ContentPlace, Holder, PackedContents};
use super::{PACK_BYTES, pack_name};
use crate::backup::{BackupFolder, StoredObject, hex};
use crate::codec::Digest;
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::repository::Repository;
use crate::storage::{Created, Metadata, NewLargeObject};
use crate::threads::start_in;

/// Members of a pack are handed over together once they have so many bytes.
const HANDED_OVER_BYTES: usize = 1 << 20;

/// The contents of one repository, and the object that is being filled.
pub(crate) struct PackLane {
    snapshot: String,
    pub encrypted: bool,
    /// `None` once the repository has failed, or all is handed over.
    sender: Option<SyncSender<PackMessage>>,
    pub contents: PackedContents,
    open: Option<Open>,
    begun: u32,
    waiting: Vec<u8>,
}

struct Open {
    number: u32,
    /// Bytes so far, stored and plain.
    length: u64,
    size: u64,
}

impl PackLane {
    pub(crate) fn new(
        snapshot: &str,
        encrypted: bool,
        contents: PackedContents,
        sender: SyncSender<PackMessage>,
    ) -> Self {
        Self {
            snapshot: snapshot.to_owned(),
            encrypted,
            sender: Some(sender),
            contents,
            open: None,
            begun: 0,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.sender.is_some()
    }

    fn tell(&mut self, message: PackMessage) {
        // One that is gone has failed, and says so itself.
        self.sender = self.sender.take().filter(|sender| sender.send(message).is_ok());
    }

    /// Where the next member begins.
    pub(crate) fn begin(&mut self, size_max: u64) -> (u32, u64) {
        if let Some(open) = &self.open {
            return (open.number, open.length);
        }
        self.begun += 1;
        let object = pack_name(self.begun);
        let number = self
            .contents
            .number(Holder { snapshot: self.snapshot.clone(), object: object.clone() });
        self.open = Some(Open { number, length: 0, size: 0 });
        self.tell(PackMessage::Begin { object, size_max });
        (number, 0)
    }

    pub(crate) fn give(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if let Some(open) = &mut self.open {
            open.length += bytes.len() as u64;
        }
        if self.waiting.len() >= HANDED_OVER_BYTES {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if !self.waiting.is_empty() {
            let bytes = Bytes::from(std::mem::take(&mut self.waiting));
            self.tell(PackMessage::Bytes(bytes));
        }
    }

    pub(crate) fn add(&mut self, digest: Digest, (object, offset): (u32, u64), size: u64) {
        let Some(open) = &mut self.open else { return };
        open.size = open.size.saturating_add(size);
        let stored_size = open.length - offset;
        self.contents.add(digest, ContentPlace { object, offset, stored_size, size, used: 1 });
        if open.length >= PACK_BYTES {
            self.end();
        }
    }

    /// Ends the object under way.
    pub(crate) fn end(&mut self) {
        self.hand_over();
        if let Some(open) = self.open.take() {
            self.tell(PackMessage::End { size: open.size });
        }
    }

    pub(crate) fn abandon(&mut self) {
        self.waiting.clear();
        self.open = None;
        self.tell(PackMessage::Abandon);
    }

    /// Nothing more comes.
    pub(crate) fn close(&mut self) {
        self.end();
        self.sender = None;
    }
}

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
