//! `basebackup show`: everything about one base backup.

use super::table::table;
use super::texts::{count, plain, restorable, size, took, version, whole_size};
use super::{Shown, json};
use crate::base_backup::catalogue::{Backup, Contents, Moment, Survey};
use crate::base_backup::windows::Needed;
use crate::base_backup::{Description, Part, StoredObject};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, WalSegment};
use crate::repository::{self, Repository};

const HEADINGS: [&str; 5] = ["OBJECT", "SIZE", "STORED", "ENTRIES", "TABLESPACE"];

/// How many ids are named when none was meant.
const NEAREST: usize = 3;

/// `id` may be the beginning of one.
pub fn run(config: &Config, id: &str, as_json: bool) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    let backup = find(&survey, &repositories, id)?;
    let failures = survey.catalogue.failures.iter();
    let mut errors: Vec<Error> = failures.map(|failure| failure.error.clone()).collect();
    let mut copies = Vec::new();
    for copy in &backup.copies {
        let Some(repository) = repositories.get(copy.repository) else { continue };
        match backup.contents(repository, &config.cluster) {
            Ok(contents) => copies.extend(contents.map(|contents| (copy.repository, contents))),
            Err(error) => errors.push(error),
        }
    }
    let wal = survey.system(backup.system);
    let in_each = |number| wal.and_then(|wal| wal.needed_in(number, backup));
    let needed: Vec<Option<Needed>> = (0..repositories.len()).map(in_each).collect();
    let text = if as_json {
        json::show(&repositories, &survey, backup, wal_of(backup), &needed, copies)?
    } else {
        let head = head(&survey, backup);
        let pinned = |at| backup.copies.iter().any(|copy| copy.repository == at && copy.pinned);
        let copies = copies.iter().map(|(at, it)| of_copy(&repositories[*at], pinned(*at), it));
        let copies: String = copies.collect();
        head + &wal_lines(&repositories, backup, &needed) + &copies
    };
    Ok(Shown { text, errors })
}

/// The one backup whose id begins like this.
pub(super) fn find<'a>(
    survey: &'a Survey,
    repositories: &[Repository],
    id: &str,
) -> Result<&'a Backup> {
    let catalogue = &survey.catalogue;
    let exact = catalogue.backups.iter().filter(|backup| backup.id == id);
    let found: Vec<&Backup> = match exact.clone().count() {
        1 => exact.collect(),
        _ => catalogue.backups.iter().filter(|backup| backup.id.starts_with(id)).collect(),
    };
    match found[..] {
        [backup] => return Ok(backup),
        [] => {}
        _ => {
            let ids: Vec<String> = found.iter().map(|backup| plain(&backup.id)).collect();
            let message = format!(
                "expected one base backup with an id that begins with {id:?}, found {}: {}",
                ids.len(),
                ids.join(", ")
            );
            return Err(Error::new(Class::Usage, message).hint("Give more of the id."));
        }
    }
    if let Some(broken) = catalogue.broken.iter().find(|broken| broken.id.starts_with(id)) {
        return Err(broken.error.clone());
    }
    if let Some(unfinished) = catalogue.unfinished.iter().find(|it| it.id.starts_with(id)) {
        let name = repositories.get(unfinished.repository).map_or("", Repository::name);
        let message = format!("base backup {} in repository {name} is unfinished", unfinished.id);
        return Err(Error::new(Class::Usage, message)
            .hint("It is being taken now, or was cut short: then it restores nothing."));
    }
    Err(unknown(survey, id))
}

fn unknown(survey: &Survey, id: &str) -> Error {
    let message = format!("there is no base backup with an id that begins with {id:?}");
    if let Some(failure) = survey.catalogue.failures.first() {
        return failure.error.clone().while_doing(format!("{message} in the other repositories"));
    }
    let distance = |backup: &&Backup| {
        let beginning: String = backup.id.chars().take(id.chars().count()).collect();
        strsim::levenshtein(id, &beginning)
    };
    let mut nearest: Vec<&Backup> = survey.catalogue.backups.iter().rev().collect();
    nearest.sort_by_key(distance);
    let ids = nearest.iter().take(NEAREST).map(|backup| plain(&backup.id));
    let ids: Vec<String> = ids.collect();
    Error::new(Class::Usage, message).hint(match ids.len() {
        0 => "There is none at all; `basebackup create` takes one.".to_owned(),
        1 => format!("There is {}.", ids[0]),
        _ => format!("The nearest are {}.", ids.join(", ")),
    })
}

