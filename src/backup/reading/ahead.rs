//! Decompressing in one thread what another one works on.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::error::Result;
use crate::threads::start_in;

/// The content of one zstd frame: it is decompressed in place where there is room for all of it.
const PIECE_BYTES: usize = 1 << 20;

/// So many pieces wait to be worked on.
const WAITING: usize = 2;

type ReadAheadPiece = io::Result<Vec<u8>>;

/// Lets `work` read what the reader that `open` makes gives, while the next pieces of it are being read in
/// a thread of their own. So a file of 1 GiB, which is in one part, keeps two processors busy.
pub(super) fn read_ahead<T, R: Read>(
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
pub(super) struct Ahead {
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
