//! One compressed file on its way into several repositories: who compresses it hands each frame to all of them at
//! once, and none waits for another.

use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;

use crate::codec::{Encoded, Label, Recipients, encrypt};
use crate::error::{Class, Error, Result};
use crate::postgres::WalFileName;
use crate::progress;
use crate::threads::lock;

/// A compressed file, one for all repositories.
pub(super) struct Prepared {
    pub label: Label,
    /// Length in bytes of the object in the clear.
    pub length: u64,
    /// The zstd frames, where a repository wants them encrypted.
    frames: Vec<Bytes>,
    encrypted: Mutex<Option<Bytes>>,
}

impl Prepared {
    /// All repositories have the same recipients, so the first one encrypts for all.
    pub(super) fn encrypted(&self, recipients: &Recipients) -> Result<Bytes> {
        let mut encrypted = lock(&self.encrypted);
        if let Some(bytes) = &*encrypted {
            return Ok(bytes.clone());
        }
        let bytes = Bytes::from(encrypt(&self.label, &self.frames, recipients)?);
        *encrypted = Some(bytes.clone());
        Ok(bytes)
    }

    /// Whether the label is of the same content.
    pub(super) fn is(&self, label: &Label) -> bool {
        (label.size, label.digest) == (self.label.size, self.label.digest)
    }

    /// Whether an object of so many bytes may be the same, compressed alike. Encryption adds a header
    /// whose length varies.
    pub(super) fn could_be(&self, size: u64, encrypted: bool) -> bool {
        if encrypted { size > self.length } else { size == self.length }
    }
}

/// The end at which a file is compressed: what it makes goes to every repository at once.
pub struct FrameFanout {
    lanes: Vec<(mpsc::Sender<Bytes>, mpsc::Sender<Arc<Prepared>>)>,
    /// Kept only for encryption, which needs the digest first.
    frames: Option<Vec<Bytes>>,
}

/// The end at which one repository stores it.
pub struct EncodedFrames {
    frames: mpsc::Receiver<Bytes>,
    prepared: mpsc::Receiver<Arc<Prepared>>,
    front_length: usize,
}

/// Both ends for a file of `size` bytes; `encrypting` says of each repository whether it encrypts.
pub fn fan_out(
    name: WalFileName,
    size: u64,
    encrypting: impl IntoIterator<Item = bool>,
) -> (FrameFanout, Vec<EncodedFrames>) {
    let front_length = Label::frame_length(&name.to_string(), size);
    let (mut lanes, mut receivers, mut keep) = (Vec::new(), Vec::new(), false);
    for encrypts in encrypting {
        let (frame_sender, frames) = mpsc::channel();
        let (sender, prepared) = mpsc::channel();
        lanes.push((frame_sender, sender));
        receivers.push(EncodedFrames { frames, prepared, front_length });
        keep |= encrypts;
    }
    (FrameFanout { lanes, frames: keep.then(Vec::new) }, receivers)
}

impl FrameFanout {
    /// A repository that is gone has failed, and says so itself.
    pub fn frame(&mut self, frame: Bytes) {
        progress::moved(frame.len() as u64);
        for (lane, _) in &self.lanes {
            let _ = lane.send(frame.clone());
        }
        if let Some(frames) = &mut self.frames {
            frames.push(frame);
        }
    }

    pub fn finish(self, encoded: Encoded) {
        let Encoded { label, length } = encoded;
        let frames = self.frames.unwrap_or_default();
        let prepared = Arc::new(Prepared { label, length, frames, encrypted: Mutex::default() });
        for (_, lane) in self.lanes {
            let _ = lane.send(Arc::clone(&prepared));
        }
    }
}

impl EncodedFrames {
    pub(super) fn front_length(&self) -> usize {
        self.front_length
    }

    /// The next frame, as soon as it is there; `None` after the last one.
    pub(super) fn next_frame(&mut self) -> Option<Bytes> {
        self.frames.recv().ok()
    }

    /// Waits for the end. An error here is only an echo: why the file could not be compressed is told by
    /// who compressed it.
    pub(super) fn prepared(self) -> Result<Arc<Prepared>> {
        let Self { frames, prepared, .. } = self;
        drop(frames);
        prepared.recv().map_err(|_| Error::new(Class::Input, "it could not be read"))
    }
}
