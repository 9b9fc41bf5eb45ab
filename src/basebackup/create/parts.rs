//! Cuts the archives that the server sends into parts: whole tar archives of about the same size, each of one
//! tablespace, so that a restore reads several at once.
//!
//! A part ends where an entry does, and gets an end of archive of its own.

use std::io;

use super::captured::CapturedConfiguration;
use crate::backup::{End, Take};
use crate::basebackup::Elsewhere;
use crate::basebackup::splitter::{END_OF_ARCHIVE, TarSplitter, TarStretch};
use crate::codec::FrameStream;
use crate::error::{Class, Error, Result};

/// What a part is, beside its size.
#[derive(Debug, Clone)]
pub struct PartMark {
    pub tablespace: Option<u32>,
    /// How many files and folders are in it.
    pub entries: u64,
}

/// The part under way, and where it goes.
pub struct PartCutter<'scope> {
    frames: FrameStream<'scope, End<PartMark>>,
    /// A part is ended before the next entry once it holds so many bytes.
    part_bytes: u64,
    splitter: TarSplitter,
    /// The part under way, if it has an entry.
    current: Option<End<PartMark>>,
    tablespace: Option<u32>,
    /// The configuration, which lies in the data directory.
    captured: CapturedConfiguration,
}

impl<'scope> PartCutter<'scope> {
    pub fn new(frames: FrameStream<'scope, End<PartMark>>, part_bytes: u64) -> Self {
        let splitter = TarSplitter::default();
        let captured = CapturedConfiguration::default();
        Self { frames, part_bytes, splitter, current: None, tablespace: None, captured }
    }

    pub fn begin_archive(
        &mut self,
        tablespace: Option<u32>,
        take: Take<'_, PartMark>,
    ) -> Result<()> {
        self.end_archive(take)?;
        self.tablespace = tablespace;
        Ok(())
    }

    pub fn write(&mut self, data: &[u8], take: Take<'_, PartMark>) -> Result<()> {
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.read(data, &mut |stretch| self.stretch(stretch, take))?;
        self.splitter = splitter;
        Ok(())
    }

    fn stretch(&mut self, stretch: TarStretch<'_>, take: Take<'_, PartMark>) -> Result<()> {
        match stretch {
            TarStretch::Entry => {
                if self.current.as_ref().is_some_and(|part| part.size >= self.part_bytes) {
                    self.end_part(take)?;
                }
                if self.tablespace.is_none() {
                    self.captured.entry();
                }
                let mark = PartMark { tablespace: self.tablespace, entries: 0 };
                self.current.get_or_insert(End { size: 0, mark }).mark.entries += 1;
                Ok(())
            }
            TarStretch::Bytes(bytes) => {
                self.captured.bytes(bytes);
                if let Some(part) = &mut self.current {
                    part.size += bytes.len() as u64;
                }
                self.frames.write(bytes, take).map_err(|error| failed(&error))
            }
        }
    }

    fn end_part(&mut self, take: Take<'_, PartMark>) -> Result<()> {
        let Some(mut part) = self.current.take() else { return Ok(()) };
        self.frames.write(&END_OF_ARCHIVE, take).map_err(|error| failed(&error))?;
        part.size += END_OF_ARCHIVE.len() as u64;
        self.frames.mark(part, take).map_err(|error| failed(&error))
    }

    fn end_archive(&mut self, take: Take<'_, PartMark>) -> Result<()> {
        std::mem::take(&mut self.splitter).finish()?;
        self.end_part(take)
    }

    /// Returns what of the configuration that came leads out of the data directory.
    pub fn finish(mut self, take: Take<'_, PartMark>) -> Result<Vec<Elsewhere>> {
        self.end_archive(take)?;
        self.frames.finish(take).map_err(|error| failed(&error))?;
        Ok(self.captured.elsewhere())
    }
}

fn failed(error: &io::Error) -> Error {
    Error::new(Class::Internal, format!("could not compress the backup: {error}"))
}
