//! `seawall notify`: its flags. The verb sends a test message, so that people learn in time whether messages arrive.

use clap::{ArgMatches, Command};

use super::{configure, flags, verbs};
use crate::command::notify;
use crate::error::Result;

pub const NAME: &str = "notify";

const SHORT: &str = "Sends a test message by mail and to each webhook";

const ABOUT: &str = "Sends a test message by mail and to each webhook

Sends something by mail and to each webhook of the table [notify], and says what became of each. What `seawall check` finds is
told by `seawall check --notify`, which the timer runs: when it changes, and when it is well again.";

pub fn command() -> Command {
    flags::with_settings(Command::new(NAME).about(SHORT).long_about(ABOUT), &["notify"])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    verbs::print(notify::run(&configure(&flags::values(matches))?)?)
}
