use std::io;

use super::variant::EndOfPart;
use crate::base_backup::splitter::{END_OF_ARCHIVE, Splitter, Stretch};
use crate::codec::{FrameStream, Output};
use crate::error::{Class, Error, Result};

/// Cuts the archives that the server sends into parts: whole tar archives of about the same size, each
/// of one tablespace, so that a restore reads several at once.
pub struct Parts<'scope> {
    frames: FrameStream<'scope, EndOfPart>,
    /// A part is ended before the next entry once it holds so many bytes.
    part_bytes: u64,
    splitter: Splitter,
    /// The part under way, if it has an entry.
    current: Option<EndOfPart>,
    tablespace: Option<u32>,
}

/// Takes finished frames and ends of parts; an error stops everything.
pub type Take<'a> = &'a mut dyn FnMut(Output<EndOfPart>) -> io::Result<()>;

impl<'scope> Parts<'scope> {
    pub fn new(frames: FrameStream<'scope, EndOfPart>, part_bytes: u64) -> Self {
        let splitter = Splitter::default();
        Self { frames, part_bytes, splitter, current: None, tablespace: None }
    }

    pub fn begin_archive(&mut self, tablespace: Option<u32>, take: Take<'_>) -> Result<()> {
        self.end_archive(take)?;
        self.tablespace = tablespace;
        Ok(())
    }

    pub fn write(&mut self, data: &[u8], take: Take<'_>) -> Result<()> {
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.read(data, &mut |stretch| self.stretch(stretch, take))?;
        self.splitter = splitter;
        Ok(())
    }

    fn stretch(&mut self, stretch: Stretch<'_>, take: Take<'_>) -> Result<()> {
        match stretch {
            Stretch::Entry => {
                if self.current.as_ref().is_some_and(|part| part.size >= self.part_bytes) {
                    self.end_part(take)?;
                }
                let tablespace = self.tablespace;
                let new = EndOfPart { tablespace, entries: 0, size: 0 };
                self.current.get_or_insert(new).entries += 1;
                Ok(())
            }
            Stretch::Bytes(bytes) => {
                if let Some(part) = &mut self.current {
                    part.size += bytes.len() as u64;
                }
                self.frames.write(bytes, take).map_err(|error| failed(&error))
            }
        }
    }

    fn end_part(&mut self, take: Take<'_>) -> Result<()> {
        let Some(mut part) = self.current.take() else { return Ok(()) };
        self.frames.write(&END_OF_ARCHIVE, take).map_err(|error| failed(&error))?;
        part.size += END_OF_ARCHIVE.len() as u64;
        self.frames.mark(part, take).map_err(|error| failed(&error))
    }

    fn end_archive(&mut self, take: Take<'_>) -> Result<()> {
        std::mem::take(&mut self.splitter).finish()?;
        self.end_part(take)
    }

    pub fn finish(mut self, take: Take<'_>) -> Result<()> {
        self.end_archive(take)?;
        self.frames.finish(take).map_err(|error| failed(&error))
    }
}

fn failed(error: &io::Error) -> Error {
    Error::new(Class::Internal, format!("could not compress the backup: {error}"))
}
