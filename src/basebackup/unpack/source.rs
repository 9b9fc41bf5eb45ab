//! One base backup in a repository, as `restore`, `drill` and `verify` read it: its manifest, and its parts entry by
//! entry, with paths as the manifest has them.
//!
//! All of it is proved while it is read. What is shown to a visitor before the end of a part may have to be shown
//! again. Nothing but plain ustar is understood, and no path that leads upwards: the server writes nothing else, and who
//! wants to lead a reader astray would need more.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io::{self, BufRead, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};

use super::layout::TABLESPACES;
use crate::backup::{ObjectSource, StoredObject, damaged};
use crate::basebackup::description::check_manifest_length;
use crate::basebackup::{Description, Part};
use crate::codec::{Identities, read_failed};
use crate::error::{Class, Error, Result};
use crate::postgres::BackupManifest;
use crate::storage::{DAMAGED, Storage};

/// A base backup in a repository, about to be read.
#[derive(Clone, Copy)]
pub struct BackupSource<'a> {
    pub storage: &'a dyn Storage,
    /// What the keys of its objects begin with, its last `/` included.
    pub prefix: &'a str,
    pub description: &'a Description,
    pub identities: &'a Identities,
    /// How often an object is read whose answer breaks off.
    pub attempts: u32,
}

/// Who is shown a part.
pub trait PartVisitor {
    /// The part is read from its beginning: the first time, or because the try before broke off.
    fn begin(&mut self);

    /// An error ends the reading of the part.
    fn entry(&mut self, entry: PartEntry<'_>) -> Result<()>;
}

impl BackupSource<'_> {
    /// `backup_manifest` as it is stored, and what it says. Proved by the description and by itself.
    pub fn manifest(&self) -> Result<(Vec<u8>, BackupManifest)> {
        let object = &self.description.manifest;
        self.check_manifest_length()?;
        self.objects().plain(object, &|_| {}, &mut |plain| {
            let mut bytes = Vec::new();
            plain.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
            let manifest = BackupManifest::parse(&bytes);
            let manifest = manifest.map_err(|error| damaged(error.to_string()))?;
            let expected = &self.description.system_identifier;
            if let Some(found) = manifest.system.filter(|found| found.to_string() != *expected) {
                return Err(damaged(format!(
                    "expected the backup_manifest of system {expected}, found that of system {found}"
                )));
            }
            Ok((bytes, manifest))
        })
    }

    /// Before it is read: of its length there is only the word of who described it.
    fn check_manifest_length(&self) -> Result<()> {
        let Description { parts, manifest, .. } = self.description;
        let checked = check_manifest_length(parts, manifest.size);
        checked.map_err(|reason| damaged(reason).hint(DAMAGED))
    }

    /// Reads a part to its end. When it returns, the visitor was shown all of it in order, and it is what
    /// was stored. `progress` gets the number of plain bytes after each read.
    pub fn part(
        &self,
        part: &Part,
        progress: &dyn Fn(u64),
        visitor: &mut dyn PartVisitor,
    ) -> Result<()> {
        self.objects().plain(&part.stored, progress, &mut |plain| {
            visitor.begin();
            read_entries(plain, part, &mut |entry| visitor.entry(entry))
        })
    }

    /// Reads the beginning of the smallest part: whether it comes at all, and opens with the keys that are here.
    pub fn try_part(&self) -> Result<()> {
        let parts = self.description.parts.iter();
        let Some(part) = parts.min_by_key(|part| part.stored.stored_size) else { return Ok(()) };
        let enough = Cell::new(false);
        let tried = self.objects().plain(&part.stored, &|_| {}, &mut |plain| {
            plain.fill_buf().map_err(|error| read_failed(&error))?;
            enough.set(true);
            Err::<(), _>(Error::new(Class::Internal, "the rest is read later"))
        });
        if enough.get() { Ok(()) } else { tried }
    }

    /// Proves a part or the manifest without opening it, see [`ObjectSource::stored`].
    pub fn stored(&self, object: &StoredObject, progress: &dyn Fn(u64)) -> Result<()> {
        self.objects().stored(object, progress)
    }

    fn objects(&self) -> ObjectSource<'_> {
        let Self { storage, prefix, description, identities, attempts } = *self;
        ObjectSource { storage, prefix, encrypted: description.encrypted, identities, attempts }
    }
}

/// A file, folder or link of a part.
pub struct PartEntry<'a> {
    /// Below the data directory, as `backup_manifest` writes it: files of a tablespace lie below
    /// `pg_tblspc/<oid>`. Without `.` and `..`.
    pub path: &'a Path,
    pub kind: EntryKind,
    /// Permission bits it had on the server.
    pub mode: u32,
    /// Its read errors are what [`read_failed`] takes. Nobody has to read it.
    pub content: &'a mut dyn BufRead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// With its length in bytes.
    File(u64),
    Folder,
    /// A symbolic link.
    Link,
}

const BLOCK_BYTES: usize = 512;

