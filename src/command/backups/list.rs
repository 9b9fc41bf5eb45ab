//! `list`: every backup of one kind.

use clap::{ArgMatches, Command};

use super::{Presented, json, name, verb};
use crate::backup::{Backup, Catalogue};
use crate::cli::flags::switch;
use crate::cli::screen;
use crate::cli::text::{Paper, Spare, Tone, at_seconds, count, fitted, plain, short_size, took};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::config::Config;
use crate::error::Result;
use crate::repository::{self, Repository};

const FIRST: [&str; 6] = ["ID", "LABEL", "BEGAN", "TOOK", "SIZE", "STORED"];
const LAST: [&str; 3] = ["PIN", "IN", "OK"];

pub fn command<D: Presented>() -> Command {
    let about = format!("Shows every {} in every repository", D::WHAT);
    verb::<D>("list", about, vec![switch("json", "Print all of it as JSON")])
}

pub fn run<D: Presented>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(list::<D>(config, matches.get_flag("json"), screen::paper())?)
}

fn list<D: Presented>(config: &Config, as_json: bool, paper: Paper) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let series = Catalogue::<D>::read(&repositories, D::name(config));
    let text = match as_json {
        true => json::list(&repositories, &series)?,
        false => paper.fit(&text(&repositories, &series, paper)),
    };
    Ok(Shown { text, errors: series.errors().cloned().collect() })
}

fn text<D: Presented>(repositories: &[Repository], series: &Catalogue<D>, paper: Paper) -> String {
    let mut text = String::new();
    if series.backups.is_empty() {
        let places = match series.failures.is_empty() {
            true => "yet",
            false => "in the repositories that answered",
        };
        text += &format!("There is no {} {places}. `{} create` takes one.\n", D::WHAT, D::PROGRAM);
    } else {
        let headings = FIRST.iter().chain(D::COLUMNS).chain(&LAST).map(|it| (*it).to_owned());
        let rows = series.backups.iter().map(|backup| row(repositories, backup));
        let rows: Vec<_> = std::iter::once(headings.collect()).chain(rows).collect();
        text += &painted(&rows, FIRST.len() + D::COLUMNS.len() + 1, paper);
    }
    for backup in &series.backups {
        for copy in &backup.copies {
            if let Some(fault) = &copy.fault {
                let (id, name) = (plain(&backup.id), name(repositories, copy.repository));
                text += &format!("{id} is damaged in repository {name}: {}\n", plain(fault));
            }
        }
    }
    for (number, repository) in repositories.iter().enumerate() {
        let unfinished = series
            .unfinished
            .iter()
            .filter(|it| it.repository == number && !is_needed(series, number, &it.id));
        let unfinished = unfinished.count() as u64;
        if unfinished > 0 {
            let backups = count(unfinished, &format!("unfinished {}", D::WHAT));
            let name = repository.name();
            text += &format!("{backups} in repository {name}: being taken now, or cut short\n");
        }
    }
    for broken in &series.broken {
        let (id, name) = (plain(&broken.id), name(repositories, broken.repository));
        text += &format!("{id} in repository {name} can't be read: see the error\n");
    }
    text
}

/// The table, with the last word of each row in the colour of what it says. Where it is narrow, `BEGAN`, which the id tells, and
/// what is the same of all are left out.
fn painted(rows: &[Vec<String>], places: usize, paper: Paper) -> String {
    let spare = Spare { left_out: &[2, FIRST.len(), 3], cut: &[1, places], ends_in_text: false };
    let table = fitted(rows, spare, paper);
    let lines = table.lines().zip(rows).map(|(line, row)| {
        let (word, tone) = match row.last().map_or("", String::as_str) {
            word @ "yes" => (word, Tone::Good),
            word @ "no" => (word, Tone::Bad),
            _ => return format!("{line}\n"),
        };
        paper.painted_end(line, word, tone) + "\n"
    });
    lines.collect()
}

/// Objects that another backup needs are no leavings.
fn is_needed<D: Presented>(series: &Catalogue<D>, repository: usize, id: &str) -> bool {
    let copies = series.backups.iter().flat_map(|backup| &backup.copies);
    let mut here = copies.filter(|copy| copy.repository == repository);
    here.any(|copy| copy.needs.iter().any(|needed| needed == id))
}

fn row<D: Presented>(repositories: &[Repository], backup: &Backup<D>) -> Vec<String> {
    let stored = backup.copies.first().map_or(0, |copy| copy.stored_size);
    let places: Vec<&str> =
        backup.copies.iter().map(|copy| name(repositories, copy.repository)).collect();
    let mut row = vec![
        plain(&backup.id),
        plain(backup.facts.label()),
        at_seconds(backup.began),
        took(backup.began, backup.ended).replace(' ', ""),
        short_size(backup.size()),
        short_size(stored),
    ];
    row.extend(backup.facts.cells().iter().map(|cell| plain(cell)));
    row.extend([
        if backup.pinned() { "yes" } else { "" }.to_owned(),
        places.join(","),
        if backup.is_whole() { "yes" } else { "no" }.to_owned(),
    ]);
    row
}
