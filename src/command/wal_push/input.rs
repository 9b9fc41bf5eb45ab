//! The file that is to be archived, opened once and checked before anything is sent: its name, its length, its first page,
//! and the system it is of. What waits behind it is looked at only as far as its length.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use crate::data_directory::DataDirectory;
use crate::durable::{self, FileStamp};
use crate::error::{Class, Error, Result};
use crate::postgres::{
    FIRST_PAGE_HEADER_BYTES, SystemIdentifier, TimelineHistory, WalFileName, WalPageHeader,
    WalSegment, check_backup_history,
};

/// Histories and backup histories are a few hundred bytes.
const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;

/// A file that was found to be what its name says, before anything is sent.
pub(super) struct Input {
    pub name: WalFileName,
    pub file: File,
    pub size: u64,
    pub seen: FileStamp,
    pub system: SystemIdentifier,
}

impl Input {
    pub(super) fn open(
        path: &Path,
        name: WalFileName,
        server: Option<&DataDirectory>,
    ) -> Result<Self> {
        let said = |error: Error| error.while_doing(format!("could not archive {name}"));
        open(path, name, server).map_err(said)
    }
}

fn open(path: &Path, name: WalFileName, server: Option<&DataDirectory>) -> Result<Input> {
    let failed = |error| not_read(path, &error);
    let mut file = durable::open_to_read(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        let found = durable::kind(&metadata);
        return Err(wrong(format!("expected a file at {path:?}, found {found}")));
    }
    let seen = FileStamp::of(&file).map_err(failed)?;
    let size = metadata.len();
    let expected = server.map(DataDirectory::system_identifier).transpose()?;
    let limit = if name.is_small() { SMALL_FILE_BYTES_MAX } else { FIRST_PAGE_HEADER_BYTES as u64 };
    let mut front = Vec::new();
    (&mut file).take(limit).read_to_end(&mut front).map_err(failed)?;
    file.rewind().map_err(failed)?;
    let system = match name {
        WalFileName::Segment(segment) | WalFileName::Partial(segment) => {
            check_segment(&front, size, segment, expected)?
        }
        WalFileName::History(_) | WalFileName::Backup { .. } => {
            check_small(&front, size, name)?;
            expected.ok_or_else(no_server)?
        }
    };
    Ok(Input { name, file, size, seen, system })
}

fn check_segment(
    front: &[u8],
    size: u64,
    segment: WalSegment,
    expected: Option<SystemIdentifier>,
) -> Result<SystemIdentifier> {
    let header = WalPageHeader::parse(front).map_err(|error| wrong(error.0))?;
    if size != header.segment_size.bytes() {
        return Err(wrong(format!(
            "expected a segment of {} bytes as its header says, found {size} bytes",
            header.segment_size.bytes()
        ))
        .hint("A copy that was cut short or is still being written? PostgreSQL hands over whole segments."));
    }
    header.check_name(segment).map_err(|error| {
        wrong(error.0)
            .hint("PATH and NAME must be of one file: archive_command = 'wal-push %p %f'.")
    })?;
    match expected {
        Some(server) if server != header.system_identifier => Err(wrong(format!(
            "expected WAL of this server, system {server}, found WAL of system {}",
            header.system_identifier
        ))
        .hint("The file comes from another cluster; look where it was copied from.")),
        _ => Ok(header.system_identifier),
    }
}

fn check_small(content: &[u8], size: u64, name: WalFileName) -> Result<()> {
    if size > SMALL_FILE_BYTES_MAX {
        return Err(wrong(format!("expected at most {SMALL_FILE_BYTES_MAX} bytes, found {size}")));
    }
    let checked = match name {
        WalFileName::History(timeline) => TimelineHistory::parse(timeline, content).map(|_| ()),
        _ => check_backup_history(content),
    };
    checked.map_err(|error| wrong(error.0))
}

fn not_read(path: &Path, error: &io::Error) -> Error {
    let failure = Error::file("read", path, error);
    match std::env::current_dir() {
        Ok(folder) if error.kind() == io::ErrorKind::NotFound && path.is_relative() => failure
            .hint(format!(
                "It was looked for in {folder:?}; PostgreSQL calls in its data directory."
            )),
        _ => failure,
    }
}

fn no_server() -> Error {
    wrong("neither the file nor the working directory is in a data directory".into())
        .hint("Call it as PostgreSQL does: in the data directory, with a path below pg_wal.")
}

fn wrong(message: String) -> Error {
    Error::new(Class::Input, message)
}

/// Where a file waits, and how large it is, without opening it yet.
pub(super) fn waiting(name: WalFileName, path: PathBuf) -> Option<((WalFileName, PathBuf), u64)> {
    let size = std::fs::metadata(&path).ok()?.len();
    Some(((name, path), size))
}
