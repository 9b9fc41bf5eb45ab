//! A tree of one repository once more in another one. Files that are one with those of the tree before are one in the copy
//! as well; all others are read, and proved by the index.

use std::path::Path;

use super::super::INDEX;
use super::super::entry::{Entry, FileKind};
use super::super::problems::Damage;
use super::super::source_file::SourceFile;
use super::super::take::{Keep, known_file};
use super::removal::{LATEST, point_latest_to};
use super::snapshot::dress_folders;
use super::tree::{Tree, TreeCursors};
use super::{TREE, open_index, open_tree, set_folder, snapshot_folder};
use crate::backup::damaged;
use crate::durable::{self, Beneath, Bulk, DirCursor, FolderOwner};
use crate::error::{Class, Error, Result};

/// A tree to be copied. Its index is in the target already, and proved.
pub struct TreeCopy<'a> {
    /// The roots of the repositories.
    pub from: &'a Path,
    pub to: &'a Path,
    pub set: &'a str,
    pub id: &'a str,
    /// A snapshot that both have as a tree.
    pub previous: Option<&'a str>,
    /// Gets how many bytes of a file were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// How many files came over as files of their own, and their length in bytes.
pub type CopiedFiles = (u64, u64);

struct SourceCursors<'a> {
    tree: DirCursor<'a>,
    previous: Option<DirCursor<'a>>,
}

impl TreeCopy<'_> {
    /// Lays the files, durably. The description is for the caller, and so is what an error leaves.
    pub fn lay(&self) -> Result<CopiedFiles> {
        let folder = snapshot_folder(self.to, self.set, self.id);
        let bulk = Bulk::begin([&*folder])?;
        let new = durable::new_folder(self.to, &folder.join(TREE), FolderOwner::Ours)?;
        let new = new.ok_or_else(|| {
            let message = format!("{:?} already exists", folder.join(TREE));
            Error::new(Class::Conflict, message)
        })?;
        let open = |root: &Path| self.previous.map(|id| open_tree(root, self.set, id)).transpose();
        let (old_here, old_there) = (open(self.from)?, open(self.to)?);
        let tree = open_tree(self.from, self.set, self.id)?;
        let keep = Tree::new(&new, old_there.as_ref(), Damage::default(), false);
        let mut tool = keep.tool();
        let previous = old_here.as_ref().map(Beneath::cursor);
        let mut source = SourceCursors { tree: tree.cursor(), previous };
        let (mut index, mut copied) = (open_index(self.to, self.set, self.id)?, (0, 0));
        while let Some(entry) = index.next_entry()? {
            match &entry.kind {
                FileKind::Directory { .. } => keep.directory(&mut tool, &entry)?,
                FileKind::HardLink { .. } | FileKind::Symlink { .. } => {
                    keep.link(&mut tool, &entry)?;
                }
                FileKind::File(_) => {
                    if !self.shared(&keep, &mut tool, &mut source, &entry)? {
                        let bytes = self.file(&keep, &mut tool, &mut source, &entry)?;
                        copied = (copied.0 + 1, copied.1 + bytes);
                    }
                }
            }
        }
        let folders = dress_folders(&new, &folder.join(INDEX), !bulk.is_whole())?;
        bulk.sync(&[vec![folder.join(TREE)], folders].concat())?;
        Ok(copied)
    }

    /// Whether it is one file with that of the tree before, in the copy too now.
    fn shared<'k>(
        &self,
        keep: &'k Tree<'k>,
        tool: &mut TreeCursors<'k>,
        source: &mut SourceCursors<'_>,
        entry: &Entry,
    ) -> Result<bool> {
        let Some(previous) = &mut source.previous else { return Ok(false) };
        let path = entry.path.as_bytes();
        let one = |cursor: &mut DirCursor<'_>| {
            cursor.stat(path).ok().map(|stat| (stat.st_dev, stat.st_ino))
        };
        let (here, before) = (one(&mut source.tree), one(previous));
        if here.is_none() || here != before {
            return Ok(false);
        }
        keep.again(tool, entry, entry)
    }

    fn file<'k>(
        &self,
        keep: &'k Tree<'k>,
        tool: &mut TreeCursors<'k>,
        source: &mut SourceCursors<'_>,
        entry: &Entry,
    ) -> Result<u64> {
        let Some(content) = entry.content() else { return Ok(0) };
        let path = entry.path.as_bytes();
        let shown = source.tree.shown(path);
        let opened = SourceFile::open(&mut source.tree, path);
        let mut file = opened.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => damaged(format!("there is no file at {shown:?}")),
            _ => Error::file("read", &shown, &error),
        })?;
        // What is kept are the bytes that were read, and not what a clone of the file has.
        file.never_rests();
        let (digest, _) = keep.file(tool, &known_file(entry, content), &mut file)?;
        if digest != content.digest {
            let (expected, found) = (content.digest, digest);
            let message = format!(
                "expected content with BLAKE3 {expected} at {shown:?}, found content with {found}"
            );
            return Err(damaged(message));
        }
        (self.progress)(content.size);
        Ok(content.size)
    }

    /// Points `latest` to the copy, unless it leads to a newer snapshot.
    pub fn point_latest(&self) -> Result<()> {
        let latest = set_folder(self.to, self.set).join(LATEST);
        let target = std::fs::read_link(latest).ok();
        let newer = target.and_then(|it| it.to_str().map(|it| it > self.id)).unwrap_or(false);
        if newer { Ok(()) } else { point_latest_to(self.to, self.set, self.id) }
    }
}