/// The first and the last segment that a backup needs. The last byte is before the stop.
fn wal_of(backup: &Backup) -> [Option<WalSegment>; 2] {
    let facts = &backup.facts;
    let last = Lsn(facts.stop.lsn.0.saturating_sub(1)).max(facts.start.lsn);
    [(facts.start.lsn, facts.start.timeline), (last, facts.stop.timeline)]
        .map(|(lsn, timeline)| WalSegment::at(lsn, timeline, facts.segment_size))
}

fn line(key: &str, value: &str) -> String {
    format!("{key:18}{value}\n")
}

fn head(survey: &Survey, backup: &Backup) -> String {
    let facts = &backup.facts;
    let at = |moment: &Moment| {
        format!("{} at {} on timeline {}", moment.time, moment.lsn, moment.timeline.number())
    };
    let checksums = match facts.checksum_failures {
        true => "the server found pages with a wrong checksum; its log names them",
        false => "the server found none wrong",
    };
    let verdict = survey.restorable(backup);
    let (word, reason) = restorable(&verdict);
    let verdict = reason.map_or(word.to_owned(), |reason| format!("{word}: {}", plain(reason)));
    [
        line("Base backup", &plain(&backup.id)),
        line("Label", &plain(&facts.label)),
        line("System identifier", &backup.system.to_string()),
        line("PostgreSQL", &version(facts.postgres_version)),
        line("Began", &at(&facts.start)),
        line("Ended", &at(&facts.stop)),
        line("Took", &took(facts.start.time, facts.stop.time)),
        line("Taken from", if facts.from_standby { "a standby" } else { "a primary" }),
        line("Page checksums", checksums),
        line("Size", &size(facts.size)),
        line("Pinned", if backup.pinned() { "yes" } else { "no" }),
        line("Restorable", &verdict),
    ]
    .concat()
}

fn wal_lines(repositories: &[Repository], backup: &Backup, needed: &[Option<Needed>]) -> String {
    let [Some(first), Some(last)] = wal_of(backup) else { return String::new() };
    let facts = &backup.facts;
    let bytes = facts.segment_size.bytes();
    let segments = facts.stop.lsn.0.saturating_sub(1) / bytes - facts.start.lsn.0 / bytes + 1;
    let (segments, size) = (count(segments, "segment"), whole_size(bytes));
    let range = if first == last { first.to_string() } else { format!("{first} to {last}") };
    let mut text = line("WAL needed", &format!("{range}, {segments} of {size}"));
    if facts.standalone {
        text += &line("", "all of it inside the backup");
    }
    for (repository, needed) in repositories.iter().zip(needed) {
        let found = match needed {
            Some(Needed::Complete) if facts.standalone => continue,
            Some(Needed::Complete) => "all there".to_owned(),
            Some(Needed::Missing(segment)) => format!("{segment} is missing"),
            Some(Needed::Unknown) => "how its timelines hang together is not known".to_owned(),
            None => "not known".to_owned(),
        };
        text += &line("", &format!("in repository {}: {found}", repository.name()));
    }
    text
}

fn of_copy(repository: &Repository, pinned: bool, contents: &Contents) -> String {
    let it = &contents.description;
    let encrypted = if it.encrypted { "encrypted" } else { "in the clear" };
    let pinned = if pinned { ", pinned" } else { "" };
    let (name, place, stored) = (repository.name(), repository.place(), size(it.stored_size()));
    let mut text = format!("\nIn repository {name} ({place}): {stored}, {encrypted}{pinned}\n");
    text += &match &contents.faults[..] {
        [] => "All objects are there with their sizes.\n".to_owned(),
        faults => faults.iter().map(|fault| format!("Damaged: {}\n", plain(fault))).collect(),
    };
    let part = |part: &Part| {
        let tablespace = part.tablespace.map_or("", |oid| location(it, oid));
        row(&part.stored, &part.entries.to_string(), tablespace)
    };
    let mut rows = vec![HEADINGS.map(str::to_owned).into()];
    rows.extend(it.parts.iter().map(part));
    rows.push(row(&it.manifest, "", ""));
    text + &table(&rows, &[4])
}

/// Where a tablespace lay on the server.
fn location(description: &Description, oid: u32) -> &str {
    let tablespace = description.tablespaces.iter().find(|tablespace| tablespace.oid == oid);
    tablespace.map_or("", |tablespace| tablespace.location.as_str())
}

fn row(stored: &StoredObject, entries: &str, tablespace: &str) -> Vec<String> {
    let (before, after) = (size(stored.size), size(stored.stored_size));
    vec![plain(&stored.object), before, after, entries.to_owned(), plain(tablespace)]
}
