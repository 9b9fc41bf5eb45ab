//! `media-backup show`: the verb that all backups have; where a flag asks for files, a list of what is in the snapshot.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::ls::{ListForm, ListOptions, ListPart, list, selection_flags, selection_of};
use super::{of_set, with_set};
use crate::cli::guard;
use crate::command::backups::show;
use crate::config::Config;
use crate::error::Result;
use crate::media_backup::{Selection, SnapshotDescription};

const AFTER: &str = "With --files, --path or --pattern it shows the contents of the snapshot \
instead, in packs too: mode, owner, length, time and path. With --json it prints one JSON object a \
line, as in the index (docs/repository-format.md).";

pub fn command() -> Command {
    let files = Arg::new("files").long("files").action(ArgAction::SetTrue);
    let files = files.help("Shows all files, folders and links that are in it");
    let command = show::command::<SnapshotDescription>().arg(files).args(selection_flags());
    with_set(command.after_help(AFTER))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let (selection, _) = selection_of(matches)?;
    if matches!(selection, Selection::All) && !matches.get_flag("files") {
        return show::run::<SnapshotDescription>(&config, matches);
    }
    let id = matches.get_one::<String>("id").map(String::as_str);
    let form = if matches.get_flag("json") { ListForm::Index } else { ListForm::Long };
    let part = ListPart::Selected(&selection);
    guard::stream(|out| list(&ListOptions { config: &config, id, part, form, heading: false }, out))
}
