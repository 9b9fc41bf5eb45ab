//! `seawall doctor`.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{flags, guard};
use crate::command::doctor::{Form, Request, run as look};
use crate::config::{self, Config};
use crate::doctor::Verdict;
use crate::error::Result;
use crate::{exit_status, log};

pub const NAME: &str = "doctor";

const SHORT: &str = "Checks the server, tries every repository, and says what to change";

const ABOUT: &str = "Checks the server, tries every repository, and says what to change

The server's settings, its archive_command and the rights of the role; each repository by writing, reading, listing
and deleting objects below seawall-doctor/; who can read the secrets; settings without effect. Nothing else is touched.";

const AFTER: &str = "\
Run it before set-up, after it, and after every change, as the user that runs PostgreSQL.
Exit status: 0 all is well, 1 there are warnings, 2 there are problems, 3 something could not be looked at,
or the command line or the configuration is wrong.
  seawall doctor --fix-preview | psql     sets what can be set, after you have read it";

pub fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new(NAME)
        .about(SHORT)
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(switch("fix-preview", "Print only the SQL that corrects the server's settings"))
        .arg(switch("json", "Print what was found as JSON").conflicts_with("fix-preview"))
        .arg(switch("without-server", "Leave the PostgreSQL server out"));
    flags::with_settings(command, &["wal", "postgres", "redis", "objectives"])
}

/// The exit status, as that of a monitoring plugin.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    let resolved = config::resolve(&flags::values(matches))?;
    log::start(&resolved.log());
    let config = Config::from_resolved(&resolved)?;
    let form = match (matches.get_flag("fix-preview"), matches.get_flag("json")) {
        (true, _) => Form::Fixes,
        (_, true) => Form::Json,
        _ => Form::Text,
    };
    let without_server = matches.get_flag("without-server");
    let outcome = look(&Request { resolved: &resolved, config: &config, form, without_server })?;
    guard::print(&outcome.text);
    Ok(match outcome.worst {
        Verdict::Good | Verdict::Note => exit_status::DONE,
        Verdict::Warning => exit_status::WARNING,
        Verdict::Problem => exit_status::CRITICAL,
        Verdict::Unknown => exit_status::UNKNOWN,
    })
}

/// Whether it was this verb that failed: then nothing is known.
pub fn failed() -> Option<u8> {
    guard::words().first().is_some_and(|word| word == NAME).then_some(exit_status::UNKNOWN)
}
