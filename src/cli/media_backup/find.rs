//! `media-backup find`: its flags. Hits are printed as they are found; what could not be read is said after them.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::{flags, guard, verbs};
use super::{of_set, with_set};
use crate::command::media_backup::find::{Request, find};
use crate::command::shown::Shown;
use crate::config::Config;
use crate::error::Result;

const AFTER: &str = "\
  media-backup find invoice.pdf               that name, wherever it is
  media-backup find '2026/*.jpg' --versions   each version of these once
  media-backup find /srv/uploads/a.jpg        this path alone

Patterns are as in a .gitignore file, but that one with a slash in its middle matches at any depth too. The newest snapshot comes \
first. `media-backup restore ID --path PATH` brings a file back, `media-backup cat ID PATH` prints it. Exit status 2 says that \
nothing was found. A snapshot that can't be read is an error, and the others are looked into.";

pub fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let pattern = Arg::new("pattern")
        .value_name("PATTERN")
        .required(true)
        .value_parser(clap::value_parser!(OsString));
    let command = Command::new("find")
        .about("Shows in which snapshots a file is, and how it was there")
        .arg(pattern.help("A name, the end of a path, a path, or a pattern"))
        .arg(switch("ignore-case", "Ignore upper and lower case").short('i'))
        .arg(switch("versions", "Leave out what is as in the newer snapshot above"))
        .arg(switch("long", "With mode and owners too").short('l'))
        .arg(switch("json", "Print one JSON object a line").conflicts_with("long"))
        .after_help(AFTER);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let Some(pattern) = matches.get_one::<OsString>("pattern") else { return Ok(()) };
    let request = Request {
        config: &config,
        pattern,
        ignore_case: matches.get_flag("ignore-case"),
        versions: matches.get_flag("versions"),
        long: matches.get_flag("long"),
        json: matches.get_flag("json"),
    };
    let errors = guard::stream(|out| find(&request, out))?;
    verbs::print(Shown { text: String::new(), errors })
}
