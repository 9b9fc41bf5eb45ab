//! `seawall list`.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{configure, flags, screen, verbs};
use crate::command::overview;
use crate::error::Result;

pub const NAME: &str = "list";

const ABOUT: &str = "Shows all backups on one screen: newest, back to when, next due, state";

const AFTER: &str = "\
NEWEST is the newest backup that can be restored, BACK TO the earliest moment that can, SIZE what that backup holds before \
compression. NEXT DUE is when objectives.base_backup_age, redis_age or media_age is over. The state is that of `seawall check`, which \
says what is wrong and what to do. What can't be seen is said, the rest is shown, and the exit status is that of the \
     trouble.";

pub fn command() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    let command = Command::new(NAME)
        .about(ABOUT)
        .after_help(AFTER)
        .arg(json.help("Print as JSON, with all times and sizes"));
    flags::with_settings(command, &["postgres", "retention", "redis", "media_backup", "objectives"])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let config = configure(&flags::values(matches))?;
    verbs::print(overview::run(&config, matches.get_flag("json"), screen::paper())?)
}
