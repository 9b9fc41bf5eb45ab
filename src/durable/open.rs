use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Opens a file for reading and never waits: opening a FIFO would, until somebody writes into it.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Notes of ours are far smaller.
const SMALL_BYTES_MAX: u64 = 1 << 16;

/// The content of a small file of ours. Never waits, and reads nothing but a file, whatever has its name.
pub fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_to_read(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other(format!("expected a file, found {}", kind(&metadata))));
    }
    let mut content = Vec::new();
    file.take(SMALL_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}

/// Cuts a file to nothing, if there is anything in it. To cut an empty file is not for free: ext4 then
/// takes it for one that is being rewritten, and writes all of it to the disk as soon as it is closed
/// (`auto_da_alloc` in `ext4(5)`).
pub fn empty(file: &File) -> io::Result<()> {
    if file.metadata()?.len() == 0 { Ok(()) } else { file.set_len(0) }
}

/// What a person would call it, for messages that expected a file.
pub fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_file() {
        "a file"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
