//! From a file to zstd frames, hashed while it is read. Frames are compressed by several threads and come out in order,
//! because a segment has to be compressed faster than a server makes it.

use std::convert::Infallible;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::thread;

use bytes::Bytes;

use super::frame_stream::{FRAME_BYTES, FrameStream, StreamOutput, compress_frame, compressor};
use super::label::{Digest, Label};

#[derive(Debug, Clone, Copy)]
pub struct Encoding {
    /// zstd level, 1 to 19 (or a negative "fast" one).
    pub level: i32,
    /// How many threads compress.
    pub threads: NonZeroUsize,
}

/// What the content of an encoded file was.
#[derive(Debug)]
pub struct Encoded {
    /// Its frame goes in front of the zstd frames; together they are a `.zst` object.
    pub label: Label,
    /// Length of that object in bytes.
    pub length: u64,
}

/// Encodes one file after the other. Memory, once it has encoded one: two frames a thread and zstd's
/// tables, which are used again.
pub struct Encoder {
    encoding: Encoding,
    spare: Option<SpareBuffers>,
}

/// What one thread needs to compress. Memory that is touched for the first time costs more than a
/// copy, so it is kept.
struct SpareBuffers {
    compressor: zstd::bulk::Compressor<'static>,
    plain: Vec<u8>,
    frame: Vec<u8>,
}

impl Encoder {
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, spare: None }
    }

    /// Reads `plain` to its end once, and hashes and compresses what it reads: whatever happens to the
    /// file meanwhile, the digest is that of the stored content. Each zstd frame goes to `take` as soon
    /// as it and those before it are finished. The label comes last, though it is stored first.
    pub fn encode(
        &mut self,
        name: &str,
        size: u64,
        plain: &mut dyn Read,
        take: &mut dyn FnMut(Bytes),
    ) -> io::Result<Encoded> {
        let mut length = Label::frame_length(name, size) as u64;
        let mut take = |frame: Bytes| {
            length += frame.len() as u64;
            take(frame);
        };
        let mut hasher = blake3::Hasher::new();
        let mut read = ReadFrames { plain, hasher: &mut hasher, total: 0 };
        let alone = self.encoding.threads.get() == 1 || size <= FRAME_BYTES as u64;
        if alone || !self.compress_in_threads(&mut read, &mut take)? {
            self.compress_here(&mut read, &mut take)?;
        }
        let total = read.total;
        if total != size {
            return Err(io::Error::other(format!(
                "expected {size} bytes as when it was opened, found {total}: it changed while it was read"
            )));
        }
        let label = Label { name: name.to_owned(), size, digest: Digest::of_hasher(&hasher) };
        Ok(Encoded { label, length })
    }

    /// This thread reads and hashes, others compress. `false`, and nothing done, where none could be had.
    fn compress_in_threads(
        &self,
        read: &mut ReadFrames<'_>,
        take: &mut dyn FnMut(Bytes),
    ) -> io::Result<bool> {
        let Encoding { level, threads } = self.encoding;
        let mut take = |output: StreamOutput<Infallible>| {
            let StreamOutput::Frame(frame) = output;
            take(frame);
            Ok(())
        };
        thread::scope(|scope| {
            let mut frames = FrameStream::start(scope, level, threads);
            if !frames.has_threads() {
                return Ok(false);
            }
            while frames.fill(&mut |plain| read.next(plain), &mut take)? {}
            frames.finish(&mut take)?;
            Ok(true)
        })
    }

    fn compress_here(
        &mut self,
        read: &mut ReadFrames<'_>,
        take: &mut dyn FnMut(Bytes),
    ) -> io::Result<()> {
        let mut spare = match self.spare.take() {
            Some(spare) => spare,
            None => SpareBuffers {
                compressor: compressor(self.encoding.level)?,
                plain: Vec::new(),
                frame: Vec::new(),
            },
        };
        read.next(&mut spare.plain)?;
        loop {
            // An empty file has one frame too: a label alone is not something `zstd -dc` opens.
            compress_frame(&mut spare.compressor, &spare.plain, &mut spare.frame)?;
            take(Bytes::copy_from_slice(&spare.frame));
            read.next(&mut spare.plain)?;
            if spare.plain.is_empty() {
                self.spare = Some(spare);
                return Ok(());
            }
        }
    }
}

struct ReadFrames<'a> {
    plain: &'a mut dyn Read,
    hasher: &'a mut blake3::Hasher,
    total: u64,
}

impl ReadFrames<'_> {
    /// The next frame's plain bytes in `buffer`; empty at the end. A buffer that comes back from the frame
    /// before is filled in place: memory that is touched for the first time costs more than a copy.
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        match buffer.capacity() {
            0 => *buffer = vec![0; FRAME_BYTES],
            _ => buffer.resize(FRAME_BYTES, 0),
        }
        let mut length = 0;
        while length < FRAME_BYTES {
            match self.plain.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        buffer.truncate(length);
        self.hasher.update(buffer);
        self.total += length as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(plain: &[u8], threads: usize) -> (Encoded, Vec<u8>) {
        let encoding = Encoding { level: 1, threads: NonZeroUsize::new(threads).unwrap() };
        let mut bytes = Vec::new();
        let mut take = |frame: Bytes| bytes.extend_from_slice(&frame);
        let mut encoder = Encoder::new(encoding);
        let encoded = encoder.encode("name", plain.len() as u64, &mut &plain[..], &mut take);
        (encoded.unwrap(), bytes)
    }

    #[test]
    fn one_thread_and_many_make_the_same_bytes() {
        for length in [0, 1, FRAME_BYTES, FRAME_BYTES + 1, 7 * FRAME_BYTES + 5] {
            let plain: Vec<u8> = (0..length).map(|i| (i * i % 251) as u8).collect();
            let (one, bytes) = encoded(&plain, 1);
            assert_eq!(bytes, encoded(&plain, 3).1, "{length}");
            assert_eq!(one.label.digest, Digest::of(&plain));
            assert_eq!(one.length, (one.label.to_frame().len() + bytes.len()) as u64);
        }
    }

    #[test]
    fn an_encoder_leaves_nothing_of_one_file_in_the_next() {
        let mut encoder = Encoder::new(Encoding { level: 1, threads: NonZeroUsize::MIN });
        let mut encode = |plain: &[u8]| {
            let mut bytes = Vec::new();
            let mut take = |frame: Bytes| bytes.extend_from_slice(&frame);
            encoder.encode("name", plain.len() as u64, &mut &plain[..], &mut take).unwrap();
            bytes
        };
        let first = encode(&[1; 3_000_000]);
        encode(b"another");
        assert_eq!(first, encode(&[1; 3_000_000]));
    }

    #[test]
    fn a_file_that_changes_its_length_is_noticed() {
        let mut encoder = Encoder::new(Encoding { level: 1, threads: NonZeroUsize::MIN });
        let error = encoder.encode("name", 5, &mut &b"four"[..], &mut |_| {}).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected 5 bytes as when it was opened, found 4: it changed while it was read"
        );
    }
}
