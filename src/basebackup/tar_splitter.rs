//! Finds the places where a tar archive can be cut while it comes from the server in pieces of any size.
//!
//! Content passes through; no more than a header is held.

use tar::Header;

use crate::error::{Class, Error, Result};

const BLOCK_BYTES: usize = 512;

/// Ends a tar archive (`pgtar.h`, and POSIX).
pub const END_OF_ARCHIVE: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// What a stretch of a tar archive is.
#[derive(Debug, PartialEq, Eq)]
pub enum TarStretch<'a> {
    /// A file or folder begins here: the only places where an archive may be cut.
    Entry,
    /// Bytes that belong to the entry, its header and padding included.
    Bytes(&'a [u8]),
}

/// Follows one archive. The blocks of zeros at its end are left out: whoever cuts an archive ends each part himself.
#[derive(Default)]
pub struct TarSplitter {
    /// The first bytes of a header.
    header: Vec<u8>,
    /// Bytes of content and padding still to come.
    left: u64,
    ended: bool,
}

impl TarSplitter {
    pub fn read(
        &mut self,
        mut piece: &[u8],
        visit: &mut dyn FnMut(TarStretch<'_>) -> Result<()>,
    ) -> Result<()> {
        while !piece.is_empty() {
            if self.left > 0 {
                let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(piece.len());
                let (content, rest) = piece.split_at(length);
                self.left -= length as u64;
                visit(TarStretch::Bytes(content))?;
                piece = rest;
                continue;
            }
            let (more, rest) = piece.split_at(piece.len().min(BLOCK_BYTES - self.header.len()));
            self.header.extend_from_slice(more);
            piece = rest;
            if self.header.len() == BLOCK_BYTES {
                self.read_header(visit)?;
            }
        }
        Ok(())
    }

    fn read_header(&mut self, visit: &mut dyn FnMut(TarStretch<'_>) -> Result<()>) -> Result<()> {
        let header = std::mem::take(&mut self.header);
        if header.iter().all(|byte| *byte == 0) {
            self.ended = true;
            return Ok(());
        }
        let size = Header::from_byte_slice(&header).entry_size();
        let size =
            size.map_err(|error| malformed(&format!("a header that can't be read: {error}")))?;
        let padded = size.checked_next_multiple_of(BLOCK_BYTES as u64);
        let padded = padded.ok_or_else(|| malformed(&format!("an entry of {size} bytes")))?;
        if self.ended {
            return Err(malformed("an entry behind the end of the archive"));
        }
        visit(TarStretch::Entry)?;
        visit(TarStretch::Bytes(&header))?;
        self.left = padded;
        Ok(())
    }

    /// Checks that the archive ended where an entry does.
    pub fn finish(self) -> Result<()> {
        if self.left > 0 || !self.header.is_empty() {
            return Err(malformed("an archive that ends inside an entry"));
        }
        Ok(())
    }
}

fn malformed(found: &str) -> Error {
    Error::new(Class::Unreachable, format!("expected a tar archive from the server, found {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, usize)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, length) in files {
            let mut header = Header::new_ustar();
            header.set_size(*length as u64);
            header.set_mode(0o600);
            builder.append_data(&mut header, name, &vec![7; *length][..]).unwrap();
        }
        builder.into_inner().unwrap()
    }

    /// The archive cut before every entry, without its end.
    fn cut(archive: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let mut entries: Vec<Vec<u8>> = Vec::new();
        let mut splitter = TarSplitter::default();
        for piece in archive.chunks(piece) {
            let mut visit = |stretch: TarStretch<'_>| {
                match stretch {
                    TarStretch::Entry => entries.push(Vec::new()),
                    TarStretch::Bytes(bytes) => {
                        entries.last_mut().unwrap().extend_from_slice(bytes)
                    }
                }
                Ok(())
            };
            splitter.read(piece, &mut visit).unwrap();
        }
        splitter.finish().unwrap();
        entries
    }

    #[test]
    fn entries_are_found_in_pieces_of_any_size() {
        let files = [("empty", 0), ("one", 1), ("block", 512), ("large", 100_000), ("last", 513)];
        let archive = archive(&files);
        for piece in [1, 511, 512, 513, 32_768, archive.len()] {
            let entries = cut(&archive, piece);
            let lengths: Vec<usize> = entries.iter().map(Vec::len).collect();
            assert_eq!(lengths, [512, 1024, 1024, 512 + 100_352, 512 + 1024], "{piece}");
            assert_eq!([entries.concat(), END_OF_ARCHIVE.to_vec()].concat(), archive);
        }
    }

    #[test]
    fn a_length_that_no_disk_holds_is_refused() {
        let mut header = Header::new_gnu();
        header.set_size(u64::MAX);
        let error = TarSplitter::default().read(header.as_bytes(), &mut |_| Ok(())).unwrap_err();
        let found = "found an entry of 18446744073709551615 bytes";
        assert_eq!(error.to_string(), format!("expected a tar archive from the server, {found}"));
    }

    #[test]
    fn an_archive_that_breaks_off_is_noticed() {
        let archive = archive(&[("file", 1000)]);
        for length in [100, 512, 1000] {
            let mut splitter = TarSplitter::default();
            splitter.read(&archive[..length], &mut |_| Ok(())).unwrap();
            assert!(splitter.finish().is_err(), "{length}");
        }
    }
}
