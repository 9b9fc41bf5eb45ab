//! Reading the objects of a backup again, proved by its description.
//!
//! `stored` proves bytes and lengths while they pass; meanwhile a thread decompresses what comes next.

mod stored;

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use self::stored::{Plain, SummedObject};
use super::StoredObject;
use crate::codec::{Identities, decode_unlabelled, read_failed};
use crate::error::{Class, Error, Result};
use crate::retry::{FailedTry, retry};
use crate::storage::Storage;
use crate::threads::start_in;

pub use stored::damaged;

const BUFFER_BYTES: usize = 1 << 18;

/// Bytes that are wrong may have been damaged on the way.
const TRIES_OF_WRONG_BYTES: u32 = 2;

/// The objects of a backup in a repository, about to be read.
#[derive(Clone, Copy)]
pub struct ObjectSource<'a> {
    pub storage: &'a dyn Storage,
    /// What their keys begin with, the last `/` included.
    pub prefix: &'a str,
    pub encrypted: bool,
    pub identities: &'a Identities,
    /// How often an object is read whose answer breaks off.
    pub attempts: u32,
}

impl ObjectSource<'_> {
    /// Proves length and SHA-256 of an object without opening it: for who has no private key.
    /// `progress` gets the number of stored bytes after each read; a second try tells them once more.
    pub fn stored(&self, object: &StoredObject, progress: &dyn Fn(u64)) -> Result<()> {
        self.read(object, &mut |stored| {
            let mut buffer = vec![0; BUFFER_BYTES];
            loop {
                match stored.read(&mut buffer).map_err(|error| read_failed(&error))? {
                    0 => return Ok(()),
                    read => progress(read as u64),
                }
            }
        })
    }

    /// Shows the stored bytes of an object to `read`, again from their beginning where a try broke off. When this returns
    /// they are what was stored.
    pub fn stored_bytes<T>(
        &self,
        object: &StoredObject,
        read: &mut dyn FnMut(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        self.read(object, &mut |stored| read(stored))
    }

    /// Shows the plain content of an object to `read`, all of it, again from its beginning where a try broke
    /// off. When this returns it is what was stored. `progress` gets the number of plain bytes after each
    /// read.
    pub fn plain<T>(
        &self,
        object: &StoredObject,
        progress: &dyn Fn(u64),
        read: &mut dyn FnMut(&mut dyn BufRead) -> Result<T>,
    ) -> Result<T> {
        self.read(object, &mut |stored| self.unpack(stored, object, progress, read))
    }

    fn read<T>(
        &self,
        object: &StoredObject,
        read: &mut dyn FnMut(&mut SummedObject<'_>) -> Result<T>,
    ) -> Result<T> {
        let key = format!("{}{}", self.prefix, object.object);
        let attempt = || {
            self.try_to_read(&key, object, read).map_err(|FailedTry { error, tries }| {
                // What went wrong on this host has nothing to do with the object.
                let error = match error.class() {
                    Class::LocalFile => error,
                    _ => error.while_doing(format!("could not read {key}")),
                };
                FailedTry { error, tries }
            })
        };
        retry(attempt, |error| tracing::info!("trying again: {error}"))
    }

    fn try_to_read<T>(
        &self,
        key: &str,
        object: &StoredObject,
        read: &mut dyn FnMut(&mut SummedObject<'_>) -> Result<T>,
    ) -> Result<T, FailedTry> {
        let never_again = |error| FailedTry { error, tries: 1 };
        let stored = self.storage.open(key, None).map_err(never_again)?;
        let stored = stored.ok_or_else(|| {
            let expected = object.stored_size;
            never_again(damaged(format!("the object of {expected} bytes is missing")))
        })?;
        let mut stored = SummedObject::new(stored, object);
        match read(&mut stored) {
            Err(error) if error.class() == Class::Unreachable => {
                Err(FailedTry { error, tries: self.attempts })
            }
            Err(error) if error.class() != Class::Damaged => Err(never_again(error)),
            // Whether the bytes are wrong or were so before they were stored makes a difference to
            // whoever has to mend it.
            done => match (done, stored.prove()) {
                (Ok(done), Ok(())) => Ok(done),
                (Err(error), Ok(())) => Err(never_again(error)),
                (Ok(_), Err(proof)) => Err(self.wrong_bytes(proof)),
                (Err(error), Err(proof)) if error.message().ends_with(&proof.message()) => {
                    Err(self.wrong_bytes(proof))
                }
                (Err(error), Err(proof)) => {
                    Err(self.wrong_bytes(Error::new(proof.class(), format!("{proof}; {error}"))))
                }
            },
        }
    }

    fn wrong_bytes(&self, error: Error) -> FailedTry {
        let broke_off = error.class() == Class::Unreachable;
        FailedTry { error, tries: if broke_off { self.attempts } else { TRIES_OF_WRONG_BYTES } }
    }

    fn unpack<T>(
        &self,
        stored: &mut SummedObject<'_>,
        object: &StoredObject,
        progress: &dyn Fn(u64),
        read: &mut dyn FnMut(&mut dyn BufRead) -> Result<T>,
    ) -> Result<T> {
        let (encrypted, identities) = (self.encrypted, self.identities);
        let open = || decode_unlabelled(stored, encrypted, identities);
        read_ahead(open, |ahead| {
            let mut plain = Plain::new(ahead, object, progress);
            let done = read(&mut plain)?;
            io::copy(&mut plain, &mut io::sink()).map_err(|error| read_failed(&error))?;
            plain.check_end()?;
            Ok(done)
        })
    }
}

/// The content of one zstd frame: it is decompressed in place where there is room for all of it.
const PIECE_BYTES: usize = 1 << 20;

/// So many pieces wait to be worked on.
const WAITING: usize = 2;

type ReadAheadPiece = io::Result<Vec<u8>>;

/// Lets `work` read what the reader that `open` makes gives, while the next pieces of it are being read in
/// a thread of their own. So a file of 1 GiB, which is in one part, keeps two processors busy.
fn read_ahead<T, R: Read>(
    open: impl FnOnce() -> Result<R> + Send,
    work: impl FnOnce(&mut Ahead) -> Result<T>,
) -> Result<T> {
    thread::scope(|scope| {
        let (sender, pieces) = sync_channel(WAITING);
        let (returned, spare) = sync_channel(WAITING + 1);
        let reading = start_in(scope, move || read_pieces(open()?, &sender, &spare))?;
        let mut ahead = Ahead { pieces, returned, piece: Vec::new(), consumed: 0 };
        let done = work(&mut ahead);
        // A thread that waits for somebody to take its next piece ends.
        drop(ahead);
        let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // What could not even be opened came to an early end for `work`.
        read.and(done)
    })
}

fn read_pieces(
    mut reader: impl Read,
    sender: &SyncSender<ReadAheadPiece>,
    spare: &Receiver<Vec<u8>>,
) -> Result<()> {
    loop {
        let mut piece = spare.try_recv().unwrap_or_default();
        piece.resize(PIECE_BYTES, 0);
        let read = reader.read(&mut piece).map(|length| {
            piece.truncate(length);
            piece
        });
        let over = read.as_ref().map_or(true, Vec::is_empty);
        if sender.send(read).is_err() || over {
            return Ok(());
        }
    }
}

/// What was read ahead.
struct Ahead {
    pieces: Receiver<ReadAheadPiece>,
    returned: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
    consumed: usize,
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.consumed == self.piece.len() {
            // Behind the end, and behind an error, there is nothing.
            let next = self.pieces.recv().unwrap_or_else(|_| Ok(Vec::new()))?;
            let old = std::mem::replace(&mut self.piece, next);
            let _ = self.returned.try_send(old);
            self.consumed = 0;
        }
        Ok(&self.piece[self.consumed..])
    }

    fn consume(&mut self, length: usize) {
        self.consumed = self.piece.len().min(self.consumed + length);
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Class, Error};

    #[test]
    fn all_comes_through_in_order() {
        let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let read = read_ahead(
            || Ok(&content[..]),
            |ahead| {
                let mut read = Vec::new();
                ahead.read_to_end(&mut read).unwrap();
                Ok(read)
            },
        );
        assert!(read == Ok(content));
    }

    #[test]
    fn who_stops_early_waits_for_nobody() {
        let read = read_ahead(
            || Ok(io::repeat(7)),
            |ahead| {
                let mut front = [0; 3];
                ahead.read_exact(&mut front).unwrap();
                Ok(front)
            },
        );
        assert_eq!(read, Ok([7; 3]));
    }

    #[test]
    fn errors_come_through() {
        let error = || Error::new(Class::Damaged, "broken");
        let read = |ahead: &mut Ahead| {
            let mut all = Vec::new();
            ahead.read_to_end(&mut all).map_err(|it| Error::new(Class::Internal, it.to_string()))
        };
        let closed = read_ahead(|| Err::<io::Empty, _>(error()), read);
        assert_eq!(closed, Err(error()));
        let breaks = |content: &'static [u8]| content.chain(Broken);
        let broken = read_ahead(|| Ok(breaks(b"front")), read);
        assert_eq!(broken, Err(Error::new(Class::Internal, "broken")));
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
}
