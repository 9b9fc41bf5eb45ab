//! Which system is restored, where a repository has several under one cluster name: servers that share it, or one that was
//! upgraded. Another server's files must never take the place of this one's.

use std::path::Path;

use jiff::Timestamp;

use super::place::Place;
use super::target::in_utc;
use crate::base_backup::catalogue::{Survey, SystemWal};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;

/// The system whose directory it is, or the one that is named. `None` where there is nothing to choose from.
pub fn choose_system(
    survey: &Survey,
    place: &Place,
    asked: Option<SystemIdentifier>,
) -> Result<Option<SystemIdentifier>> {
    match (asked, place.system) {
        // Its directory is moved aside and kept, and the user has said so twice.
        (Some(asked), Some(own)) if asked != own && place.aside.is_none() => {
            let message = format!(
                "expected {:?} to be of system {asked}, found it to be of system {own}",
                place.data
            );
            Err(Error::new(Class::Input, message)
                .hint("--replace moves it aside and keeps it, or name another directory."))
        }
        (Some(asked), _) => Ok(Some(asked)),
        (None, Some(own)) if survey.system(own).is_some() => Ok(Some(own)),
        (None, Some(own)) if !survey.systems.is_empty() => Err(not_there(survey, &place.data, own)),
        (None, Some(_)) => Ok(None),
        (None, None) => only(survey).map(|system| system.map(|it| it.system)),
    }
}

/// The one that stored something last.
pub fn newest_system(survey: &Survey) -> Option<&SystemWal> {
    survey.systems.iter().max_by_key(|system| (Life::of(survey, system).last, system.system.0))
}

fn not_there(survey: &Survey, data: &Path, own: SystemIdentifier) -> Error {
    let message = format!(
        "expected base backups of system {own}, whose directory {data:?} is, found those of {}",
        lives(survey)
    );
    Error::new(Class::Input, message).hint(
        "Are repository and cluster right? If the directory is to make room for another server, as the empty one that a \
         package made: --replace --system-identifier NUMBER.",
    )
}

/// One that was left for another, as by pg_upgrade, is passed over. Of two that both went on nobody knows which is meant.
fn only(survey: &Survey) -> Result<Option<&SystemWal>> {
    let Some(newest) = newest_system(survey) else { return Ok(None) };
    let began = Life::of(survey, newest).first;
    let went_on = |system: &&SystemWal| {
        system.system != newest.system && Life::of(survey, system).last > began
    };
    if !survey.systems.iter().any(|system| went_on(&system)) {
        return Ok(Some(newest));
    }
    let message = format!(
        "expected one server under this cluster name, found several at the same time: {}",
        lives(survey)
    );
    Err(Error::new(Class::Usage, message)
        .hint("Say which one is to come back: --system-identifier NUMBER."))
}

fn lives(survey: &Survey) -> String {
    let said = survey.systems.iter().map(|system| {
        let life = Life::of(survey, system);
        format!("{} ({} to {})", system.system, in_utc(life.first), in_utc(life.last))
    });
    said.collect::<Vec<_>>().join(", ")
}

/// From when to when something of a system was stored, by the clock of the store as far as that tells.
struct Life {
    first: Timestamp,
    last: Timestamp,
}

impl Life {
    fn of(survey: &Survey, system: &SystemWal) -> Self {
        let backups = survey.catalogue.backups.iter().filter(|it| it.system == system.system);
        let (starts, stops): (Vec<_>, Vec<_>) =
            backups.map(|it| (it.facts.start.time, it.facts.stop.time)).unzip();
        let inventories = || system.inventories.iter().flatten();
        let first = inventories().flat_map(|it| it.began.values()).min();
        let last = inventories().flat_map(|it| it.ended.values()).max();
        let first = first.or(starts.iter().min()).copied().unwrap_or(Timestamp::MIN);
        let last = last.or(stops.iter().max()).copied().unwrap_or(Timestamp::MIN);
        Self { first, last }
    }
}
