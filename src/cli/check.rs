//! `seawall check`: its flags, where its text goes, and its exit status, which is that of monitoring plugins.
//!
//! Whatever fails, the command line included, is UNKNOWN: monitoring would take the usual statuses for verdicts.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;

use super::{configure, flags, guard, screen};
use crate::check::State;
use crate::command::check::{Format, Request, run as check, unknown, write};
use crate::command::shown::Paper;
use crate::error::{Class, Error, Result};

pub const NAME: &str = "check";

const SHORT: &str = "Tells whether everything configured can be restored, to when, and how fast";

const ABOUT: &str = "Tells whether everything configured can be restored, to when, and how fast

Looks at base backups, WAL, Redis, media files, drills, verifications, room and clocks, in every repository and, where it
can be reached, on the server; judges them against the objectives of the configuration. Writes nothing.";

const AFTER: &str = "\
Ends as monitoring plugins do: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (also for a wrong command line or configuration).
Works on another host, without the server: then what would be lost is told from the repositories alone.";

const FORMATS: [(&str, Format); 4] = [
    ("table", Format::Table),
    ("json", Format::Json),
    ("nagios", Format::Nagios),
    ("prometheus", Format::Prometheus),
];

pub fn command() -> Command {
    let format = Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(FORMATS.map(|(word, _)| word))
        .default_value("table")
        .help("Form of the output");
    let output = Arg::new("output")
        .long("output")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("Write to FILE in one step instead of standard output; findings that are not OK are logged too");
    let timeout = Arg::new("timeout")
        .long("timeout")
        .value_name("DURATION")
        .default_value("5m")
        .help("Longest time for the check; after that the result is UNKNOWN");
    let notify = Arg::new("notify").long("notify").action(ArgAction::SetTrue).help(
        "Tell people by mail and webhooks (notify.*) what changed since the last run; status 3 if that fails",
    );
    let command = Command::new(NAME)
        .about(SHORT)
        .long_about(ABOUT)
        .after_help(AFTER)
        .args([format, output, timeout, notify]);
    flags::with_settings(
        command,
        &["postgres", "retention", "redis", "media_backup", "objectives", "notify"],
    )
}

/// The exit status. What kept it from judging is an error, its status that of UNKNOWN, and it is told in the form and the
/// file that were asked for too: an old verdict must not stand there.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    let text = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
    let format = FORMATS.iter().find(|(word, _)| *word == text("format"));
    let format = format.map_or(Format::Table, |(_, format)| *format);
    let output = matches.get_one::<PathBuf>("output");
    judge(matches, format, output).map_err(|error| {
        let same = matches!(format, Format::Table | Format::Nagios);
        if output.is_none() && same && one_terminal() {
            return error;
        }
        let told = unknown(format, &error, Timestamp::now(), output.map(PathBuf::as_path))
            .and_then(|text| put(output, &text));
        match told {
            Ok(()) => error,
            Err(other) => error.adding(format!("; {other}")),
        }
    })
}

fn judge(matches: &ArgMatches, format: Format, output: Option<&PathBuf>) -> Result<u8> {
    let timeout = duration(matches.get_one::<String>("timeout").map_or("", String::as_str))?;
    let config = configure(&flags::values(matches))?;
    let paper = if output.is_none() { screen::paper() } else { Paper::default() };
    let log = output.is_some();
    let notify = matches.get_flag("notify");
    let outcome = check(&Request { config: &config, format, paper, log, notify, timeout })?;
    put(output, &outcome.text)?;
    outcome.untold.iter().for_each(|error| tracing::error!("{error}"));
    // A status of its own, so that whoever watches the unit hears of it where nobody else did.
    let state = if outcome.untold.is_empty() { outcome.state } else { State::Unknown };
    Ok(state.status())
}

fn put(output: Option<&PathBuf>, text: &str) -> Result<()> {
    match output {
        Some(path) => write(path, text)?,
        None => guard::print(text),
    }
    Ok(())
}

/// Whether it was this verb that failed, whose statuses are those of monitoring plugins.
pub fn failed() -> Option<u8> {
    let ours = guard::words().first().is_some_and(|word| word == NAME);
    ours.then(|| State::Unknown.status())
}

/// Whether what is printed and what is logged is seen by one pair of eyes: the same words twice help nobody.
fn one_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Says what monitoring reads, where the command line was not understood and so has no form.
pub fn not_understood(error: &Error) {
    if failed().is_some() && !one_terminal() {
        guard::print(&format!("SEAWALL {}: {error}\n", State::Unknown));
    }
}

fn duration(text: &str) -> Result<Duration> {
    humantime::parse_duration(text).map_err(|_| {
        let message = format!("expected a time like 30s or 5m for --timeout, found {text:?}");
        Error::new(Class::Usage, message)
    })
}
