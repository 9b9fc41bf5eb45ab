//! What `media-backup prune` and `delete` do beside what those verbs do everywhere: packs are shared, so files and packs that other
//! snapshots need stay; a tree goes as a whole.

use jiff::Timestamp;

use super::snapshot::{root_of, set_of};
use crate::backup::deleting::{Deletions, Pruned};
use crate::backup::{Configured as _, PlanLine, PlanSubject, is_owed_now, plan};
use crate::command::backups::delete::{Deletes, Doomed};
use crate::command::backups::prune::{Prunes, Scene, SystemPlan, plan_alone};
use crate::command::pruning::Amounts;
use crate::config::{Config, KeepConfig};
use crate::error::{Error, Result};
use crate::media_backup::SnapshotDescription;
use crate::media_backup::local::{TREE, bytes_of_its_own, remove_snapshot, snapshot_folder};
use crate::media_backup::packed::{References, carry_out, spare};
use crate::retention::RetentionVerdict;

impl Prunes for SnapshotDescription {
    type Beside<'a> = ();

    fn plans<'a>(
        scene: &Scene<'a, Self>,
        errors: &mut Vec<Error>,
    ) -> Result<Vec<SystemPlan<(), ()>>> {
        let all = scene.catalogue().all();
        let mut spare_what_is_needed = |lines: &mut [PlanLine], errors: &mut Vec<Error>| {
            for (at, repository) in scene.repositories.iter().enumerate() {
                match References::read(repository, &all, scene.now) {
                    Ok((references, there)) => spare(lines, at, &references, &there),
                    Err(error) => {
                        keep_all(lines, at);
                        errors.push(error);
                    }
                }
            }
        };
        plan_alone(scene, errors, &mut spare_what_is_needed)
    }

    fn add_amounts(
        scene: &Scene<'_, Self>,
        plan: &SystemPlan<(), ()>,
        amounts: &mut Amounts,
    ) -> Result<()> {
        add_amounts(scene.config, &plan.lines, amounts)
    }

    fn carry_out(
        scene: &Scene<'_, Self>,
        plan: &SystemPlan<(), ()>,
        deletions: &mut Deletions<'_>,
    ) -> Result<()> {
        let (keep, all) = (SnapshotDescription::keep(scene.config), scene.catalogue().all());
        let pruning = SetPruning { config: scene.config, keep: &keep, now: scene.now, all: &all };
        // Meanwhile another one may have become away.
        let mut lines = plan.lines.clone();
        for line in &mut lines {
            let folder = scene.folder((), &line.id);
            let repository = &scene.repositories[line.repository];
            let owed =
                deletions.within(line.repository, |_| is_owed_now(repository, line, &folder));
            if owed != Some(false) {
                line.verdict = RetentionVerdict::keep("owed to another repository now");
            }
        }
        (0..scene.repositories.len()).try_for_each(|at| pruning.run(at, &lines, deletions))
    }
}

/// What goes with the snapshots; of a tree the files that no other snapshot has, which are more when those go too.
/// Packs go with the last snapshot that needs them, so of packed ones it is the most that there can be.
pub(super) fn add_amounts(
    config: &Config,
    lines: &[PlanLine],
    amounts: &mut Amounts,
) -> Result<()> {
    let set = &set_of(config)?.name;
    for line in lines.iter().filter(|line| !line.verdict.keep) {
        let root = root_of(config, line.repository);
        let tree = root.map(|root| snapshot_folder(root, set, &line.id));
        let bytes = match tree.filter(|folder| folder.join(TREE).is_dir()) {
            Some(folder) => bytes_of_its_own(&folder),
            None => line.bytes,
        };
        amounts.add(line.repository, bytes);
    }
    Ok(())
}

/// What snapshots there need is not known.
fn keep_all(lines: &mut [PlanLine], repository: usize) {
    for line in lines.iter_mut().filter(|line| line.repository == repository) {
        line.verdict = RetentionVerdict::closed();
    }
}

/// What is deleted of one media set.
pub(super) struct SetPruning<'a> {
    pub config: &'a Config,
    pub keep: &'a KeepConfig,
    pub now: Timestamp,
    /// What all keys of the set begin with.
    pub all: &'a str,
}

impl SetPruning<'_> {
    /// Trees as a whole; of packs those that nobody needs.
    pub(super) fn run(
        &self,
        at: usize,
        lines: &[PlanLine],
        deletions: &mut Deletions<'_>,
    ) -> Result<()> {
        let (set, root) = (&set_of(self.config)?.name, root_of(self.config, at));
        let folder = |line: &PlanLine| root.map(|root| snapshot_folder(root, set, &line.id));
        let is_tree =
            |line: &&PlanLine| folder(line).is_some_and(|folder| folder.join(TREE).is_dir());
        let mine = lines.iter().filter(|line| line.repository == at);
        let (trees, packed): (Vec<&PlanLine>, Vec<&PlanLine>) = mine.partition(is_tree);
        deletions.within(at, |there| {
            let packs = carry_out(there, self.all, &packed, self.keep, self.now);
            let going = trees.iter().filter(|it| !it.verdict.keep);
            let mut going = going.filter(|it| it.what != PlanSubject::Broken);
            let trees = going.try_for_each(|line| {
                let (Some(root), Some(folder)) = (root, folder(line)) else { return Ok(()) };
                let bytes = bytes_of_its_own(&folder);
                remove_snapshot(root, set, &line.id)?;
                there.deleted += 1;
                there.bytes += bytes;
                Ok(())
            });
            packs.and(trees)
        });
        Ok(())
    }
}

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
