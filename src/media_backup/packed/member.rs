//! A member of a pack: the content of one file as a zstd stream of its own, and an age file around that where the
//! repository encrypts. So each can be read alone, by hand too.

use std::io::{self, Write};

use super::super::source_file::{FilePiece, SourceFile};
use crate::codec::{Digest, Recipients};
use crate::error::{Class, Error, Result};

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
