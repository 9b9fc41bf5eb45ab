//! `media-backup restore`: its flags, made into a request.
//!
//! With `--dry-run` and a part chosen, the plan is followed by a list of what would come back.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::progress::Shared;
use super::super::{asked, flags, guard, restored};
use super::selection::{arguments, chosen};
use super::{of_set, with_set};
use crate::command::media_backup::ls::{self, Form, Part};
use crate::command::media_backup::restore::{Request, restore};
use crate::config::Config;
use crate::error::Result;
use crate::media_backup::{Existing, Selection};

const SHORT: &str = "Brings files back: all of a set, one path, or what matches a pattern";

const ABOUT: &str = "Brings files back: all of a set, one path, or what matches a pattern

Without --to they go where they were. Every file is proved while it is written. Nothing is removed unless --delete
says so; nothing is written outside the places that were named.";

pub fn command() -> Command {
    let path = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .value_parser(clap::value_parser!(PathBuf))
            .help(help)
    };
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new("restore")
        .about(SHORT)
        .long_about(ABOUT)
        .arg(
            Arg::new("id")
                .value_name("ID")
                .help("Id of the backup, or its beginning; default: the newest whole one"),
        )
        .arg(path("to", "DIRECTORY", "Put them below this folder, under their full paths"))
        .args(arguments())
        .arg(switch("replace", "Replace what is in the way").conflicts_with("delta"))
        .arg(switch("delta", "Write only what differs, by size and time"))
        .arg(switch("checksum", "With --delta: by content").requires("delta"))
        .arg(
            switch("delete", "With --delta: remove what the snapshot does not have")
                .requires("delta"),
        )
        .arg(switch(
            "numeric-owner",
            "Give files to owners by number, whatever their names are here",
        ));
    let command = asked::with_plan(command).mut_arg("dry-run", |arg| {
        arg.help("Show the plan, and what --path or --pattern chooses, and stop")
    });
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let (selection, selected) = chosen(matches)?;
    let existing = match (matches.get_flag("delta"), matches.get_flag("replace")) {
        (true, _) => Existing::Delta { checksum: matches.get_flag("checksum") },
        (_, true) => Existing::Replace,
        _ => Existing::Refuse,
    };
    let bar = Shared::new("restore");
    let progress = |at: crate::media_backup::Progress| bar.at_files(&at);
    let request = Request {
        config: &config,
        id: matches.get_one::<String>("id").cloned(),
        to: path("to"),
        selection,
        selected,
        existing,
        delete: matches.get_flag("delete"),
        numeric_owner: matches.get_flag("numeric-owner"),
        progress: &progress,
    };
    let ending = restored::asking(matches, |asking| restore(&request, asking));
    let (id, selection) = (request.id, request.selection);
    drop(bar);
    let only_shown = matches.get_flag("dry-run") && !matches.get_flag("json");
    let part = only_shown && !matches!(selection, Selection::All);
    let ending = ending.and_then(|ending| match part {
        true => list_part(&config, id.as_deref(), &selection).map(|()| ending),
        false => Ok(ending),
    });
    restored::end(matches, ending, "could not restore")
}

/// What would come back of a snapshot.
fn list_part(config: &Config, id: Option<&str>, selection: &Selection) -> Result<()> {
    let part = Part::Selected(selection);
    let request = ls::Request { config, id, part, form: Form::Long, heading: false };
    guard::stream(|out| ls::list(&request, out))
}
