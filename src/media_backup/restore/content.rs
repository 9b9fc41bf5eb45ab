//! Writes the content of one file, and proves its length and BLAKE3 before the file gets its name. Trouble with the
//! content is kept apart from trouble with the target, because a full disk ends the restore and a damaged file does
//! not.

use std::io::{self, Read};

use super::super::entry::{Content, Entry};
use super::ContentSource;
use crate::backup::damaged;
use crate::codec::{Digest, read_failed};
use crate::durable::NewFile;
use crate::error::Result;

const BUFFER_BYTES: usize = 256 << 10;

/// A hole is a multiple of this long, as on most file systems.
const BLOCK_BYTES: usize = 4096;

/// Why a file could not be written.
pub enum Failure {
    /// Its content is not what it should be, or can't be had.
    Content(crate::error::Error),
    /// The target refuses.
    Target(io::Error),
}

/// Fails where the content is not what the entry says.
pub fn write_content(
    source: &dyn ContentSource,
    entry: &Entry,
    content: &Content,
    file: &mut NewFile,
) -> Result<(), Failure> {
    let reader = source.open(entry).map_err(Failure::Content)?;
    // One byte more tells that there is too much.
    let mut reader = reader.take(content.size.saturating_add(1));
    let length = usize::try_from(content.size).unwrap_or(usize::MAX).saturating_add(1);
    let mut buffer = vec![0; BUFFER_BYTES.min(length)];
    let (mut hasher, mut at) = (blake3::Hasher::new(), 0_u64);
    loop {
        let length = fill(&mut reader, &mut buffer)
            .map_err(|error| Failure::Content(read_failed(&error)))?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
        if at + length as u64 > content.size {
            at += length as u64;
            break;
        }
        write(file, at, &buffer[..length], content.sparse).map_err(Failure::Target)?;
        at += length as u64;
    }
    if at != content.size {
        let found = if at > content.size { "more".to_owned() } else { at.to_string() };
        let message = format!("expected {} bytes of content, found {found}", content.size);
        return Err(Failure::Content(damaged(message)));
    }
    let digest = Digest::of_hasher(&hasher);
    if digest != content.digest {
        let message = format!("expected content with BLAKE3 {}, found {digest}", content.digest);
        return Err(Failure::Content(damaged(message)));
    }
    if content.sparse {
        file.set_length(content.size).map_err(Failure::Target)?;
    }
    Ok(())
}

/// Until the buffer is full or nothing is left, so that blocks stay blocks.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Blocks of zeros of a file that had holes stay holes.
fn write(file: &mut NewFile, at: u64, bytes: &[u8], sparse: bool) -> io::Result<()> {
    if !sparse {
        return file.write_at(at, bytes);
    }
    let mut offset = at;
    for block in bytes.chunks(BLOCK_BYTES) {
        if block.iter().any(|byte| *byte != 0) {
            file.write_at(offset, block)?;
        }
        offset += block.len() as u64;
    }
    Ok(())
}
