//! What this host saw before in the repositories, asked by every `prune`, and entered by it and by `seawall trust`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::shown::{count, plain};
use crate::backup::StoredBackup;
use crate::backup::memory::{Memory, Shelf};
use crate::backup::series::{SelfContained, Series};
use crate::basebackup::all_backups;
use crate::basebackup::catalogue::Catalogue;
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;
use crate::retention::Clocks;

/// Gives each copy what was noted of it.
pub fn recall<D>(memory: &mut Memory, series: &mut Series<D>, repositories: &[Repository]) {
    for backup in &mut series.backups {
        for copy in &mut backup.copies {
            let place = (copy.repository, &repositories[copy.repository]);
            copy.noted = memory.noted(place, &series.all, (&backup.id, &copy.digest));
        }
    }
}

/// The same for base backups.
pub fn recall_base_backups(
    memory: &mut Memory,
    catalogue: &mut Catalogue,
    repositories: &[Repository],
    cluster: &str,
) {
    for backup in &mut catalogue.backups {
        let all = all_backups(cluster, backup.system);
        for copy in &mut backup.copies {
            let place = (copy.repository, &repositories[copy.repository]);
            copy.noted = memory.noted(place, &all, (&backup.id, &copy.digest));
        }
    }
}

/// What was read of each repository that could be read whole.
pub fn shelves<'a, D: SelfContained>(
    series: &'a Series<D>,
    repositories: &'a [Repository],
) -> Vec<Shelf<'a>> {
    let failed: BTreeSet<usize> = series.failures.iter().map(|it| it.repository).collect();
    let numbered = repositories.iter().enumerate().filter(|(number, _)| !failed.contains(number));
    let shelf = |(number, repository): (usize, &'a Repository)| Shelf {
        number,
        repository,
        all: &series.all,
        copies: series
            .backups
            .iter()
            .flat_map(|it| it.copies.iter().map(|copy| (it.id.as_str(), it.ended, copy)))
            .filter(|(_, _, copy)| copy.repository == number)
            .collect(),
        unread: series
            .broken
            .iter()
            .filter(|it| it.repository == number)
            .map(|it| it.id.as_str())
            .collect(),
    };
    numbered.map(shelf).collect()
}

/// The same of the base backups of one system; `all` is what their keys begin with.
pub fn shelves_of_system<'a>(
    catalogue: &'a Catalogue,
    (system, all): (SystemIdentifier, &'a str),
    repositories: &'a [Repository],
    closed: &BTreeSet<usize>,
) -> Vec<Shelf<'a>> {
    let numbered = repositories.iter().enumerate().filter(|(number, _)| !closed.contains(number));
    let backups = || catalogue.backups.iter().filter(move |it| it.system == system);
    let shelf = |(number, repository): (usize, &'a Repository)| Shelf {
        number,
        repository,
        all,
        copies: backups()
            .flat_map(|it| it.copies.iter().map(|copy| (it.id.as_str(), it.facts.stop.time, copy)))
            .filter(|(_, _, copy)| copy.repository == number)
            .collect(),
        unread: catalogue
            .broken
            .iter()
            .filter(|it| it.repository == number && it.system == system)
            .map(|it| it.id.as_str())
            .collect(),
    };
    numbered.map(shelf).collect()
}

/// Enters what is new. Stores whose clock is wrong say nothing.
pub fn note(memory: &mut Memory, shelves: &[Shelf<'_>], clocks: &Clocks) {
    for shelf in shelves.iter().filter(|it| !clocks.wrong.contains_key(&it.number)) {
        memory.note(shelf, clocks.latest);
    }
}

/// What a repository looks like that was copied: known to this host, or not.
pub fn remarks<'a>(
    copies: impl Iterator<Item = (Timestamp, &'a StoredBackup)>,
    repositories: &[Repository],
) -> String {
    let mut counts: BTreeMap<usize, (usize, usize, usize)> = BTreeMap::new();
    for (ended, copy) in copies {
        let (all, known, doubtful) = counts.entry(copy.repository).or_default();
        let dates = copy.dates();
        *all += 1;
        *known += usize::from(dates.is_borne_out_by_note(ended));
        *doubtful += usize::from(dates.doubt(ended).is_some());
    }
    let mut text = String::new();
    for (at, (all, known, doubtful)) in counts {
        let name = repositories.get(at).map_or("", Repository::name);
        if known > 0 {
            let known = count(known as u64, "backup");
            text += &format!(
                "Repository {name} dates {known} anew that this host saw there before: they are as old as they were.\n"
            );
        }
        // One that was planted is no reason to vouch for it.
        if doubtful > 1 && doubtful * 2 > all {
            text += &plain(&format!(
                "Repository {name} dates most of its backups later than they say. If it is a copy of yours, or was restored: \
                 seawall trust --repository {name}"
            ));
            text.push('\n');
        }
    }
    text
}
