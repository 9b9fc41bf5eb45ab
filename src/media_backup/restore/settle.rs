//! The last step of a restore: further names of files, and what folders have, the inner ones first. A folder is dressed
//! when nothing is written into it any more, because writing changes its time.

use std::io::Read;
use std::path::PathBuf;

use super::super::entry::{Entry, Kind, Metadata};
use super::super::nested::Nested;
use super::Restoring;
use super::file::{Laid, Layer};
use super::lay::Failed;
use crate::error::Result;

impl<R: Read> Restoring<'_, R> {
    /// Returns the folders.
    pub(super) fn settle(&self, failed: &Failed) -> Result<Vec<PathBuf>> {
        let (mut nested, mut layer) = (Nested::default(), self.layer());
        let mut failed = failed.clone();
        let mut folders = Vec::new();
        let mut done = |layer: &mut Layer<'_>, path: Vec<u8>, metadata: &Metadata| {
            if self.dress_folder(layer, &path, metadata) {
                folders.push(layer.hands.shown(&path));
            }
        };
        self.restore.each_entry(&mut |entry| {
            for (path, metadata) in nested.advance(entry.path.as_bytes()) {
                done(&mut layer, path, &metadata);
            }
            if !self.restore.wants(&entry) {
                return Ok(());
            }
            match &entry.kind {
                Kind::Directory { .. } => {
                    nested.push(entry.path.as_bytes(), entry.metadata.clone());
                }
                Kind::HardLink { .. } => self.settle_link(&mut layer, &entry, &mut failed)?,
                _ => {}
            }
            Ok(())
        })?;
        for (path, metadata) in nested.finish() {
            done(&mut layer, path, &metadata);
        }
        Ok(folders)
    }

    /// Where its first name is not restored, or can't have another one, it becomes a file of its own.
    fn settle_link(&self, layer: &mut Layer<'_>, entry: &Entry, failed: &mut Failed) -> Result<()> {
        let Kind::HardLink { to, .. } = &entry.kind else { return Ok(()) };
        let first = !failed.contains(to) && self.restore.selection.selects(to, false);
        let mut others = self.target.places().hands();
        let laid = match first.then(|| layer.lay_hard_link(entry, to.as_bytes(), &mut others)) {
            Some(Ok(true)) => Laid::Done(None),
            Some(Err(error)) => Laid::Failed(error.to_string()),
            Some(Ok(false)) | None => layer.lay(entry)?,
        };
        self.count(entry, laid, failed, &others);
        Ok(())
    }

    /// False when the folder is not there: why, was told when it could not be made.
    fn dress_folder(&self, layer: &mut Layer<'_>, path: &[u8], metadata: &Metadata) -> bool {
        let opened = layer.hands.at(path).and_then(|(cursor, path)| cursor.open_folder(&path));
        let Ok(folder) = opened else { return false };
        if let Err(error) = self.dresser.dress(folder, metadata) {
            let shown = layer.hands.shown(path);
            self.tell("set owner, mode and time of", &shown, &error);
        }
        true
    }
}
