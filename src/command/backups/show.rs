//! `show`: everything about one backup. What a kind tells beside what all have, it adds by `Shows`.

use clap::{ArgMatches, Command};

use super::list::Lists;
use super::{Presented, Seen, choose, id, id_of, json, verb};
use crate::backup::{Backup, Contents, StoredObject};
use crate::cli::flags::switch;
use crate::cli::text::{plain, size, table, took};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::repository::{self, Repository};
use crate::retention::Condition;

/// A kind of backups, and what `show` tells of one beside what all have.
pub trait Shows: Lists {
    const ID_HELP: &'static str = "Id of the backup, or its beginning";
    /// Headings of the columns of the table of objects that only they have.
    const OBJECT_COLUMNS: &'static [&'static str] = &[];
    /// Which column of it is cut where the table is too wide.
    const OBJECT_CUT: usize = 0;

    fn shows() -> String {
        format!("Shows everything about one {}", Self::WHAT)
    }

    /// The one that is meant.
    fn one<'a>(seen: &Seen<'a, Self>, id: &str) -> Result<&'a Backup<Self>>;

    /// What there is to say between its label and its size, each with a short name.
    fn told(backup: &Backup<Self>) -> Vec<(&'static str, String)>;

    /// What is told before the copies.
    fn needed(_: &Seen<'_, Self>, _: &Backup<Self>) -> String {
        String::new()
    }

    /// What is told of a copy before its objects.
    fn of_copy(_: &Self) -> String {
        String::new()
    }

    /// The objects, each with what stands in the columns of its own.
    fn objects_told(description: &Self) -> Vec<(&StoredObject, Vec<String>)>;

    /// What could not be read is added to the errors.
    fn show_json(
        seen: &Seen<'_, Self>,
        backup: &Backup<Self>,
        errors: &mut Vec<Error>,
    ) -> Result<String>;
}

impl<D: Presented> Shows for D {
    const ID_HELP: &'static str =
        "Id of the backup, or its beginning; latest is the newest whole one";

    fn one<'a>(seen: &Seen<'a, D>, id: &str) -> Result<&'a Backup<D>> {
        choose(seen.survey, seen.repositories, Some(id))
    }

    fn told(backup: &Backup<D>) -> Vec<(&'static str, String)> {
        let times = [
            ("Began", backup.began.to_string()),
            ("Ended", backup.ended.to_string()),
            ("Took", took(backup.began, backup.ended)),
        ];
        times.into_iter().chain(backup.facts.told()).collect()
    }

    fn objects_told(description: &D) -> Vec<(&StoredObject, Vec<String>)> {
        description.objects().map(|object| (object, Vec::new())).collect()
    }

    fn show_json(seen: &Seen<'_, D>, backup: &Backup<D>, _: &mut Vec<Error>) -> Result<String> {
        json::written(&json::row(seen, backup))
    }
}

pub fn command<K: Shows>() -> Command {
    verb::<K>("show", K::shows(), vec![id().help(K::ID_HELP), switch("json", "Print as JSON")])
}

pub fn run<K: Shows>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(show::<K>(config, &id_of(matches), matches.get_flag("json"))?)
}

fn show<K: Shows>(config: &Config, id: &str, as_json: bool) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = K::survey(&repositories, config);
    let seen = Seen::<K> { config, repositories: &repositories, survey: &survey };
    let backup = K::one(&seen, id)?;
    let failures = seen.catalogue().failures.iter();
    let mut errors: Vec<Error> = failures.map(|failure| failure.error.clone()).collect();
    let text = if as_json {
        K::show_json(&seen, backup, &mut errors)?
    } else {
        let copies = copies(&seen, backup, &mut errors);
        let copies = copies.iter().map(|(at, contents)| of_copy(&seen, backup, *at, contents));
        let copies: String = copies.collect();
        head(&seen, backup) + &K::needed(&seen, backup) + &copies
    };
    Ok(Shown { text, errors })
}

/// Its copies, looked at in full, with the places of their repositories.
pub fn copies<K: Shows>(
    seen: &Seen<'_, K>,
    backup: &Backup<K>,
    errors: &mut Vec<Error>,
) -> Vec<(usize, Contents<K>)> {
    let mut copies = Vec::new();
    for copy in &backup.copies {
        let Some(repository) = seen.repositories.get(copy.repository) else { continue };
        match seen.catalogue().contents_of(backup.system, &backup.id, repository) {
            Ok(contents) => copies.extend(contents.map(|contents| (copy.repository, contents))),
            Err(error) => errors.push(error),
        }
    }
    copies
}

pub fn line(key: &str, value: &str) -> String {
    format!("{key:18}{}\n", plain(value))
}

fn head<K: Shows>(seen: &Seen<'_, K>, backup: &Backup<K>) -> String {
    let mut what = K::WHAT.to_owned();
    what[..1].make_ascii_uppercase();
    let restorable = match K::restorable(seen, backup) {
        Condition::Good => "yes".to_owned(),
        Condition::Bad(why) => format!("no: {why}"),
        Condition::Unknown(why) => format!("unknown: {why}"),
    };
    let told = K::told(backup);
    let told = told.iter().map(|(key, value)| line(key, value));
    let first = [line(&what, &backup.id), line("Label", K::label(&backup.facts))];
    let last = [
        line("Size", &size(backup.size())),
        line("Pinned", if backup.pinned() { "yes" } else { "no" }),
        line("Restorable", &restorable),
    ];
    first.into_iter().chain(told).chain(last).collect()
}

fn of_copy<K: Shows>(
    seen: &Seen<'_, K>,
    backup: &Backup<K>,
    at: usize,
    contents: &Contents<K>,
) -> String {
    let it = &contents.description;
    let encrypted = if it.encrypted() { "encrypted" } else { "in the clear" };
    let pinned = backup.copies.iter().any(|copy| copy.repository == at && copy.pinned);
    let pinned = if pinned { ", pinned" } else { "" };
    let stored = size(it.objects().map(|object| object.stored_size).sum());
    let place = seen.repositories.get(at).map_or(String::new(), Repository::place);
    let name = seen.name(at);
    let mut text = format!("\nIn repository {name} ({place}): {stored}, {encrypted}{pinned}\n");
    text += &K::of_copy(it);
    text += &match &contents.faults[..] {
        [] => "All objects are there with their sizes.\n".to_owned(),
        faults => faults.iter().map(|fault| format!("Damaged: {}\n", plain(fault))).collect(),
    };
    let first = ["OBJECT", "SIZE", "STORED"].iter();
    let headings = first.chain(K::OBJECT_COLUMNS).map(|it| (*it).to_owned()).collect();
    let row = |(object, own): (&StoredObject, Vec<String>)| {
        let first = [plain(&object.object), size(object.size), size(object.stored_size)];
        first.into_iter().chain(own.iter().map(|cell| plain(cell))).collect()
    };
    let rows = std::iter::once(headings).chain(K::objects_told(it).into_iter().map(row));
    text + &table(&rows.collect::<Vec<_>>(), &[K::OBJECT_CUT])
}
