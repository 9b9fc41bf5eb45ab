//! A snapshot in one more repository: a copy of the tree that it lies in already. Files that change meanwhile are the
//! same in both, and the files of the set are read once.

use super::super::entry::{Entry, FileContent};
use super::super::scan::{FoundEntry, FoundKind};
use super::super::source_file::SourceFile;
use super::Keep;
use super::keeping::{TakeOutcome, TakeWorker};
use crate::backup::damaged;
use crate::error::Result;

impl<K: Keep> TakeWorker<'_, K> {
    /// A file whose content is known: shared with the previous snapshot, or read from the tree. Where that has
    /// something else by now, because it is damaged, the file of the set may still have it.
    pub(super) fn copy(
        &mut self,
        entry: Box<Entry>,
        previous: Option<&Entry>,
    ) -> Result<TakeOutcome> {
        let Some(content) = entry.content().cloned() else {
            return Ok(TakeOutcome::Kept { entry, read: false, new: false });
        };
        let keep = self.taking.keep;
        if let Some(previous) = previous.filter(|it| is_same_file(it, &entry, &content))
            && keep.again(&mut self.tool, &entry, previous)?
        {
            return Ok(TakeOutcome::Kept { entry, read: false, new: false });
        }
        let found = known_file(&entry, &content);
        for open in [Self::in_tree, Self::in_set] {
            if let Some(source) = open(self, &entry)
                && let Some(new) = self.keep_known(&found, source, &content)?
            {
                return Ok(TakeOutcome::Kept { entry, read: true, new });
            }
        }
        let path = self.taking.copy_of.map(|it| it.tree.shown(entry.path.as_bytes()));
        let path = path.unwrap_or_default();
        let message =
            format!("expected the content that was just stored at {path:?}, found another");
        Err(damaged(message).hint(
            "`media-backup verify` names all that is damaged there; then take the snapshot again.",
        ))
    }

    /// Whether it was kept anew; `None` where this has another content.
    fn keep_known(
        &mut self,
        found: &FoundEntry,
        mut source: SourceFile,
        content: &FileContent,
    ) -> Result<Option<bool>> {
        if source.size() != content.size {
            return Ok(None);
        }
        // What is kept are the bytes that were read, and not what a clone of the file has.
        source.never_rests();
        match self.taking.keep.file(&mut self.tool, found, &mut source) {
            Ok((digest, new)) if digest == content.digest => return Ok(Some(new)),
            Err(error) if source.trouble().is_none() => return Err(error),
            _ => {}
        }
        self.taking.keep.forget(&mut self.tool, found)?;
        Ok(None)
    }

    fn in_tree(&mut self, entry: &Entry) -> Option<SourceFile> {
        SourceFile::open(self.tree.as_mut()?, entry.path.as_bytes()).ok()
    }

    fn in_set(&mut self, entry: &Entry) -> Option<SourceFile> {
        let (cursor, path) = self.sources.at(entry.path.as_bytes()).ok()?;
        SourceFile::open(cursor, &path).ok()
    }
}

fn is_same_file(previous: &Entry, entry: &Entry, content: &FileContent) -> bool {
    let told = |it: &FileContent| (it.size, it.digest) == (content.size, content.digest);
    previous.content().is_some_and(told) && previous.metadata.is_same_inode(&entry.metadata)
}

/// A file whose content is known, as if it were found now.
pub(crate) fn known_file(entry: &Entry, content: &FileContent) -> FoundEntry {
    let names = if content.linked { 2 } else { 1 };
    FoundEntry {
        path: entry.path.clone(),
        kind: FoundKind::File { size: content.size, sparse: content.sparse, names },
        metadata: entry.metadata.clone(),
        seen: entry.seen,
    }
}
