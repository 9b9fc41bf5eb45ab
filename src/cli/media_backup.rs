//! The command line of `media-backup`.
//!
//! Verbs with flags of their own are files here, and `selection` has the flags that two of them share; the other verbs
//! take theirs from `series`. Each verb gets the configuration with one media set alone.

mod cat;
mod create;
mod diff;
mod drill;
mod find;
mod ls;
mod restore;
mod selection;
mod show;
mod verify;

use clap::{Arg, ArgMatches, Command};

use super::verbs::{self, Verb, print};
use super::{asked, series};
use crate::command::media_backup::{delete, prune};
use crate::command::series::Kind as _;
use crate::command::version;
use crate::config::{Config, MediaSet};
use crate::error::Result;
use crate::media_backup::Description;

const VERBS: [Verb; 14] = [
    (create::command, create::run),
    (
        || with_set(series::list_command::<Description>()),
        |config, matches| series::list::<Description>(&of_set(config, matches)?, matches),
    ),
    (show::command, show::run),
    (ls::command, ls::run),
    (find::command, find::run),
    (diff::command, diff::run),
    (cat::command, cat::run),
    (restore::command, restore::run),
    (verify::command, verify::run),
    (drill::command, drill::run),
    (|| with_set(series::prune_command::<Description>()), run_prune),
    (|| with_set(series::delete_command::<Description>()), run_delete),
    (
        || with_set(series::pin_command::<Description>()),
        |config, matches| series::pin::<Description>(&of_set(config, matches)?, matches),
    ),
    (
        || with_set(series::unpin_command::<Description>()),
        |config, matches| series::unpin::<Description>(&of_set(config, matches)?, matches),
    ),
];

const AFTER: &str = "In the order in which you need them:
  media-backup create               takes a snapshot; unchanged files cost nothing
  media-backup list                 shows what there is
  media-backup ls latest PATH       shows what is in one
  media-backup find 'IMG_2*.jpg'    shows in which snapshots a file is
  media-backup diff                 shows what the newest one has changed
  media-backup cat latest PATH      writes a file to standard output
  media-backup prune --dry-run      shows what retention would delete, and why
  media-backup verify               reads all of it again
  media-backup drill                restores some files, and compares them
  media-backup restore --to /tmp/back --path /srv/uploads/2026
                                    brings a folder back, somewhere else

A set is a table of the configuration: [media.uploads] with paths = [\"/srv/uploads\"]. Each verb has a --help of
its own. Configuration: /etc/seawall/seawall.toml, or SEAWALL_CONFIG.";

/// Of the verbs that look into one.
const WHICH: &str = "Id of the snapshot, or its beginning; latest is the newest whole one";

pub fn command() -> Command {
    let command = Command::new("media-backup")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(version::without_libpq())
        .about("Takes, shows, searches, restores, verifies, rehearses and prunes snapshots of folders and files.")
        .after_help(AFTER)
        .subcommand_required(true);
    command.subcommands(VERBS.map(|(verb, _)| verb()))
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    verbs::main(command(), &VERBS)
}

fn with_set(command: Command) -> Command {
    let set = Arg::new("set").long("set").value_name("NAME").help_heading("Where");
    command.arg(set.help("Name of the media set ([media.NAME]); needed if there are several"))
}

/// The configuration with that set alone, which may be one that is stored and not configured.
fn of_set(config: &Config, matches: &ArgMatches) -> Result<Config> {
    let set = MediaSet::choose_stored(&config.media, named(matches))?;
    Ok(Config { media: vec![set], ..config.clone() })
}

fn named(matches: &ArgMatches) -> Option<&str> {
    matches.get_one::<String>("set").map(String::as_str)
}

fn run_prune(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    asked::pruning(Description::PROGRAM, matches, |telling| prune::run(&config, telling))
}

fn run_delete(config: &Config, matches: &ArgMatches) -> Result<()> {
    let mut agree = |plan: &str| asked::agreed(matches, plan);
    let order = series::order(matches, &mut agree);
    print(delete::run(&of_set(config, matches)?, order)?)
}