/// Where the checksum stands in a header; it counts as spaces in the sum.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Shows the entries of a part, one after the other. The content is shown where it was decompressed to, which saves a
/// copy of every byte.
pub fn read_entries(
    plain: &mut dyn BufRead,
    part: &Part,
    visit: &mut dyn FnMut(PartEntry<'_>) -> Result<()>,
) -> Result<()> {
    let below = part.tablespace.map(|oid| Path::new(TABLESPACES).join(oid.to_string()));
    let below = below.unwrap_or_default();
    let mut found = 0;
    while let Some(header) = next_header(plain).map_err(|error| read_failed(&error))? {
        found += 1;
        let path = path_of(&below, &header.path_bytes())?;
        let kind = kind_of(&header, &path)?;
        let mode = header.mode().map_err(|error| read_failed(&error))?;
        let size = header.entry_size().map_err(|error| read_failed(&error))?;
        let padded = size.checked_next_multiple_of(BLOCK_BYTES as u64);
        let padding = padded.map_or(0, |padded| padded - size);
        let mut content = Read::take(&mut *plain, size);
        visit(PartEntry { path: &path, kind, mode, content: &mut content })?;
        skip(&mut content)
            .and_then(|()| skip(&mut Read::take(&mut *plain, padding)))
            .map_err(|error| read_failed(&error))?;
    }
    if found != part.entries {
        let expected = part.entries;
        return Err(damaged(format!("expected {expected} files and folders, found {found}")));
    }
    Ok(())
}

fn skip(content: &mut dyn Read) -> io::Result<()> {
    io::copy(content, &mut io::sink()).map(|_| ())
}

/// The header of the next entry; `None` at the end, which is a block of zeros.
fn next_header(plain: &mut dyn BufRead) -> io::Result<Option<Header>> {
    let mut header = Header::new_old();
    let block = header.as_mut_bytes();
    plain.read_exact(block).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::other("an archive without end"),
        _ => error,
    })?;
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let counted = |(at, byte): (usize, &u8)| if CHECKSUM.contains(&at) { b' ' } else { *byte };
    let sum: u32 = block.iter().enumerate().map(counted).map(u32::from).sum();
    match header.cksum()? == sum {
        true => Ok(Some(header)),
        false => Err(io::Error::other("a header with a wrong checksum")),
    }
}

/// The server begins some paths with `./`, and ends those of folders with `/`.
fn path_of(below: &Path, written: &[u8]) -> Result<PathBuf> {
    let parts: Vec<&[u8]> = written.split(|byte| *byte == b'/').collect();
    let harmless = |part: &&[u8]| *part != b"..".as_slice() && !part.contains(&0);
    if written.starts_with(b"/") || !parts.iter().all(harmless) {
        let written = OsStr::from_bytes(written);
        return Err(damaged(format!("expected paths below the folder, found {written:?}")));
    }
    let names = parts.into_iter().filter(|part| !matches!(*part, b"" | b"."));
    Ok(below.iter().chain(names.map(OsStr::from_bytes)).collect())
}

fn kind_of(header: &Header, path: &Path) -> Result<EntryKind> {
    match header.entry_type() {
        EntryType::Regular => {
            header.entry_size().map(EntryKind::File).map_err(|error| read_failed(&error))
        }
        EntryType::Directory => Ok(EntryKind::Folder),
        EntryType::Symlink => Ok(EntryKind::Link),
        other => {
            let (path, kind) = (path.display(), char::from(other.as_byte()));
            Err(damaged(format!(
                "{path}: expected a file, a folder or a link, found type {kind:?}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};

    use super::*;

    fn archive(entries: &[(&[u8], EntryType)]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, kind) in entries {
            let mut header = Header::new_ustar();
            // `set_path` would refuse some of them.
            header.as_old_mut().name[..name.len()].copy_from_slice(name);
            header.set_entry_type(*kind);
            header.set_mode(0o640);
            header.set_size(0);
            header.set_cksum();
            builder.append(&header, &[][..]).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn paths(archive: &[u8], tablespace: Option<u32>, entries: u64) -> Result<Vec<String>> {
        let object = "part".to_owned();
        let stored = StoredObject { object, size: 0, stored_size: 0, sha256: String::new() };
        let mut found = Vec::new();
        read_entries(&mut &*archive, &Part { stored, tablespace, entries }, &mut |entry| {
            assert_eq!(entry.mode, 0o640);
            found.push(format!("{} {:?}", entry.path.display(), entry.kind));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn paths_are_those_of_the_manifest() {
        let archive = archive(&[
            (b"./pg_wal/archive_status/", EntryType::Directory),
            (b"base//1/./2", EntryType::Regular),
            (b"pg_tblspc/16384", EntryType::Symlink),
            (b"./", EntryType::Directory),
        ]);
        assert_eq!(
            paths(&archive, None, 4).unwrap(),
            ["pg_wal/archive_status Folder", "base/1/2 File(0)", "pg_tblspc/16384 Link", " Folder"]
        );
        assert_eq!(paths(&archive, Some(7), 4).unwrap()[1], "pg_tblspc/7/base/1/2 File(0)");
        assert_eq!(
            paths(&archive, None, 5).unwrap_err().to_string(),
            "expected 5 files and folders, found 4"
        );
    }

    #[test]
    fn nothing_leads_elsewhere() {
        for name in ["/etc/passwd", "../x", "base/../../x", "base/..", ".."] {
            let archive = archive(&[(name.as_bytes(), EntryType::Regular)]);
            assert_eq!(
                paths(&archive, None, 1).unwrap_err().to_string(),
                format!("expected paths below the folder, found {name:?}")
            );
        }
    }

    #[test]
    fn no_other_kind_of_entry_is_known() {
        for (kind, shown) in
            [(EntryType::Link, '1'), (EntryType::Fifo, '6'), (EntryType::GNULongName, 'L')]
        {
            assert_eq!(
                paths(&archive(&[(b"a", kind)]), None, 1).unwrap_err().to_string(),
                format!("a: expected a file, a folder or a link, found type {shown:?}")
            );
        }
    }

    #[test]
    fn a_damaged_header_is_noticed() {
        let mut archive = archive(&[(b"a", EntryType::Regular)]);
        archive[0] = b'b';
        let cut = paths(&archive[..300], None, 1).unwrap_err().to_string();
        assert_eq!(cut, "it can't be unpacked: an archive without end");
        assert_eq!(
            paths(&archive, None, 1).unwrap_err().to_string(),
            "it can't be unpacked: a header with a wrong checksum"
        );
    }
}
