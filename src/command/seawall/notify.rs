//! `seawall notify` sends a test message, so that people learn in time whether messages arrive.

use clap::{ArgMatches, Command};

use crate::cli::text::plain;
use crate::cli::verbs::Shown;
use crate::cli::{configure, flags, verbs};
use crate::config::Config;
use crate::error::Result;
use crate::notify::try_out;

pub const NAME: &str = "notify";

const SHORT: &str = "Sends a test message by mail and to each webhook";

const ABOUT: &str = "Sends a test message by mail and to each webhook

It sends a test message by mail and to each webhook of the table [notify], and says which of them worked. The
timer runs `seawall check --notify`, which sends a message when a finding changes, and when all is well again.";

pub fn command() -> Command {
    flags::with_settings(Command::new(NAME).about(SHORT).long_about(ABOUT), &["notify"])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    verbs::print(tell(&configure(&flags::values(matches))?)?)
}

fn tell(config: &Config) -> Result<Shown> {
    let (mut text, mut errors) = (String::new(), Vec::new());
    for (way, error) in try_out(config)? {
        let word = if error.is_none() { "told" } else { "NOT told" };
        text += &format!("{word} {}\n", plain(&way));
        errors.extend(error);
    }
    Ok(Shown { text, errors })
}
