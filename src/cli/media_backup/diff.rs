//! `media-backup diff`: its flags, made into a request; differences are printed as they are found.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::{flags, guard, screen};
use super::{of_set, with_set};
use crate::command::media_backup::diff::{Request, diff};
use crate::config::Config;
use crate::error::Result;
use crate::media_backup::Selection;

const AFTER: &str = "\
  +  is only in the second one        M  has other content
  -  is only in the first one         T  is of another kind, such as a folder in place of a file
  U  with --metadata: has another owner, mode, time or other attributes

Sizes are those of the second one, of what was removed those of the first. Without any ID it shows what the newest snapshot has \
changed, with one what has changed since.";

pub fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let id = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).value_name(value).help(help)
    };
    let command = Command::new("diff")
        .about("Shows what differs between two snapshots")
        .arg(id(
            "first",
            "ID1",
            "Id of the older snapshot, or its beginning; default: the one before ID2",
        ))
        .arg(id("second", "ID2", "The newer one. Default: latest, the newest whole one"))
        .arg(
            Arg::new("path")
                .long("path")
                .value_name("PATH")
                .value_parser(clap::value_parser!(OsString))
                .help("Only this file, or this folder with all that is in it"),
        )
        .arg(switch("metadata", "Also what has another owner, mode or time and nothing else"))
        .arg(switch("json", "Print one JSON object a line"))
        .after_help(AFTER);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let id = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let selection = match matches.get_one::<OsString>("path") {
        Some(path) => Selection::path(path.as_bytes())?,
        None => Selection::All,
    };
    let request = Request {
        config: &config,
        ids: [id("first"), id("second")],
        selection: &selection,
        metadata: matches.get_flag("metadata"),
        json: matches.get_flag("json"),
        paper: screen::paper(),
    };
    guard::stream(|out| diff(&request, out))
}
