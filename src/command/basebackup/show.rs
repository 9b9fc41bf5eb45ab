//! `basebackup show`: everything about one base backup.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::json;
use super::surveyed::restorable;
use crate::backup::StoredObject;
use crate::basebackup::catalogue::{Backup, Contents, Moment, Survey};
use crate::basebackup::windows::Needed;
use crate::basebackup::{Part, Tablespace};
use crate::cli::flags;
use crate::cli::text::{count, plain, size, table, took, whole_size};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::command::backups::find;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::postgres::{Lsn, WalSegment};
use crate::repository::{self, Repository};

const HEADINGS: [&str; 5] = ["OBJECT", "SIZE", "STORED", "ENTRIES", "TABLESPACE"];

const ABOUT: &str = "Shows everything about one base backup, and whether all of it is there";

pub fn command() -> Command {
    let id = Arg::new("id").value_name("ID").required(true);
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    let command = Command::new("show")
        .about(ABOUT)
        .arg(id.help("Id of the backup, or its beginning"))
        .arg(json.help("Print as JSON"));
    flags::with_settings(command, &[])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let id = matches.get_one::<String>("id").cloned().unwrap_or_default();
    print(show(config, &id, matches.get_flag("json"))?)
}

/// `id` may be the beginning of one.
fn show(config: &Config, id: &str, as_json: bool) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    let backup = find(&survey.catalogue, &repositories, id)?;
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
        line("PostgreSQL", &facts.postgres_version.to_string()),
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
            Some(Needed::Unknown) => "the order of its timelines is not known".to_owned(),
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
    // As `restore --tablespace OID=FOLDER` takes them.
    let tablespace =
        |it: &Tablespace| line(&format!("Tablespace {} ", it.oid), &plain(&it.location));
    text.extend(it.tablespaces.iter().map(tablespace));
    text += &match &contents.faults[..] {
        [] => "All objects are there with their sizes.\n".to_owned(),
        faults => faults.iter().map(|fault| format!("Damaged: {}\n", plain(fault))).collect(),
    };
    // Where each tablespace lay on the server.
    let locations = it.locations();
    let part = |part: &Part| {
        let tablespace = part.tablespace.and_then(|oid| locations.get(&oid).copied()).unwrap_or("");
        row(&part.stored, &part.entries.to_string(), tablespace)
    };
    let mut rows = vec![HEADINGS.map(str::to_owned).into()];
    rows.extend(it.parts.iter().map(part));
    rows.push(row(&it.manifest, "", ""));
    text + &table(&rows, &[4])
}

fn row(stored: &StoredObject, entries: &str, tablespace: &str) -> Vec<String> {
    let (before, after) = (size(stored.size), size(stored.stored_size));
    vec![plain(&stored.object), before, after, entries.to_owned(), plain(tablespace)]
}
