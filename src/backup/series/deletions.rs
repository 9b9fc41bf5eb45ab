use super::{Line, What};
use crate::backup::deleting::Deleting;
use crate::backup::{BackupFolder, Uploads};
use crate::error::Error;
use crate::repository::Repository;

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How many objects were deleted.
    pub deleted: u64,
    /// How many uploads were ended.
    pub ended: u64,
    /// What is still there, a line for each thing, because the store keeps it or somebody wants it now.
    pub stayed: Vec<String>,
    /// The first trouble of each repository in which not all was done.
    pub errors: Vec<Error>,
}

/// Deletes what the plan says, backup after backup, the oldest first; may be cut short anywhere. Goes on
/// with the other repositories where one fails.
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
        pruned.ended += deleting.ended;
        pruned.stayed.append(&mut deleting.stayed);
    }
    pruned
}
