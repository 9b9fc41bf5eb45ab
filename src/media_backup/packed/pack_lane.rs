//! The way of packs into one repository. Their members: the content of one file as a zstd stream of its own, and an age file
//! around that where the repository encrypts, so each can be read alone, by hand too. The pack that is being filled ([`PackLane`]): members are laid one behind the
//! other, and [`PackedContents`] notes where each begins. And the thread that stores packs ([`store`]), told by messages,
//! as for all kinds of backups ([`ObjectLane`]).
//! They wait in a short queue, so a slow store holds up the reading of files and does not fill the memory.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender};

use bytes::Bytes;

use super::super::source_file::{FilePiece, SourceFile};
use super::contents::{ContentPlace, Holder, PackedContents};
use super::{PACK_BYTES, pack_name};
use crate::backup::{BackupFolder, ObjectEnd, ObjectLane, ObjectMessage, StoredObject};
use crate::codec::{Digest, Recipients};
use crate::error::{Class, Error, Result};
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

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// What one thread makes members of packs with; its buffers are used again.
pub(crate) struct Maker {
    level: i32,
    compressor: Option<zstd::bulk::Compressor<'static>>,
    plain: Vec<u8>,
    frame: Vec<u8>,
}

impl Maker {
    pub(crate) fn new(level: i32) -> Self {
        Self { level, compressor: None, plain: Vec::new(), frame: Vec::new() }
    }

    /// Reads a short file into memory.
    pub(crate) fn read(&mut self, source: &mut SourceFile) -> Result<Digest> {
        self.plain.clear();
        source.read(&mut |piece| {
            each_piece(&piece, &mut |bytes| {
                self.plain.extend_from_slice(bytes);
                Ok(())
            })
        })
    }

    /// What was read, as a zstd stream of its own.
    pub(crate) fn compress(&mut self) -> Result<&[u8]> {
        let compressor = match self.compressor.take() {
            Some(compressor) => Ok(compressor),
            None => zstd::bulk::Compressor::new(self.level).and_then(|mut compressor| {
                // So that `zstd -t` alone notices damage.
                compressor.include_checksum(true).map(|()| compressor)
            }),
        };
        let mut compressor = compressor.map_err(|error| not_made(&error))?;
        self.frame.clear();
        self.frame.reserve(zstd::zstd_safe::compress_bound(self.plain.len()));
        let compressed = compressor.compress_to_buffer(&self.plain, &mut self.frame);
        compressed.map_err(|error| not_made(&error))?;
        self.compressor = Some(compressor);
        Ok(&self.frame)
    }
}

/// An age file around it.
pub(crate) fn encrypt(member: &[u8], recipients: &Recipients) -> Result<Vec<u8>> {
    let mut writer = recipients.wrap(Vec::with_capacity(member.len() + 1024))?;
    writer.write_all(member).map_err(|error| not_made(&error))?;
    writer.finish().map_err(|error| not_made(&error))
}

/// The bytes of a piece; a hole is zeros.
pub(crate) fn each_piece(
    piece: &FilePiece<'_>,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    match piece {
        FilePiece::Data(_, bytes) => take(bytes),
        FilePiece::Hole(length) => {
            let mut left = *length;
            while left > 0 {
                let now = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
                take(&ZEROS[..now])?;
                left -= now as u64;
            }
            Ok(())
        }
    }
}

pub(crate) fn not_made(error: &io::Error) -> Error {
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    ours.cloned().unwrap_or_else(|| {
        Error::new(Class::Internal, format!("could not make an object of the snapshot: {error}"))
    })
}
