//! `basebackup`, which takes and restores base backups.
//!
//! Each verb is a file; those that all kinds of backups share have here what base backups add to them. `list` and `show` share
//! `json`, and `list` draws with `bar`. `restore` and `drill` share `target`, which says what is recovered and up to where, and
//! `restore_command`, by which the server gets its WAL. Here is what the verbs of all kinds read of base backups: the survey,
//! which has the WAL too.

mod bar;
mod create;
mod drill;
mod json;
mod list;
mod owed;
mod prune;
mod restore;
mod restore_command;
mod show;
mod target;
mod verify;

use std::borrow::{Borrow, BorrowMut};

use clap::Command;

use super::backups::{self, delete, pin};
use crate::backup::{Catalogue, StoredBackup};
use crate::basebackup::Description;
use crate::basebackup::catalogue::{Backup, Restorable, Survey};
use crate::basebackup::pruning::condition;
use crate::cli::help;
use crate::cli::verbs::{self, Verb};
use crate::command::backups::Surveyed;
use crate::command::backups::delete::Deletes;
use crate::config::Config;
use crate::error::Error;
use crate::repository::Repository;
use crate::retention::Condition;

const VERBS: [Verb; 10] = [
    (create::command, create::run),
    (backups::list::command::<Description>, backups::list::run::<Description>),
    (backups::show::command::<Description>, backups::show::run::<Description>),
    (restore::command, restore::run),
    (backups::verify::command::<Description>, backups::verify::run::<Description>),
    (drill::command, drill::run),
    (prune::command, backups::prune::run::<Description>),
    (delete::command::<Description>, delete::run::<Description>),
    (pin::pin_command::<Description>, pin::pin::<Description>),
    (pin::unpin_command::<Description>, pin::unpin::<Description>),
];

const AFTER: &str = "The verbs in the order in which you need them:
  basebackup create                 takes a base backup into every repository
  basebackup list                   shows from when to when you can recover
  basebackup prune --dry-run        shows what retention would delete, and why
  basebackup verify --newest        reads all of it, and the WAL after it
  basebackup restore DIRECTORY --target-time '2026-11-22 14:29:59' --start
                                    restores the server as it was then
  basebackup drill                  rehearses a restore, and records how long it took

Each verb has its own --help. Configuration: /etc/seawall/seawall.toml, or variables such as SEAWALL_REPOSITORY.";

pub fn command() -> Command {
    let command = Command::new("basebackup")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(help::version_with_libpq())
        .about("Takes, shows, restores, verifies, rehearses and prunes base backups.")
        .after_help(AFTER)
        .subcommand_required(true);
    command.subcommands(VERBS.map(|(verb, _)| verb()))
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    verbs::main(command(), &VERBS)
}

impl Surveyed for Description {
    type Survey = Survey;

    fn survey(repositories: &[Repository], config: &Config) -> Survey {
        Survey::read(repositories, config)
    }

    fn errors(survey: &Survey) -> Vec<Error> {
        survey.errors().cloned().collect()
    }

    fn pinning_helps() -> [String; 2] {
        [
            "Keeps a base backup, and the WAL that it needs, until it is unpinned".to_owned(),
            "Lets retention delete a base backup again".to_owned(),
        ]
    }

    fn delete_leaves() -> &'static str {
        "The next `basebackup prune` deletes the WAL that only this base backup needed."
    }

    fn condition(survey: &Survey, backup: &Backup, copy: &StoredBackup) -> Condition {
        match survey.system(backup.system) {
            Some(system) => {
                // Whoever deletes one backup by name is told what it lacks now.
                condition(system, backup, copy, &|_, _| false)
            }
            None => Condition::Unknown("its WAL is not known".to_owned()),
        }
    }
}

/// Its WAL is for `prune` to judge.
impl Deletes for Description {}

impl Borrow<Catalogue<Description>> for Survey {
    fn borrow(&self) -> &Catalogue<Description> {
        &self.catalogue
    }
}

impl BorrowMut<Catalogue<Description>> for Survey {
    fn borrow_mut(&mut self) -> &mut Catalogue<Description> {
        &mut self.catalogue
    }
}

/// Whether it can be restored, in a word, and why not.
pub fn restorable(restorable: &Restorable) -> (&'static str, Option<&str>) {
    match restorable {
        Restorable::Yes => ("yes", None),
        Restorable::No(reason) => ("no", Some(reason)),
        Restorable::Unknown(reason) => ("unknown", Some(reason)),
    }
}

/// Whether it can be restored, and why not.
pub fn condition_of(survey: &Survey, backup: &Backup) -> Condition {
    match survey.restorable(backup) {
        Restorable::Yes => Condition::Good,
        Restorable::No(reason) => Condition::Bad(reason),
        Restorable::Unknown(reason) => Condition::Unknown(reason),
    }
}
