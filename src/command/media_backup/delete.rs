//! What `media-backup delete` does beside what every `delete` does: files and packs that other snapshots need stay.

use jiff::Timestamp;

use super::prune::{SetPruning, add_amounts};
use crate::backup::deleting::{Deletions, Pruned};
use crate::backup::{Configured as _, PlanLine, plan};
use crate::command::backups::delete::{Deletes, Doomed};
use crate::command::pruning::Amounts;
use crate::error::Result;
use crate::media_backup::SnapshotDescription;
use crate::retention::RetentionVerdict;

impl Deletes for SnapshotDescription {
    fn amounts(doomed: &Doomed<'_, Self>) -> Result<Amounts> {
        let mut amounts = Amounts::default();
        add_amounts(doomed.config, &lines(doomed, Timestamp::now())?, &mut amounts)?;
        Ok(amounts)
    }

    fn carry_out(doomed: &Doomed<'_, Self>) -> Result<Pruned> {
        let (now, keep) = (Timestamp::now(), SnapshotDescription::keep(doomed.config));
        let (lines, all) = (lines(doomed, now)?, doomed.catalogue().all());
        let pruning = SetPruning { config: doomed.config, keep: &keep, now, all: &all };
        let mut deletions = Deletions::new(doomed.repositories);
        for copy in &doomed.copies {
            pruning.run(copy.repository, &lines, &mut deletions)?;
        }
        Ok(deletions.end())
    }
}

/// The plan that keeps everything else. Fails when the clock of this host is wrong for certain.
fn lines(doomed: &Doomed<'_, SnapshotDescription>, now: Timestamp) -> Result<Vec<PlanLine>> {
    let mut lines = plan(doomed.catalogue(), &SnapshotDescription::keep(doomed.config), now)?;
    for line in &mut lines {
        let here = doomed.copies.iter().any(|copy| copy.repository == line.repository);
        line.verdict = match line.id == doomed.id && here {
            true => RetentionVerdict::delete("asked for"),
            false => RetentionVerdict::keep("not asked for"),
        };
    }
    Ok(lines)
}
