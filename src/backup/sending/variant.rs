//! Makes the stored bytes of every object out of zstd frames, in the clear or encrypted, once for all repositories that
//! want that form.
//!
//! So an object is encrypted and hashed once, however many repositories there are, and all of one form store the same
//! bytes.

use std::io::{self, Write};
use std::sync::mpsc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::object_lane::{ObjectEnd, ObjectMessage};
use super::{End, Sent, StoredObject};
use crate::backup::stored_object::hex;
use crate::codec::{Recipients, StreamOutput};
use crate::error::{Class, Error, Result};

/// A form in which repositories store objects, and how these are called.
pub struct Form<'a> {
    /// None: in the clear.
    pub recipients: Option<&'a Recipients>,
    /// The name of an object, by its number from 1 on and whether it is encrypted.
    pub name: &'a (dyn Fn(usize, bool) -> String + Sync),
    /// The greatest length of an object, about, in bytes.
    pub size_max: u64,
}

/// Ends early when no repository is left; each says why itself.
pub fn make_variant<M: Clone>(
    outputs: mpsc::Receiver<StreamOutput<End<M>>>,
    form: &Form<'_>,
    lanes: Vec<mpsc::SyncSender<ObjectMessage<M>>>,
) -> Result<()> {
    let mut out = Hashed { lanes, hasher: Sha256::new(), length: 0 };
    let made = make_all(outputs, form, &mut out);
    if out.lanes.is_empty() { Ok(()) } else { made }
}

fn make_all<M: Clone>(
    outputs: mpsc::Receiver<StreamOutput<End<M>>>,
    form: &Form<'_>,
    out: &mut Hashed<M>,
) -> Result<()> {
    let mut outputs = outputs.into_iter().peekable();
    for number in 1.. {
        if outputs.peek().is_none() {
            break;
        }
        let object = (form.name)(number, form.recipients.is_some());
        out.begin(&object, form.size_max);
        let end = match form.recipients {
            None => copy_object(&mut outputs, &mut |frame| out.give(frame))?,
            Some(recipients) => {
                let mut writer = recipients.wrap(&mut *out)?;
                let end = copy_object(&mut outputs, &mut |frame| writer.write_all(&frame))?;
                writer.finish().map_err(|error| not_made(&error))?;
                end
            }
        };
        let Some(end) = end else { break };
        out.end(object, end);
    }
    Ok(())
}

/// Until the end of the object; `None` when the stream breaks off before.
fn copy_object<M>(
    outputs: &mut impl Iterator<Item = StreamOutput<End<M>>>,
    write: &mut dyn FnMut(Bytes) -> io::Result<()>,
) -> Result<Option<End<M>>> {
    for output in outputs {
        match output {
            StreamOutput::Frame(frame) => write(frame).map_err(|error| not_made(&error))?,
            StreamOutput::Mark(end) => return Ok(Some(end)),
        }
    }
    Ok(None)
}

fn not_made(error: &io::Error) -> Error {
    Error::new(Class::Internal, format!("could not make an object of the backup: {error}"))
}

/// Gives what is written to it to all repositories.
struct Hashed<M> {
    lanes: Vec<mpsc::SyncSender<ObjectMessage<M>>>,
    hasher: Sha256,
    length: u64,
}

impl<M: Clone> Hashed<M> {
    fn begin(&mut self, object: &str, size_max: u64) {
        let begin = || ObjectMessage::Begin { object: object.to_owned(), size_max, sum: false };
        self.lanes.retain(|lane| lane.send(begin()).is_ok());
    }

    /// A repository that is gone has failed, and says so itself; when all have, nobody wants the rest.
    fn give(&mut self, bytes: Bytes) -> io::Result<()> {
        self.hasher.update(&bytes);
        self.length += bytes.len() as u64;
        self.lanes.retain(|lane| lane.send(ObjectMessage::Bytes(bytes.clone())).is_ok());
        if self.lanes.is_empty() {
            return Err(io::Error::other("every repository failed"));
        }
        Ok(())
    }

    fn end(&mut self, object: String, end: End<M>) {
        let sha256 = hex(std::mem::take(&mut self.hasher));
        let stored_size = std::mem::take(&mut self.length);
        let stored = StoredObject { object, size: end.size, stored_size, sha256 };
        let sent = Sent { stored, mark: end.mark };
        self.lanes
            .retain(|lane| lane.send(ObjectMessage::End(ObjectEnd::Summed(sent.clone()))).is_ok());
    }
}

impl<M: Clone> Write for Hashed<M> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.give(Bytes::copy_from_slice(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
