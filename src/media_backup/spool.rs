//! Files without a name for what is read several times, such as an index: it may be too large for the memory, and a
//! process that is killed leaves nothing behind.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};

/// Written once and read any number of times; gone with its last reader.
#[derive(Clone)]
pub struct Spool(Arc<File>);

/// Reads it from its beginning, whoever else does.
pub struct SpoolReader {
    file: Arc<File>,
    at: u64,
}

impl Spool {
    /// `write` fills it.
    pub fn fill<T>(folder: &Path, write: impl FnOnce(&mut File) -> Result<T>) -> Result<(Self, T)> {
        let file = tempfile::tempfile_in(folder);
        let mut file = file.map_err(|error| Error::file("create a file in", folder, &error))?;
        let done = write(&mut file)?;
        Ok((Self(Arc::new(file)), done))
    }

    /// An empty one, for who fills it with [`Spool::writer`].
    pub fn create(folder: &Path) -> Result<Self> {
        Self::fill(folder, |_| Ok(())).map(|(spool, ())| spool)
    }

    pub fn writer(&self) -> impl Write + use<> {
        SpoolWriter(Arc::clone(&self.0))
    }

    /// A file that has a name already.
    pub fn of(file: File) -> Self {
        Self(Arc::new(file))
    }

    pub fn reader(&self) -> SpoolReader {
        SpoolReader { file: Arc::clone(&self.0), at: 0 }
    }

    /// What its zstd frames hold, in bytes.
    pub fn plain_size(&self) -> io::Result<u64> {
        let mut plain = zstd::Decoder::new(BufReader::new(self.reader()))?;
        io::copy(&mut plain, &mut io::sink())
    }
}

struct SpoolWriter(Arc<File>);

impl Write for SpoolWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Copies a plain stream into a file as zstd frames.
pub(crate) fn compress_into(file: &mut File, plain: &mut dyn Read) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    let mut encoder = zstd::Encoder::new(&mut *file, 1)?;
    io::copy(plain, &mut encoder)?;
    encoder.finish()?.flush()
}
