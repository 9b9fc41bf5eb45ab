use std::io::{self, Read};
use std::num::NonZeroUsize;

use super::digest::Digest;
use super::label::Label;

/// How much plain content goes into one zstd frame. Frames are compressed in parallel; measured on
/// both benchmark corpora, frames of 1 MiB cost under 1 % of space against one frame.
const FRAME_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Copy)]
pub struct Encoding {
    /// zstd level, 1 to 19 (or a negative "fast" one).
    pub level: i32,
    /// How many threads compress.
    pub threads: NonZeroUsize,
}

/// The bytes of a `.zst` object, and what its label says.
#[derive(Debug)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub label: Label,
}

/// Reads `plain` to its end once, and hashes and compresses what it reads: whatever happens to the
/// file meanwhile, the digest is that of the stored content. Memory: the compressed bytes and two
/// frames a thread.
pub fn encode(
    name: &str,
    size: u64,
    plain: &mut dyn Read,
    encoding: Encoding,
) -> io::Result<Encoded> {
    // The label goes first, but its digest is known last; its length does not depend on the digest.
    let blank = Label { name: name.to_owned(), size, digest: Digest::of(b"") };
    let mut bytes = blank.to_frame();
    let mut hasher = blake3::Hasher::new();
    let mut read = ReadFrames { plain, hasher: &mut hasher, total: 0 };
    if encoding.threads.get() == 1 || size <= FRAME_BYTES as u64 {
        compress_here(&mut read, encoding.level, &mut bytes)?;
    } else {
        parallel::compress(&mut read, encoding, &mut bytes)?;
    }
    let total = read.total;
    if total != size {
        return Err(io::Error::other(format!(
            "expected {size} bytes as when it was opened, found {total}: it changed while it was read"
        )));
    }
    let label = Label { digest: Digest::of_hasher(&hasher), ..blank };
    let frame = label.to_frame();
    bytes[..frame.len()].copy_from_slice(&frame);
    Ok(Encoded { bytes, label })
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

fn compressor(level: i32) -> io::Result<zstd::bulk::Compressor<'static>> {
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    // Every frame carries a checksum of its content, so that `zstd -t` alone notices damage.
    compressor.include_checksum(true)?;
    Ok(compressor)
}

/// Puts the frame of `plain` into `frame`, in the place of what was there.
fn compress_frame(
    compressor: &mut zstd::bulk::Compressor<'static>,
    plain: &[u8],
    frame: &mut Vec<u8>,
) -> io::Result<()> {
    frame.clear();
    frame.reserve(zstd::zstd_safe::compress_bound(plain.len()));
    compressor.compress_to_buffer(plain, frame).map(|_| ())
}

fn compress_here(read: &mut ReadFrames<'_>, level: i32, out: &mut Vec<u8>) -> io::Result<()> {
    let mut compressor = compressor(level)?;
    let (mut plain, mut frame) = (Vec::new(), Vec::new());
    read.next(&mut plain)?;
    loop {
        // An empty file has one frame too: a label alone is not something `zstd -dc` opens.
        compress_frame(&mut compressor, &plain, &mut frame)?;
        out.extend_from_slice(&frame);
        read.next(&mut plain)?;
        if plain.is_empty() {
            return Ok(());
        }
    }
}

mod parallel {
    use std::collections::VecDeque;
    use std::sync::mpsc;
    use std::{io, thread};

    use super::{Encoding, ReadFrames, compress_frame, compressor};

    type Frame = io::Result<(Vec<u8>, Vec<u8>)>;

    struct Job {
        plain: Vec<u8>,
        out: Vec<u8>,
        done: mpsc::SyncSender<Frame>,
    }

    /// This thread reads and hashes, the workers compress, and the frames are taken back in order.
    /// One frame more than there are workers is under way; the buffers are used again.
    pub(super) fn compress(
        read: &mut ReadFrames<'_>,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let threads = encoding.threads.get();
        thread::scope(|scope| {
            let workers: Vec<mpsc::Sender<Job>> = (0..threads)
                .map(|_| {
                    let (sender, jobs) = mpsc::channel();
                    scope.spawn(move || work(encoding.level, &jobs));
                    sender
                })
                .collect();
            let mut under_way = VecDeque::new();
            let mut spare = (Vec::new(), Vec::new());
            for worker in workers.iter().cycle() {
                let (mut plain, buffer) = std::mem::take(&mut spare);
                read.next(&mut plain)?;
                if plain.is_empty() {
                    break;
                }
                let (done, frame) = mpsc::sync_channel(1);
                worker.send(Job { plain, out: buffer, done }).map_err(|_| worker_died())?;
                under_way.push_back(frame);
                if under_way.len() > threads {
                    spare = take(&mut under_way, out)?;
                }
            }
            while !under_way.is_empty() {
                take(&mut under_way, out)?;
            }
            Ok(())
        })
    }

    /// Appends the oldest frame under way and gives its buffers back.
    fn take(
        under_way: &mut VecDeque<mpsc::Receiver<Frame>>,
        out: &mut Vec<u8>,
    ) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let Some(frame) = under_way.pop_front() else { return Ok(Default::default()) };
        let (plain, compressed) = frame.recv().map_err(|_| worker_died())??;
        out.extend_from_slice(&compressed);
        Ok((plain, compressed))
    }

    fn work(level: i32, jobs: &mpsc::Receiver<Job>) {
        let mut compressor = compressor(level);
        for Job { plain, mut out, done } in jobs {
            let compressed = match &mut compressor {
                Ok(compressor) => compress_frame(compressor, &plain, &mut out),
                Err(error) => Err(io::Error::other(error.to_string())),
            };
            // The receiver is gone only when the whole push failed already.
            let _ = done.send(compressed.map(|()| (plain, out)));
        }
    }

    fn worker_died() -> io::Error {
        io::Error::other("a compression thread died")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(plain: &[u8], threads: usize) -> Encoded {
        let encoding = Encoding { level: 1, threads: NonZeroUsize::new(threads).unwrap() };
        encode("name", plain.len() as u64, &mut &plain[..], encoding).unwrap()
    }

    #[test]
    fn one_thread_and_many_make_the_same_bytes() {
        for length in [0, 1, FRAME_BYTES, FRAME_BYTES + 1, 7 * FRAME_BYTES + 5] {
            let plain: Vec<u8> = (0..length).map(|i| (i * i % 251) as u8).collect();
            let one = encoded(&plain, 1);
            assert_eq!(one.bytes, encoded(&plain, 3).bytes, "{length}");
            assert_eq!(one.label.digest, Digest::of(&plain));
        }
    }

    #[test]
    fn a_file_that_changes_its_length_is_noticed() {
        let encoding = Encoding { level: 1, threads: NonZeroUsize::MIN };
        let error = encode("name", 5, &mut &b"four"[..], encoding).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected 5 bytes as when it was opened, found 4: it changed while it was read"
        );
    }
}
