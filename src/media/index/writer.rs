use std::io::{self, BufWriter, Write};

use super::super::entry::Entry;
use super::line::Line;
use super::{End, Header};
use crate::error::{Class, Error, Result};

/// The level of zstd: paths and digests compress no better with more.
const LEVEL: i32 = 3;

/// Writes an index line by line, compressed. Whoever wants it encrypted hands over a writer that does it.
pub struct IndexWriter<W: Write> {
    out: BufWriter<zstd::Encoder<'static, W>>,
    end: End,
}

impl<W: Write> IndexWriter<W> {
    pub fn begin(out: W, header: &Header) -> Result<Self> {
        let encoder = zstd::Encoder::new(out, LEVEL).and_then(|mut encoder| {
            encoder.include_checksum(true)?;
            Ok(encoder)
        });
        let out = BufWriter::with_capacity(1 << 16, encoder.map_err(|error| failed(&error))?);
        let mut writer = Self { out, end: End::default() };
        writer.line(header)?;
        Ok(writer)
    }

    /// Entries come in byte order of their paths, each directory before what is in it.
    pub fn write(&mut self, entry: &Entry) -> Result<()> {
        self.end.add(entry);
        self.line(&Line::of(entry))
    }

    /// The totals, and what was written to.
    pub fn finish(mut self) -> Result<(End, W)> {
        let end = self.end;
        self.line(&serde_json::json!({ "end": end }))?;
        let encoder = self.out.into_inner().map_err(|error| failed(error.error()))?;
        let out = encoder.finish().map_err(|error| failed(&error))?;
        Ok((end, out))
    }

    fn line(&mut self, line: &impl serde::Serialize) -> Result<()> {
        let written = serde_json::to_writer(&mut self.out, line).map_err(io::Error::from);
        let written = written.and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|error| failed(&error))
    }
}

/// An error of ours comes through as it is.
fn failed(error: &io::Error) -> Error {
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    ours.cloned().unwrap_or_else(|| {
        Error::new(Class::LocalFile, format!("could not write the index: {error}"))
    })
}
