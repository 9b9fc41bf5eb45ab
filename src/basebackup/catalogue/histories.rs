//! The timeline histories of one system: they alone tell where one timeline was left for another.
//!
//! One repository that gives a history is enough, and a history that can't be read keeps no other from being read.

use std::collections::BTreeMap;

use crate::codec::Identities;
use crate::config::Config;
use crate::error::{Class, Error};
use crate::postgres::{TimelineHistory, TimelineId};
use crate::repository::{self, Inventory, Repository, Source, WalFolder};
use crate::threads::in_parallel;

/// Those that could be read, and why the others could not.
pub type Histories = (BTreeMap<TimelineId, TimelineHistory>, BTreeMap<TimelineId, Error>);

/// Reads each history from the first repository that gives it.
pub fn read_histories(
    merged: &Inventory,
    inventories: &[Option<Inventory>],
    folder: &WalFolder,
    repositories: &[Repository],
    config: &Config,
) -> Histories {
    let mut histories = Histories::default();
    if merged.histories.is_empty() {
        return histories;
    }
    // Without them what is stored in the clear can be read all the same.
    let (identities, no_identities) = match repository::identities(config) {
        Ok(identities) => (identities, None),
        Err(error) => (Identities::default(), Some(error)),
    };
    let source = Source { folder, identities: &identities, limits: config.limits };
    let timelines: Vec<TimelineId> = merged.histories.iter().copied().collect();
    let read = in_parallel(&timelines, |timeline| {
        let has = |inventory: &&Option<Inventory>| {
            inventory.as_ref().is_some_and(|it| it.histories.contains(timeline))
        };
        let holders = repositories.iter().zip(inventories).filter(|(_, it)| has(it));
        let mut outcome = Ok(None);
        for (repository, _) in holders {
            outcome = repository.history(&source, *timeline);
            if let Ok(Some(_)) = outcome {
                break;
            }
        }
        outcome
    });
    for (timeline, outcome) in timelines.into_iter().zip(read) {
        match outcome {
            Ok(history) => histories.0.extend(history.map(|history| (timeline, history))),
            Err(error) => {
                let of_key = error.class() == Class::Configuration;
                let error = no_identities.clone().filter(|_| of_key).unwrap_or(error);
                histories.1.insert(timeline, error);
            }
        }
    }
    histories
}
