//! Taking a snapshot into a folder: the note that it is being taken, the tree and the index, and last the description
//! and the link `latest`. Folders get their owners, modes and times, which the index tells, when all files are there,
//! because each file that is put into a folder changes its time. Until then no other user may enter a folder.

use std::io::{self, BufReader, Write};
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::super::description::SnapshotTotals;
use super::super::entry::{Entry, FileMetadata};
use super::super::index::{INDEX_FORMAT, IndexHeader, IndexReader, IndexWriter, Previous};
use super::super::open_places::Places;
use super::super::path::Nested;
use super::super::problems::{Damage, MediaProgress, Problems};
use super::super::spool::{Spool, SpoolReader};
use super::super::take::{KeptTree, Taking};
use super::super::{BEGUN, INDEX};
use super::removal::{point_latest_to, remove_snapshot};
use super::tree::Tree;
use super::{TREE, open_index, open_tree, snapshot_folder};
use crate::backup::{DESCRIPTION, StoredObject, hex};
use crate::config::MediaSet;
use crate::durable::{
    self, Beneath, Bulk, DirCursor, FolderOwner, Owner, Publication, Published, open_to_read,
    set_mode_of, set_mtime, set_xattr,
};
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::storage::pace;

/// Where files are written before they have a name, as in the storage of a repository.
const TEMPORARIES: &str = ".seawall-tmp";

/// A snapshot in a folder, about to be taken.
pub struct LocalSnapshot<'a> {
    /// The root of the repository. What is created in it is for its owner only, so the modes that files keep in
    /// the tree make them readable to nobody else.
    pub root: &'a Path,
    pub set: &'a MediaSet,
    pub id: &'a str,
    pub began: Timestamp,
    /// The id of the whole snapshot before, to share files with.
    pub previous: Option<&'a str>,
    pub checksum: bool,
    /// What the one before has, and is damaged.
    pub damage: Damage,
    /// Other folders that are not entered, such as other repositories.
    pub leave_out: &'a [&'a Path],
    /// The tree that the snapshot lies in already, in another repository.
    pub copy_of: Option<&'a KeptTree>,
    /// Whether other repositories are to get a copy of it.
    pub is_copied: bool,
    pub threads: NonZeroUsize,
    pub progress: &'a (dyn Fn(MediaProgress) + Sync),
}

/// A snapshot that is durable, all but its description.
#[derive(Debug)]
pub struct TreeTaken {
    /// Plain length, length as stored, and SHA-256.
    pub index: StoredObject,
    pub totals: SnapshotTotals,
    pub problems: Problems,
    /// For the copies.
    pub kept: Option<KeptTree>,
}

impl LocalSnapshot<'_> {
    /// Takes it. `describe` writes the description, by which the snapshot exists; everything else is durable
    /// when it is called, and `latest` is pointed to it afterwards. When something fails before, what was
    /// written is removed again; a process that is killed leaves it to `prune`.
    pub fn take(&self, describe: impl FnOnce(&TreeTaken) -> Result<()>) -> Result<TreeTaken> {
        let places = Places::of_set(&self.set.paths)?;
        let folder = snapshot_folder(self.root, &self.set.name, self.id);
        let tree = self.create(&folder)?;
        reach("media.folder-made");
        let written = self.write(&places, &folder, tree);
        let described = written.and_then(|taken| describe(&taken).map(|()| taken));
        let taken = described.inspect_err(|_| {
            if !folder.join(DESCRIPTION).exists() {
                let _ = remove_snapshot(self.root, &self.set.name, self.id);
            }
        })?;
        reach("media.described");
        self.end(&folder);
        point_latest_to(self.root, &self.set.name, self.id)?;
        Ok(taken)
    }

    /// The note that it is being taken, and the folder for its files, which is root's: they are for those whom their
    /// modes name, and the way to them for root. It is open from here on: who owns the repository can exchange what
    /// its path names.
    fn create(&self, folder: &Path) -> Result<Beneath> {
        let taken = || {
            let message = format!("snapshot {} already exists", self.id);
            Error::new(Class::Conflict, message)
                .hint("Another one was begun in the same second; try again.")
        };
        if folder.exists() {
            return Err(taken());
        }
        self.begin(folder).map_err(|error| match error.class() {
            Class::Conflict => taken(),
            _ => error,
        })?;
        reach("media.begun");
        let tree = durable::new_folder(self.root, &folder.join(TREE), FolderOwner::Ours)?;
        tree.ok_or_else(taken)
    }

    /// A tree is no object: without this note nobody would see, list or remove what a killed process leaves.
    fn begin(&self, folder: &Path) -> Result<()> {
        let note = serde_json::json!({
            "seawall": INDEX_FORMAT,
            "id": self.id,
            "began": self.began.to_string(),
            "process": std::process::id(),
        });
        let mut out = HashedFile::begin(self.root, &folder.join(BEGUN))?;
        let written = out.write_all(note.to_string().as_bytes());
        written.map_err(|error| Error::file("write", &folder.join(BEGUN), &error))?;
        let size = out.length;
        out.published(BEGUN, size).map(drop)
    }

    /// From its description on it is seen by that. A note that stays says nothing.
    fn end(&self, folder: &Path) {
        if let Ok(Some(folder)) = durable::open_below(self.root, folder) {
            let _ = folder.cursor().remove(BEGUN.as_bytes());
        }
    }

    fn write(&self, places: &Places, folder: &Path, new: Beneath) -> Result<TreeTaken> {
        let bulk = Bulk::begin([folder])?;
        let old = self.previous_tree();
        let (previous, old) = old.unzip();
        let keep = Tree::new(&new, old.as_ref(), self.damage.clone(), self.checksum);
        let leave_out: Vec<&Path> =
            [self.root].into_iter().chain(self.leave_out.iter().copied()).collect();
        let taking = Taking {
            set: self.set,
            places,
            keep: &keep,
            checksum: self.checksum,
            leave_out: &leave_out,
            copy_of: self.copy_of,
            threads: self.threads,
            progress: self.progress,
        };
        let index_path = folder.join(INDEX);
        let spool = self.is_copied.then(|| Spool::create(&std::env::temp_dir())).transpose()?;
        let out = HashedFile::begin(self.root, &index_path)?;
        let out = Twice { out, again: spool.as_ref().map(Spool::writer) };
        let mut index = IndexWriter::begin(out, &IndexHeader::new(self.set, self.id, self.began))?;
        let (totals, problems) = taking.run(previous, &mut index)?;
        reach("media.files-kept");
        let (_, twice) = index.finish()?;
        let object = twice.out.finish()?;
        reach("media.index-stored");
        let folders = dress_folders(&new, &index_path, !bulk.is_whole())?;
        bulk.sync(&[vec![folder.join(TREE)], folders].concat())?;
        reach("media.synced");
        let kept = spool.map(|index| KeptTree { tree: new, index, problems: problems.clone() });
        Ok(TreeTaken { index: object, totals, problems, kept })
    }

    /// Without it, or when it can't be read, everything is kept anew.
    fn previous_tree(&self) -> Option<(Previous<SpoolReader>, Beneath)> {
        let id = self.previous?;
        let opened = || {
            let index = open_index(self.root, &self.set.name, id)?;
            Ok((Previous::new(index)?, open_tree(self.root, &self.set.name, id)?))
        };
        let opened: Result<_> = opened();
        opened.inspect_err(|error| tracing::warn!("could not share files with {id}: {error}")).ok()
    }
}

