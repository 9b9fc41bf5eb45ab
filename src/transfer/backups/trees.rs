//! A snapshot that is a tree comes into a repository that keeps trees: from folder to folder, with the hard links.
//!
//! A tree is no object, and nothing tells how far one is that was cut short: the next copy begins it anew. It knows by a note
//! that it was a copy, and no snapshot that is being taken.

use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::super::CopiedAmount;
use super::super::session::CopySession;
use crate::backup::{BackupFolder, create_once};
use crate::codec::read_failed;
use crate::config::Location;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::media_backup::BEGUN;
use crate::media_backup::local::{TreeCopy, remove_snapshot};

const NOTE_BYTES_MAX: u64 = 1 << 16;

/// Whether trees can be copied: both repositories are folders, and the target keeps objects in the clear.
pub(super) fn are_copied(session: &CopySession<'_>) -> bool {
    roots(session).is_some() && !session.to().encrypts()
}

fn roots<'a>(session: &CopySession<'a>) -> Option<[&'a Path; 2]> {
    let root = |at: usize| match &session.transfer.config.repositories.get(at)?.location {
        Location::Folder(root) => Some(root.as_path()),
        Location::S3(_) => None,
    };
    Some([root(0)?, root(1)?])
}

/// A tree on its way.
pub(super) struct TreeOnItsWay<'a> {
    pub(super) session: &'a CopySession<'a>,
    pub(super) folder: &'a BackupFolder,
    pub(super) set: &'a str,
    pub(super) previous: Option<&'a str>,
}

impl TreeOnItsWay<'_> {
    /// Removes what an earlier copy has left, and says that this one is under way.
    pub(super) fn begin(&self) -> Result<()> {
        let (to, key) = (self.session.to(), self.folder.key(BEGUN));
        if let Some(reader) = to.storage().open(&key, Some(NOTE_BYTES_MAX))? {
            let mut note = Vec::new();
            let read = reader.take(NOTE_BYTES_MAX).read_to_end(&mut note);
            read.map_err(|error| read_failed(&error))?;
            let note: Value = serde_json::from_slice(&note).unwrap_or_default();
            if note.get("copies").is_none() {
                let message = format!("somebody takes it in repository {} now, or did", to.name());
                return Err(Error::new(Class::Conflict, message).hint(
                    "Wait for that `media-backup create`; what a killed one leaves, `media-backup prune` removes.",
                ));
            }
            if let Some([_, root]) = roots(self.session) {
                remove_snapshot(root, self.set, self.folder.id())?;
            }
        }
        let note = serde_json::json!({
            "seawall": 1,
            "id": self.folder.id(),
            "began": Timestamp::now().to_string(),
            "process": std::process::id(),
            "copies": self.folder.id(),
        });
        create_once(to, self.folder, BEGUN, Bytes::from(note.to_string()))?;
        failpoint::reach("copy.tree-begun");
        Ok(())
    }

    /// Lays the files. The index is there.
    pub(super) fn lay(&self, new: &mut CopiedAmount) -> Result<()> {
        let progress = |bytes: u64| self.session.advance(bytes);
        let Some(copy) = self.copy(&progress) else { return Ok(()) };
        let (objects, bytes) = copy.lay()?;
        *new += CopiedAmount { objects, bytes };
        failpoint::reach("copy.tree-laid");
        Ok(())
    }

    /// The snapshot exists.
    pub(super) fn end(&self) -> Result<()> {
        self.session.to().storage().delete(&self.folder.key(BEGUN))?;
        self.copy(&|_| {}).map_or(Ok(()), |copy| copy.point_latest())
    }

    fn copy<'c>(&'c self, progress: &'c (dyn Fn(u64) + Sync)) -> Option<TreeCopy<'c>> {
        let [from, to] = roots(self.session)?;
        let (set, id, previous) = (self.set, self.folder.id(), self.previous);
        Some(TreeCopy { from, to, set, id, previous, progress })
    }
}
