//! `list`: every backup of one kind, system by system. What a kind tells beside what all have, it adds by `Lists`.

use clap::{ArgMatches, Command};

use super::{Presented, Seen, json, verb};
use crate::backup::{Backup, Kind, Unfinished};
use crate::cli::flags::switch;
use crate::cli::screen;
use crate::cli::text::{Paper, Spare, Tone, at_seconds, count, fitted, plain, short_size, took};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::config::Config;
use crate::error::Result;
use crate::repository::{self};
use crate::retention::Condition;

const FIRST: [&str; 6] = ["ID", "LABEL", "BEGAN", "TOOK", "SIZE", "STORED"];
const LAST: [&str; 3] = ["PIN", "IN", "OK"];

/// A kind of backups, and what `list` tells of it beside what all have.
pub trait Lists: super::Surveyed {
    /// Headings of the columns that only they have.
    const OWN_COLUMNS: &'static [&'static str];
    /// Which of these is left out where the paper is narrow.
    const SPARE: usize = 0;
    /// Between the table, the remarks and what is told last.
    const APART: &'static str = "";
    /// What the help says of `--json`, and at its end.
    const JSON_HELP: &'static str = "Print all of it as JSON";
    const AFTER: &'static str = "";

    fn about() -> String {
        format!("Shows every {} in every repository", Self::WHAT)
    }

    fn label(facts: &Self::Facts) -> &str;

    /// What stands in their own columns.
    fn cells(facts: &Self::Facts) -> Vec<String>;

    /// Whether it can be restored from what is there.
    fn restorable(seen: &Seen<'_, Self>, backup: &Backup<Self>) -> Condition;

    /// That there is none; `found` says where.
    fn none(_: &Seen<'_, Self>, found: &str) -> String {
        format!("There is no {} {found}. `{} create` takes one.\n", Self::WHAT, Self::PROGRAM)
    }

    /// What stands above the table of a system. `Err` stands in its place.
    fn heading(
        _: &Seen<'_, Self>,
        _: Self::System,
        backups: &[&Backup<Self>],
    ) -> Result<String, String> {
        if backups.is_empty() { Err(String::new()) } else { Ok(String::new()) }
    }

    /// What is not as it should be with a backup.
    fn remarks(seen: &Seen<'_, Self>, backup: &Backup<Self>) -> Vec<String> {
        damaged(seen, backup).collect()
    }

    /// Whether nobody needs what has no description.
    fn is_leavings(_: &Seen<'_, Self>, _: &Unfinished<Self::System>) -> bool {
        true
    }

    /// What is told of a system behind its backups.
    fn behind(_: &Seen<'_, Self>, _: Self::System, _: Paper) -> String {
        String::new()
    }

    /// What explains all of it.
    fn legend(_: &Seen<'_, Self>) -> &'static str {
        ""
    }

    fn list_json(seen: &Seen<'_, Self>) -> Result<String>;
}

impl<D: Presented> Lists for D {
    const OWN_COLUMNS: &'static [&'static str] = <D as Presented>::COLUMNS;

    fn label(facts: &D) -> &str {
        facts.label()
    }

    fn cells(facts: &D) -> Vec<String> {
        Presented::cells(facts)
    }

    fn restorable(_: &Seen<'_, D>, backup: &Backup<D>) -> Condition {
        match backup.is_whole() {
            true => Condition::Good,
            false => Condition::Bad("no repository has all of it".to_owned()),
        }
    }

    /// Objects that another backup needs are no leavings.
    fn is_leavings(seen: &Seen<'_, D>, unfinished: &Unfinished<()>) -> bool {
        let copies = seen.catalogue().backups.iter().flat_map(|backup| &backup.copies);
        let mut here = copies.filter(|copy| copy.repository == unfinished.repository);
        !here.any(|copy| copy.needs.contains(&unfinished.id))
    }

    fn list_json(seen: &Seen<'_, D>) -> Result<String> {
        json::list(seen)
    }
}

/// In which repositories it is damaged.
pub fn damaged<'a, K: Kind + super::Surveyed>(
    seen: &'a Seen<'_, K>,
    backup: &'a Backup<K>,
) -> impl Iterator<Item = String> + 'a {
    backup.copies.iter().filter_map(|copy| {
        let fault = copy.fault.as_ref()?;
        Some(format!("is damaged in repository {}: {fault}", seen.name(copy.repository)))
    })
}

pub fn command<K: Lists>() -> Command {
    let command = verb::<K>("list", K::about(), vec![switch("json", K::JSON_HELP)]);
    if K::AFTER.is_empty() { command } else { command.after_help(K::AFTER) }
}

pub fn run<K: Lists>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(list::<K>(config, matches.get_flag("json"), screen::paper())?)
}

