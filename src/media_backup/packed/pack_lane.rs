//! The way of packs into one repository. The pack that is being filled ([`PackLane`]): members are laid one behind the
//! other, and [`PackedContents`] notes where each begins. And the thread that stores packs ([`store`]), told by messages,
//! as for all kinds of backups ([`ObjectLane`]).
//! They wait in a short queue, so a slow store holds up the reading of files and does not fill the memory.

use std::sync::mpsc::{Receiver, SyncSender};

use bytes::Bytes;

use super::contents::{ContentPlace, Holder, PackedContents};
use super::{PACK_BYTES, pack_name};
use crate::backup::{BackupFolder, ObjectEnd, ObjectLane, ObjectMessage, StoredObject};
use crate::codec::Digest;
use crate::error::{Error, Result};
use crate::repository::Repository;

/// Members of a pack are handed over together once they have so many bytes.
const HANDED_OVER_BYTES: usize = 1 << 20;

/// The contents of one repository, and the object that is being filled.
pub(crate) struct PackLane {
    snapshot: String,
    pub encrypted: bool,
    /// `None` once the repository has failed, or all is handed over.
    sender: Option<SyncSender<ObjectMessage<()>>>,
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
        sender: SyncSender<ObjectMessage<()>>,
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

    fn tell(&mut self, message: ObjectMessage<()>) {
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
        self.tell(ObjectMessage::Begin { object, size_max, sum: true });
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
            self.tell(ObjectMessage::Bytes(bytes));
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
            self.tell(ObjectMessage::End(ObjectEnd::ToSum { size: open.size, mark: () }));
        }
    }

    pub(crate) fn abandon(&mut self) {
        self.waiting.clear();
        self.open = None;
        self.tell(ObjectMessage::Abandon);
    }

    /// Nothing more comes.
    pub(crate) fn close(&mut self) {
        self.end();
        self.sender = None;
    }
}

/// Stores what comes until there is no more; returns what is durable.
pub(crate) fn store(
    repository: &Repository,
    folder: &BackupFolder,
    messages: Receiver<ObjectMessage<()>>,
) -> Result<Vec<StoredObject>> {
    let failpoints = ["packed.pack-begun", "packed.pack-stored"];
    let lane = ObjectLane { repository, folder, what: "snapshot", failpoints };
    match lane.store(messages) {
        (stored, None) => Ok(stored.into_iter().map(|sent| sent.stored).collect()),
        (_, Some(error)) => Err(not_stored(repository, error)),
    }
}

/// The same words for every trouble with one repository.
pub(crate) fn not_stored(repository: &Repository, error: Error) -> Error {
    error.while_doing(format!("could not store the snapshot in repository {}", repository.name()))
}
