//! `media-backup ls`: its flags. A single word that begins with a slash is a path in the newest snapshot.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::{flags, guard, screen};
use super::{of_set, with_set};
use crate::command::media_backup::ls::{Form, Inside, Part, Request, list};
use crate::config::Config;
use crate::error::Result;
use crate::media_backup::Selection;

const AFTER: &str = "\
  media-backup ls                             all that is in the newest snapshot
  media-backup ls latest /srv/uploads         what lies in a folder
  media-backup ls 20261122 '*.jpg' --long     all pictures of an older one, with owners, sizes and times

A PATH that begins with / may stand alone: then it is the newest snapshot's. What can't be printed of a name is escaped (\\xff, \
\\u{1b}), whatever the output goes to; --json has the names as they are (docs/json.md).";

pub fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let word = |name: &'static str, value: &'static str| {
        Arg::new(name).value_name(value).value_parser(clap::value_parser!(OsString))
    };
    let command = Command::new("ls")
        .about("Shows the files, folders and links that are in a snapshot")
        .arg(word("id", "ID").help(super::WHICH))
        .arg(word("path", "PATH").help(
            "A folder, a file, or a pattern such as '*.jpg' or '/srv/uploads/2026/*'. Default: all",
        ))
        .arg(switch("recursive", "With everything in the folders below PATH").short('R'))
        .arg(switch("long", "With mode, owners, size and time, as `ls -l` has it").short('l'))
        .arg(switch("json", "Print one JSON object a line").conflicts_with("long"))
        .after_help(AFTER);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let word = |name: &str| matches.get_one::<OsString>(name);
    let (id, path) = match (word("id"), word("path")) {
        (Some(path), None) if path.as_bytes().starts_with(b"/") => (None, Some(path)),
        words => words,
    };
    let id = id.map(|id| id.to_string_lossy());
    let recursive = matches.get_flag("recursive");
    let part = match path {
        Some(path) => Part::In(Inside::new(path.as_bytes(), recursive)?),
        None => Part::Selected(&Selection::All),
    };
    let form = match (matches.get_flag("json"), matches.get_flag("long")) {
        (true, _) => Form::Json,
        (_, true) => Form::Long,
        _ => Form::Short,
    };
    let heading = screen::is_terminal();
    guard::stream(|out| {
        list(&Request { config: &config, id: id.as_deref(), part, form, heading }, out)
    })
}
