//! `show`: everything about one backup.

use clap::{ArgMatches, Command};

use super::{Presented, choose, id, id_of, json, verb};
use crate::backup::Contents;
use crate::backup::{Backup, Catalogue};
use crate::cli::flags::switch;
use crate::cli::text::{plain, size, table, took};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::repository::{self, Repository};

pub fn command<D: Presented>() -> Command {
    let about = format!("Shows everything about one {}", D::WHAT);
    let id = id().help("Id of the backup, or its beginning; latest is the newest whole one");
    verb::<D>("show", about, vec![id, switch("json", "Print as JSON")])
}

pub fn run<D: Presented>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(show::<D>(config, &id_of(matches), matches.get_flag("json"))?)
}

fn show<D: Presented>(config: &Config, id: &str, as_json: bool) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let series = Catalogue::<D>::read(&repositories, D::name(config));
    let backup = choose(&series, &repositories, Some(id))?;
    let failures = series.failures.iter();
    let mut errors: Vec<Error> = failures.map(|failure| failure.error.clone()).collect();
    if as_json {
        let text = json::written(&json::row(&repositories, backup))?;
        return Ok(Shown { text, errors });
    }
    let mut text = head(backup);
    for copy in &backup.copies {
        let Some(repository) = repositories.get(copy.repository) else { continue };
        match series.contents(&backup.id, repository) {
            Ok(contents) => {
                let shown = contents.map(|contents| of_copy(repository, copy.pinned, &contents));
                text += &shown.unwrap_or_default();
            }
            Err(error) => errors.push(error),
        }
    }
    Ok(Shown { text, errors })
}

fn line(key: &str, value: &str) -> String {
    format!("{key:18}{}\n", plain(value))
}

fn head<D: Presented>(backup: &Backup<D>) -> String {
    let mut what = D::WHAT.to_owned();
    what[..1].make_ascii_uppercase();
    let lines = [
        line(&what, &backup.id),
        line("Label", backup.facts.label()),
        line("Began", &backup.began.to_string()),
        line("Ended", &backup.ended.to_string()),
        line("Took", &took(backup.began, backup.ended)),
    ];
    let facts = backup.facts.told();
    let facts = facts.iter().map(|(key, value)| line(key, value));
    let last = [
        line("Size", &size(backup.size())),
        line("Pinned", if backup.pinned() { "yes" } else { "no" }),
        line(
            "Restorable",
            if backup.is_whole() { "yes" } else { "no: no repository has all of it" },
        ),
    ];
    lines.into_iter().chain(facts).chain(last).collect()
}

fn of_copy<D: Presented>(repository: &Repository, pinned: bool, contents: &Contents<D>) -> String {
    let it = &contents.description;
    let encrypted = if it.encrypted() { "encrypted" } else { "in the clear" };
    let pinned = if pinned { ", pinned" } else { "" };
    let stored = size(it.objects().map(|object| object.stored_size).sum());
    let (name, place) = (repository.name(), repository.place());
    let mut text = format!("\nIn repository {name} ({place}): {stored}, {encrypted}{pinned}\n");
    text += &match &contents.faults[..] {
        [] => "All objects are there with their sizes.\n".to_owned(),
        faults => faults.iter().map(|fault| format!("Damaged: {}\n", plain(fault))).collect(),
    };
    let headings = ["OBJECT", "SIZE", "STORED"].map(str::to_owned).into();
    let row = |object: &crate::backup::StoredObject| {
        vec![plain(&object.object), size(object.size), size(object.stored_size)]
    };
    let rows: Vec<Vec<String>> = std::iter::once(headings).chain(it.objects().map(row)).collect();
    text + &table(&rows, &[0])
}
