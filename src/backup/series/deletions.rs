//! Carries out the plan of `prune` for backups that stand alone: in each repository uploads that were cut short, then
//! backup after backup, the oldest first.
//!
//! A run may be cut short anywhere, and the next one goes on: the description of a backup is deleted before its
//! objects.

use super::{Line, What};
use crate::backup::deleting::{Deleting, Pruned};
use crate::backup::{BackupFolder, Uploads};
use crate::error::Error;
use crate::repository::Repository;

/// Deletes what the plan says. Goes on with the other repositories where one fails.
pub fn carry_out(
    repositories: &[Repository],
    all: &str,
    lines: &[Line],
    uploads: &[Uploads],
) -> Pruned {
    let mut pruned = Pruned::default();
    for (number, repository) in repositories.iter().enumerate() {
        let mut deleting = Deleting::new(repository);
        let mine = lines.iter().filter(|it| it.repository == number && !it.verdict.keep);
        let mut ended = uploads.iter().filter(|it| it.repository == number && !it.verdict.keep);
        let mut outcome = ended.try_for_each(|it| deleting.uploads(it));
        for line in mine {
            if outcome.is_err() {
                break;
            }
            let folder = BackupFolder::below(all, &line.id);
            outcome = match line.what {
                What::Backup => deleting.backup(&folder).map(drop),
                What::Unfinished => deleting.unfinished(&folder),
                What::Broken => Ok(()),
            };
        }
        let name = repository.name();
        let said = |error: Error| error.while_doing(format!("could not prune repository {name}"));
        pruned.errors.extend(outcome.err().map(said));
        pruned.deleted += deleting.deleted;
        pruned.bytes += deleting.bytes;
        pruned.ended += deleting.ended;
        pruned.stayed.append(&mut deleting.stayed);
    }
    pruned
}
