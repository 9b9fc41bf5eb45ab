use std::io::{self, Write};
use std::sync::mpsc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::lane::Message;
use crate::base_backup::layout::part_name;
use crate::base_backup::{Part, StoredObject};
use crate::codec::{Output, Recipients};
use crate::error::{Class, Error, Result};

/// What stands behind the last byte of a part.
#[derive(Debug, Clone)]
pub struct EndOfPart {
    pub tablespace: Option<u32>,
    pub entries: u64,
    /// Length of the tar archive in bytes.
    pub size: u64,
}

/// Makes the stored bytes of every part out of zstd frames, in the clear or encrypted, once for all
/// repositories that want them so, and hashes them.
pub fn make_variant(
    outputs: mpsc::Receiver<Output<EndOfPart>>,
    recipients: Option<&Recipients>,
    lanes: Vec<mpsc::SyncSender<Message>>,
) -> Result<()> {
    let mut out = Hashed { lanes, hasher: Sha256::new(), length: 0 };
    let mut outputs = outputs.into_iter().peekable();
    for number in 1.. {
        if outputs.peek().is_none() {
            break;
        }
        let end = match recipients {
            None => copy_part(&mut outputs, &mut |frame| out.give(frame))?,
            Some(recipients) => {
                let mut writer = recipients.wrap(&mut out)?;
                let end = copy_part(&mut outputs, &mut |frame| writer.write_all(&frame))?;
                writer.finish().map_err(|error| not_made(&error))?;
                end
            }
        };
        let Some(end) = end else { break };
        out.end_part(part_name(number, recipients.is_some()), end);
    }
    Ok(())
}

/// Until the end of the part; `None` when the stream breaks off before.
fn copy_part(
    outputs: &mut impl Iterator<Item = Output<EndOfPart>>,
    write: &mut dyn FnMut(Bytes) -> io::Result<()>,
) -> Result<Option<EndOfPart>> {
    for output in outputs {
        match output {
            Output::Frame(frame) => write(frame).map_err(|error| not_made(&error))?,
            Output::Mark(end) => return Ok(Some(end)),
        }
    }
    Ok(None)
}

fn not_made(error: &io::Error) -> Error {
    Error::new(Class::Internal, format!("could not make a part of the backup: {error}"))
}

/// Gives what is written to it to all repositories.
struct Hashed {
    lanes: Vec<mpsc::SyncSender<Message>>,
    hasher: Sha256,
    length: u64,
}

impl Hashed {
    /// A repository that is gone has failed, and says so itself; when all have, nobody wants the rest.
    fn give(&mut self, bytes: Bytes) -> io::Result<()> {
        self.hasher.update(&bytes);
        self.length += bytes.len() as u64;
        self.lanes.retain(|lane| lane.send(Message::Bytes(bytes.clone())).is_ok());
        if self.lanes.is_empty() {
            return Err(io::Error::other("every repository failed"));
        }
        Ok(())
    }

    fn end_part(&mut self, object: String, end: EndOfPart) {
        let sha256 = std::mem::take(&mut self.hasher).finalize();
        let sha256 = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let stored_size = std::mem::take(&mut self.length);
        let stored = StoredObject { object, size: end.size, stored_size, sha256 };
        let part = Part { stored, tablespace: end.tablespace, entries: end.entries };
        self.lanes.retain(|lane| lane.send(Message::End(part.clone())).is_ok());
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.give(Bytes::copy_from_slice(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
