//! The pack of one repository that is being filled: members are laid one behind the other, and `PackedContents` notes where
//! each begins. The bytes go to the thread in `lane` as messages.

use std::sync::mpsc::SyncSender;

use bytes::Bytes;

use super::contents::{ContentPlace, Holder, PackedContents};
use super::lane::PackMessage;
use super::{PACK_BYTES, pack_name};
use crate::codec::Digest;

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
