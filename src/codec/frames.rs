//! The plain content of zstd frames, within bounded memory whatever a damaged frame asks for.

use std::io::{self, Read};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe;

/// How much is read at once.
const READ_BYTES: usize = 1 << 18;

/// No more of the stored bytes is held, a whole frame of ours or not; a larger frame is decompressed
/// as it comes.
const HELD_BYTES_MAX: usize = (1 << 20) + READ_BYTES;

/// The largest window that a frame may ask memory for, as a power of two. Ours stay below 2 MiB at
/// every level; damage must not be able to ask for more than this.
const WINDOW_LOG_MAX: u32 = 23;

/// The plain content of zstd frames, one after the other. Given a whole frame and room for all its
/// content, zstd decompresses it in place, without a window of its own to copy out of; so frames are
/// held until they are whole.
pub(super) struct Frames<R> {
    stored: R,
    decoder: Decoder<'static>,
    held: Vec<u8>,
    /// So much of what is held was consumed.
    consumed: usize,
    at_end: bool,
    inside_a_frame: bool,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(stored: R) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        let (held, consumed) = (Vec::new(), 0);
        Ok(Self { stored, decoder, held, consumed, at_end: false, inside_a_frame: false })
    }

    /// Reads on until a whole frame is held, or as much as may be, or all there is.
    fn hold_a_frame(&mut self) -> io::Result<()> {
        let whole = |held: &[u8]| zstd_safe::find_frame_compressed_size(held).is_ok();
        while !self.at_end && self.held_bytes() < HELD_BYTES_MAX && !whole(self.rest()) {
            self.read_on()?;
        }
        Ok(())
    }

    fn read_on(&mut self) -> io::Result<()> {
        self.held.drain(..self.consumed);
        self.consumed = 0;
        let length = self.held.len();
        self.held.resize(length + READ_BYTES, 0);
        let read = loop {
            match self.stored.read(&mut self.held[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let read = read.inspect_err(|_| self.held.truncate(length))?;
        self.held.truncate(length + read);
        self.at_end = read == 0;
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        &self.held[self.consumed..]
    }

    fn held_bytes(&self) -> usize {
        self.held.len() - self.consumed
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, plain: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.inside_a_frame {
                self.hold_a_frame()?;
            } else if self.held_bytes() == 0 && !self.at_end {
                self.read_on()?;
            }
            if self.held_bytes() == 0 && !self.inside_a_frame {
                return Ok(0);
            }
            let mut input = InBuffer::around(&self.held[self.consumed..]);
            let mut output = OutBuffer::around(&mut *plain);
            let wanted = self.decoder.run(&mut input, &mut output)?;
            let (taken, written) = (input.pos(), output.pos());
            self.consumed += taken;
            // What is wanted for the next step: nothing more at the end of a frame.
            self.inside_a_frame = wanted > 0;
            if written > 0 || plain.is_empty() {
                return Ok(written);
            }
            if taken == 0 && self.at_end {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "incomplete frame"));
            }
            if taken == 0 {
                self.read_on()?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces that fit nothing.
    struct Dribble<'a>(&'a [u8]);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(70_001).min(self.0.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn content(length: u32) -> Vec<u8> {
        (0..length).flat_map(|i| i.wrapping_mul(i).to_le_bytes()).collect()
    }

    fn read(stored: &[u8], room: usize) -> io::Result<Vec<u8>> {
        let mut frames = Frames::new(Dribble(stored))?;
        let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
        loop {
            match frames.read(&mut buffer)? {
                0 => return Ok(all),
                read => all.extend(&buffer[..read]),
            }
        }
    }

    #[test]
    fn frames_of_any_size_are_read_into_room_of_any_size() {
        let sizes = [0, 1, 200_000, 2_000_000];
        let plain: Vec<_> = sizes.iter().map(|length| content(*length)).collect();
        let stored: Vec<_> =
            plain.iter().flat_map(|plain| zstd::bulk::compress(plain, 1).unwrap()).collect();
        for room in [1000, 1 << 20, 1 << 24] {
            assert_eq!(read(&stored, room).unwrap(), plain.concat(), "{room}");
        }
        let cut = &stored[..stored.len() - 1];
        assert_eq!(read(cut, 1000).unwrap_err().to_string(), "incomplete frame");
    }
}
