//! `media-backup prune`: the plan, then what it says.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::places::{root_of, set_of};
use crate::backup::deleting::Pruned;
use crate::backup::memory::Memory;
use crate::backup::series::{Line, Series, What, newest, plan};
use crate::backup::{Uploads, uploads};
use crate::command::pruning::{Amounts, Telling, clocks, remarks};
use crate::command::remembering::{self, note, recall, shelves};
use crate::command::series::Kind;
use crate::command::series::prune::{described, fates};
use crate::command::shown::Shown;
use crate::config::{Config, KeepConfig};
use crate::error::{Error, Result};
use crate::media_backup::SnapshotDescription;
use crate::media_backup::local::{TREE, bytes_of_its_own, remove_snapshot, snapshot_folder};
use crate::media_backup::packed::{References, carry_out, spare};
use crate::repository::{self, Repository};
use crate::retention::RetentionVerdict;

/// Shows its plan, has it agreed to, and carries it out.
pub fn run(config: &Config, telling: &mut Telling<'_>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let mut series =
        Series::<SnapshotDescription>::read(&repositories, &SnapshotDescription::all(config));
    let mut memory = Memory::of(config.state_directory.as_deref(), SnapshotDescription::NOTES);
    recall(&mut memory, &mut series, &repositories);
    let failed: Vec<usize> = series.failures.iter().map(|it| it.repository).collect();
    let ended = newest(&series).map(|it| it.ended);
    let clocks = clocks(&repositories, &|at| failed.contains(&at), ended);
    series.close(&clocks);
    let mut errors: Vec<Error> = series.errors().cloned().collect();
    let (now, keep) = (clocks.now, SnapshotDescription::keep(config));
    let mut lines = plan(&series, &keep, now)?;
    note(&mut memory, &shelves(&series, &repositories), &clocks);
    for (at, repository) in repositories.iter().enumerate() {
        match References::read(repository, &series.all, now) {
            Ok((references, there)) => spare(&mut lines, at, &references, &there),
            Err(error) => {
                keep_all(&mut lines, at);
                errors.push(error);
            }
        }
    }
    let closed: BTreeSet<usize> = series.failures.iter().map(|it| it.repository).collect();
    let (uploads, more) = uploads(&repositories, &series.all, &closed, &keep, now);
    errors.extend(more);
    let fates = fates(&repositories, &lines, &uploads);
    let mut text = described::<SnapshotDescription>(&fates);
    text += &remembering::remarks(series.copies(), &repositories);
    text += &remarks(&repositories, &clocks, &failed);
    let mut verdicts =
        lines.iter().map(|it| &it.verdict).chain(uploads.iter().map(|it| &it.verdict));
    let nothing = verdicts.all(|verdict| verdict.keep);
    if nothing || telling.dry_run {
        memory.end(!telling.dry_run);
    }
    if nothing {
        let text = text + "Nothing is to be deleted.\n";
        return telling.shown(text, (&fates, &Amounts::default()), &repositories, None, errors);
    }
    let amounts = amounts(config, &lines)?;
    if !telling.agreed(&(text + &amounts.told(&repositories)))? {
        return telling.shown(String::new(), (&fates, &amounts), &repositories, None, errors);
    }
    memory.end(true);
    let mut all = Pruned::default();
    for (at, repository) in repositories.iter().enumerate() {
        all.add(
            Pruning { config, keep: &keep, now, all: &series.all }
                .run(at, repository, &lines, &uploads)?,
        );
    }
    errors.append(&mut all.errors);
    telling.shown(String::new(), (&fates, &amounts), &repositories, Some(&all), errors)
}

/// What goes with the snapshots; of a tree the files that no other snapshot has, which are more when those go too.
/// Packs go with the last snapshot that needs them, so of packed ones it is the most that there can be.
pub(super) fn amounts(config: &Config, lines: &[Line]) -> Result<Amounts> {
    let (set, mut amounts) = (&set_of(config)?.name, Amounts::default());
    for line in lines.iter().filter(|line| !line.verdict.keep) {
        let root = root_of(config, line.repository);
        let tree = root.map(|root| snapshot_folder(root, set, &line.id));
        let bytes = match tree.filter(|folder| folder.join(TREE).is_dir()) {
            Some(folder) => bytes_of_its_own(&folder),
            None => line.bytes,
        };
        amounts.add(line.repository, bytes);
    }
    Ok(amounts)
}

/// What snapshots there need is not known.
fn keep_all(lines: &mut [Line], repository: usize) {
    for line in lines.iter_mut().filter(|line| line.repository == repository) {
        line.verdict = RetentionVerdict::keep("nothing is deleted in this repository");
    }
}

pub(super) struct Pruning<'a> {
    pub config: &'a Config,
    pub keep: &'a KeepConfig,
    pub now: Timestamp,
    pub all: &'a str,
}

impl Pruning<'_> {
    /// Trees as a whole; of packs those that nobody needs.
    pub(super) fn run(
        &self,
        at: usize,
        repository: &Repository,
        lines: &[Line],
        uploads: &[Uploads],
    ) -> Result<Pruned> {
        let set = &set_of(self.config)?.name;
        let is_tree = |line: &&Line| {
            let root = root_of(self.config, line.repository);
            root.is_some_and(|root| snapshot_folder(root, set, &line.id).join(TREE).is_dir())
        };
        let mine = lines.iter().filter(|line| line.repository == at);
        let (trees, packed): (Vec<&Line>, Vec<&Line>) = mine.partition(is_tree);
        let packed: Vec<Line> =
            packed.into_iter().map(|line| Line { repository: 0, ..line.clone() }).collect();
        let ended = uploads.iter().filter(|it| it.repository == at);
        let ended: Vec<Uploads> = ended.map(|it| Uploads { repository: 0, ..it.clone() }).collect();
        let mut pruned = carry_out(&[repository], self.all, &packed, &ended, self.keep, self.now);
        let Some(root) = root_of(self.config, at) else { return Ok(pruned) };
        for line in trees.iter().filter(|line| !line.verdict.keep && line.what != What::Broken) {
            let bytes = bytes_of_its_own(&snapshot_folder(root, set, &line.id));
            match remove_snapshot(root, set, &line.id) {
                Ok(()) => {
                    pruned.deleted += 1;
                    pruned.bytes += bytes;
                }
                Err(error) => {
                    let name = repository.name();
                    let what = format!("could not prune repository {name}");
                    pruned.errors.push(error.while_doing(what));
                    break;
                }
            }
        }
        Ok(pruned)
    }
}
