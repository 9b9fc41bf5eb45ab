//! Which system is restored, where a repository has several under one cluster name: servers that share it, or one that was
//! upgraded. Another server's files must never take the place of this one's.

use std::path::Path;

use super::place::RestoreDirectory;
use crate::basebackup::catalogue::{Succession, Survey};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;

/// The system whose directory it is, or the one that is named, or the one of which `ours` says that it is ours. `None` where there is nothing to choose from.
pub fn choose_system(
    survey: &Survey,
    place: &RestoreDirectory,
    asked: Option<SystemIdentifier>,
    ours: &dyn Fn(&[SystemIdentifier]) -> Option<SystemIdentifier>,
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
        (None, None) => living_system(survey, ours),
    }
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

/// One that was left for another, as by pg_upgrade, is passed over. Where others are there that may be meant, `ours` says
/// which one is, or nobody knows.
pub fn living_system(
    survey: &Survey,
    ours: &dyn Fn(&[SystemIdentifier]) -> Option<SystemIdentifier>,
) -> Result<Option<SystemIdentifier>> {
    let Some(succession) = survey.succession() else { return Ok(None) };
    let Succession { living, left, rivals } = &succession;
    if let Some(former) = left.last().filter(|_| rivals.is_empty()) {
        tracing::warn!(
            "the newest system under this cluster name counts: {living}; the one before it was {former}"
        );
    }
    if rivals.is_empty() {
        return Ok(Some(living.system));
    }
    if let Some(ours) = ours(&succession.candidates()) {
        return Ok(Some(ours));
    }
    let message =
        format!("several servers used this cluster name at the same time: {}", lives(survey));
    Err(Error::new(Class::Usage, message).hint(
        "Say which one is to come back: --system-identifier NUMBER. The first one has been there longest; one with a single \
         date may be a backup that somebody planted. postgres.connection, where that server runs, tells as well.",
    ))
}

fn lives(survey: &Survey) -> String {
    survey.lives().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