fn list<K: Lists>(config: &Config, as_json: bool, paper: Paper) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = K::survey(&repositories, config);
    let seen = Seen::<K> { config, repositories: &repositories, survey: &survey };
    let text = if as_json { K::list_json(&seen)? } else { paper.fit(&text(&seen, paper)) };
    Ok(Shown { text, errors: K::errors(&survey) })
}

fn text<K: Lists>(seen: &Seen<'_, K>, paper: Paper) -> String {
    let catalogue = seen.catalogue();
    let mut text = String::new();
    if catalogue.backups.is_empty() {
        text += &K::none(
            seen,
            match catalogue.failures.is_empty() {
                true => "yet",
                false => "in the repositories that answered",
            },
        );
    }
    text.extend(catalogue.systems.iter().map(|system| of_system(seen, *system, paper)));
    text + K::legend(seen)
}

fn of_system<K: Lists>(seen: &Seen<'_, K>, system: K::System, paper: Paper) -> String {
    let backups = seen.catalogue().backups.iter().filter(|backup| backup.system == system);
    let backups: Vec<&Backup<K>> = backups.collect();
    let mut text = match K::heading(seen, system, &backups) {
        Ok(heading) => heading + &painted::<K>(&rows(seen, &backups), paper),
        Err(heading) => heading,
    };
    let remarks = |backup: &&Backup<K>| {
        let id = plain(&backup.id);
        let remarks = K::remarks(seen, backup).into_iter();
        remarks.map(|remark| format!("{id} {}\n", plain(&remark))).collect::<String>()
    };
    for remarks in [backups.iter().map(remarks).collect(), others(seen, system)] {
        text += &if remarks.is_empty() { remarks } else { format!("{}{remarks}", K::APART) };
    }
    text + &K::behind(seen, system, paper) + K::APART
}

/// What lies there and is no backup.
fn others<K: Lists>(seen: &Seen<'_, K>, system: K::System) -> String {
    let catalogue = seen.catalogue();
    let mut text = String::new();
    for (number, repository) in seen.repositories.iter().enumerate() {
        let name = repository.name();
        let unfinished = catalogue.unfinished.iter().filter(|it| {
            it.system == system && it.repository == number && K::is_leavings(seen, it)
        });
        let unfinished = unfinished.count() as u64;
        if unfinished > 0 {
            let backups = count(unfinished, &format!("unfinished {}", K::WHAT));
            text += &format!("{backups} in repository {name}: being taken now, or cut short\n");
        }
        let broken = catalogue.broken.iter();
        let broken = broken.filter(|it| it.system == system && it.repository == number);
        for id in broken.map(|it| plain(&it.id)) {
            text += &format!("{id} in repository {name} can't be read: see the error\n");
        }
    }
    text
}

/// The table, with the last word of each row in the colour of what it says. Where it is narrow, `BEGAN`, which the id tells,
/// one column of the kind and `TOOK` are left out; `LABEL`, then `IN`, are cut.
fn painted<K: Lists>(rows: &[Vec<String>], paper: Paper) -> String {
    let spare = Spare {
        left_out: &[2, FIRST.len() + K::SPARE, 3],
        cut: &[1, FIRST.len() + K::OWN_COLUMNS.len() + 1],
        ends_in_text: false,
    };
    let table = fitted(rows, spare, paper);
    let lines = table.lines().zip(rows).map(|(line, row)| {
        let (word, tone) = match row.last().map_or("", String::as_str) {
            word @ "yes" => (word, Tone::Good),
            word @ "no" => (word, Tone::Bad),
            word @ "?" => (word, Tone::Unclear),
            _ => return format!("{line}\n"),
        };
        paper.painted_end(line, word, tone) + "\n"
    });
    lines.collect()
}

fn rows<K: Lists>(seen: &Seen<'_, K>, backups: &[&Backup<K>]) -> Vec<Vec<String>> {
    let headings = FIRST.iter().chain(K::OWN_COLUMNS).chain(&LAST).map(|it| (*it).to_owned());
    let rows = backups.iter().map(|backup| row(seen, backup));
    std::iter::once(headings.collect()).chain(rows).collect()
}

fn row<K: Lists>(seen: &Seen<'_, K>, backup: &Backup<K>) -> Vec<String> {
    let stored = backup.copies.first().map_or(0, |copy| copy.stored_size);
    let places: Vec<&str> = backup.copies.iter().map(|copy| seen.name(copy.repository)).collect();
    let mut row = vec![
        plain(&backup.id),
        plain(K::label(&backup.facts)),
        at_seconds(backup.began),
        took(backup.began, backup.ended).replace(' ', ""),
        short_size(backup.size()),
        short_size(stored),
    ];
    row.extend(K::cells(&backup.facts).iter().map(|cell| plain(cell)));
    row.extend([
        if backup.pinned() { "yes" } else { "" }.to_owned(),
        places.join(","),
        match K::restorable(seen, backup) {
            Condition::Good => "yes",
            Condition::Bad(_) => "no",
            Condition::Unknown(_) => "?",
        }
        .to_owned(),
    ]);
    row
}