/// The index on its way to its name, and once more without one.
struct Twice<W> {
    out: HashedFile,
    again: Option<W>,
}

impl<W: Write> Write for Twice<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        if let Some(again) = &mut self.again {
            again.write_all(&bytes[..written])?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The index, or the note before it, on its way to its name, measured and hashed.
struct HashedFile {
    publication: Publication,
    target: PathBuf,
    hasher: Sha256,
    length: u64,
}

impl HashedFile {
    fn begin(root: &Path, target: &Path) -> Result<Self> {
        let publication = Publication::begin(root, &root.join(TEMPORARIES), target, 0)?;
        Ok(Self { publication, target: target.to_owned(), hasher: Sha256::new(), length: 0 })
    }

    /// The object as it is stored; its plain length is told by reading it.
    fn finish(self) -> Result<StoredObject> {
        let target = self.target.clone();
        let stored = self.published(INDEX, 0)?;
        let failed = |error| Error::file("read", &target, &error);
        let opened = open_to_read(&target).map_err(failed)?;
        let mut plain = zstd::Decoder::new(BufReader::new(opened)).map_err(failed)?;
        let size = io::copy(&mut plain, &mut io::sink()).map_err(failed)?;
        Ok(StoredObject { size, ..stored })
    }

    fn published(self, name: &str, size: u64) -> Result<StoredObject> {
        if self.publication.finish(b"")? == Published::Exists {
            let message = format!("{:?} already exists", self.target);
            return Err(Error::new(Class::Conflict, message));
        }
        let (object, stored_size) = (name.to_owned(), self.length);
        Ok(StoredObject { object, size, stored_size, sha256: hex(self.hasher) })
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        pace(bytes.len());
        self.publication.write(bytes).map_err(io::Error::other)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Each when nothing comes into it any more, the inner ones first. Returns their paths if asked for.
pub(super) fn dress_folders(tree: &Beneath, index: &Path, tell: bool) -> Result<Vec<PathBuf>> {
    let file = open_to_read(index).map_err(|error| Error::file("read", index, &error))?;
    let mut reader = IndexReader::open(file)?;
    let (mut nested, mut cursor) = (Nested::default(), tree.cursor());
    let mut folders = Vec::new();
    let mut done = |folder: Vec<u8>, metadata: &FileMetadata| {
        if tell {
            folders.push(tree.shown(&folder));
        }
        let dressed = dress_folder(&mut cursor, &folder, metadata);
        dressed.map_err(|error| {
            Error::file("set owner, mode and time of", &tree.shown(&folder), &error)
        })
    };
    while let Some(entry) = reader.next_entry()? {
        for (folder, metadata) in nested.advance(entry.path.as_bytes()) {
            done(folder, &metadata)?;
        }
        if entry.is_directory() {
            let Entry { path, metadata, .. } = entry;
            nested.push(path.as_bytes(), metadata);
        }
    }
    for (folder, metadata) in nested.finish() {
        done(folder, &metadata)?;
    }
    Ok(folders)
}

fn dress_folder(
    cursor: &mut DirCursor<'_>,
    path: &[u8],
    metadata: &FileMetadata,
) -> io::Result<()> {
    let folder: OwnedFd = cursor.open_folder(path)?;
    for (name, value) in metadata.xattrs.iter().filter(|(name, _)| name.starts_with("user.")) {
        let _ = set_xattr(&folder, name.as_bytes(), value);
    }
    if rustix::process::geteuid().is_root() {
        Owner { uid: metadata.uid, gid: metadata.gid }.give_where_possible(&folder)?;
    }
    set_mode_of(&folder, folder_mode(metadata.mode))?;
    set_mtime(&folder, metadata.mtime.parts())
}

/// The mode of a folder in the tree: who owns the repository can list it, and remove it one day.
fn folder_mode(mode: u32) -> u32 {
    mode & 0o777 | 0o700
}
