//! `pin` and `unpin`.

use std::borrow::Borrow as _;

use clap::{Arg, ArgMatches, Command};
use jiff::Timestamp;

use super::{Surveyed, find, id, id_of, verb};
use crate::backup::{self, Catalogue};
use crate::cli::flags::switch;
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::command::created;
use crate::config::Config;
use crate::error::Result;
use crate::repository::{self, Repository};

pub fn pin_command<K: Surveyed>() -> Command {
    let [about, _] = K::pinning_helps();
    verb::<K>("pin", about, words())
}

pub fn unpin_command<K: Surveyed>() -> Command {
    let [_, about] = K::pinning_helps();
    verb::<K>("unpin", about, words())
}

fn words() -> Vec<Arg> {
    vec![id(), switch("json", "Print what was done as JSON")]
}

pub fn pin<K: Surveyed>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(set::<K>(config, &id_of(matches), true, matches.get_flag("json"))?)
}

pub fn unpin<K: Surveyed>(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(set::<K>(config, &id_of(matches), false, matches.get_flag("json"))?)
}

/// `id` may be the beginning of one.
fn set<K: Surveyed>(config: &Config, id: &str, pinned: bool, as_json: bool) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = K::survey(&repositories, config);
    let catalogue: &Catalogue<K> = survey.borrow();
    let backup = find(catalogue, &repositories, id)?;
    let copies = backup.copies.iter().filter_map(|copy| repositories.get(copy.repository));
    let copies: Vec<&Repository> = copies.collect();
    let folder = catalogue.folder_of(backup.system, &backup.id);
    let mut errors = match pinned {
        true => backup::pins::pin(&copies, &folder, Timestamp::now()),
        false => backup::pins::unpin(&copies, &folder),
    };
    let done = copies.len() - errors.len();
    let word = if pinned { "pinned" } else { "not pinned any more" };
    // There may be one in a repository that did not answer.
    errors.extend(catalogue.failures.iter().map(|failure| failure.error.clone()));
    let text = match (as_json, done) {
        (true, _) => {
            let names = copies.iter().map(|it| it.name()).collect();
            created::pinned(&backup.id, pinned, names, &errors)?
        }
        (false, 0) => String::new(),
        (false, _) => format!("{} is {word}.\n", backup.id),
    };
    Ok(Shown { text, errors })
}
