//! Keeps a prune in the target from deleting objects that a snapshot on its way shares: the same note that a snapshot writes
//! first when it is taken. The id of the copied snapshot is old, so that its own note says nothing any more.

use bytes::Bytes;
use jiff::Timestamp;

use super::super::session::CopySession;
use super::CopiedBackup;
use crate::backup::{BackupFolder, create_once, new_id};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::media_backup::BEGUN;
use crate::media_backup::packed::Listing;

/// The folder in which the target has a note.
pub(super) struct Marker<'a> {
    session: &'a CopySession<'a>,
    folder: Option<BackupFolder>,
}

impl<'a> Marker<'a> {
    /// Writes the note, for a backup that shares objects.
    pub(super) fn set<K: CopiedBackup>(
        session: &'a CopySession<'a>,
        folder: &BackupFolder,
        description: &K,
    ) -> Result<Self> {
        if description.shared().next().is_none() {
            return Ok(Self { session, folder: None });
        }
        let now = Timestamp::now();
        let marked = folder.beside(&new_id(now));
        let note = serde_json::json!({
            "seawall": 1,
            "id": marked.id(),
            "began": now.to_string(),
            "process": std::process::id(),
            "copies": folder.id(),
        });
        create_once(session.to(), &marked, BEGUN, Bytes::from(note.to_string()))?;
        failpoint::reach("copy.marked");
        Ok(Self { session, folder: Some(marked) })
    }

    /// Fails if something is gone that the backup shares with others.
    pub(super) fn look_again<K: CopiedBackup>(&self, description: &K) -> Result<()> {
        let Some(marked) = &self.folder else { return Ok(()) };
        let listing = Listing::read(self.session.to(), marked.all())?;
        for (id, object) in description.shared() {
            if !listing.has(id, &object.object, object.stored_size) {
                let key = marked.beside(id).key(&object.object);
                let message = format!("expected {key}, but it was deleted or changed meanwhile");
                return Err(Error::new(Class::Conflict, message).hint("Copy again."));
            }
        }
        Ok(())
    }
}

/// Where the credential may not delete, the note stays until a prune takes it for what it is.
impl Drop for Marker<'_> {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder
            && let Err(error) = self.session.to().storage().delete(&folder.key(BEGUN))
        {
            tracing::info!("{} stays until a prune: {error}", folder.key(BEGUN));
        }
    }
}
