//! `seawall check`: gathers, judges, and says it in the form that was asked for. Its exit status is that of monitoring plugins.
//!
//! Whatever fails, the command line included, is UNKNOWN: monitoring would take the usual statuses for verdicts. `page` is
//! the form for people, `monitoring` has those for monitoring.

mod monitoring;
mod page;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use crate::check::{CheckState, Finding, Verdict};
use crate::cli::text::{Paper, at_seconds};
use crate::cli::{configure, flags, guard, screen};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::report::PageZone;
use crate::{durable, notify, repository, threads};

pub const NAME: &str = "check";

const SHORT: &str = "Checks whether everything configured can be restored, to when, and how fast";

const ABOUT: &str = "Checks whether everything configured can be restored, to when, and how fast

It looks at base backups, WAL, Redis, media files, drills, verifications, free space and clocks, in every
repository and, if the server answers, on the server. It compares them with the objectives of the configuration.
It writes nothing.";

const AFTER: &str = "\
Exit status as of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (also for a wrong command line or
configuration). It also works on another host, without the server: then it computes from the repositories alone
what would be lost.";

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
        "Send mail and webhooks (notify.*) about what changed since the last run; status 3 if that fails",
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
    let outcome = check(&config, &CheckOptions { format, paper, log, notify, timeout })?;
    put(output, &outcome.text)?;
    outcome.untold.iter().for_each(|error| tracing::error!("{error}"));
    // A status of its own, so that whoever watches the unit hears of it where nobody else did.
    let state = if outcome.untold.is_empty() { outcome.state } else { CheckState::Unknown };
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
    ours.then(|| CheckState::Unknown.status())
}

/// Whether what is printed and what is logged is seen by one pair of eyes: the same words twice help nobody.
fn one_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Says what monitoring reads, where the command line was not understood and so has no form.
pub fn not_understood(error: &Error) {
    if failed().is_some() && !one_terminal() {
        guard::print(&format!("SEAWALL {}: {error}\n", CheckState::Unknown));
    }
}

fn duration(text: &str) -> Result<Duration> {
    humantime::parse_duration(text).map_err(|_| {
        let message = format!("expected a time like 30s or 5m for --timeout, found {text:?}");
        Error::new(Class::Usage, message)
    })
}

/// Version of the JSON.
const VERSION: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Table,
    Json,
    Nagios,
    Prometheus,
}

struct CheckOptions {
    format: Format,
    /// What the table is written onto.
    paper: Paper,
    /// Whether what is not as it should be is logged too, because nobody reads the text.
    log: bool,
    /// Whether who is configured is told what changed.
    notify: bool,
    /// The longest it may take.
    timeout: Duration,
}

/// What was found.
struct CheckResult {
    text: String,
    state: CheckState,
    /// Why somebody was not told.
    untold: Vec<Error>,
}

fn check(config: &Config, options: &CheckOptions) -> Result<CheckResult> {
    let verdict = in_time(config.clone(), options.timeout).inspect_err(|error| {
        if options.notify {
            let (now, wrong) = now(config);
            let untold = notify::tell_unknown(config, error, &now);
            (untold.iter().chain(&wrong)).for_each(|it| tracing::error!("{it}"));
        }
    })?;
    if options.log {
        verdict.findings.iter().for_each(log);
    }
    let text = match options.format {
        Format::Table => page::text(&verdict, options.paper),
        Format::Json => json(&verdict, None)?,
        Format::Nagios => monitoring::nagios(&verdict),
        Format::Prometheus => monitoring::prometheus(&verdict, &config.cluster),
    };
    let mut untold = Vec::new();
    if options.notify {
        let (now, wrong) = now(config);
        untold = notify::tell(config, &verdict, &now);
        untold.extend(wrong);
    }
    Ok(CheckResult { text, state: verdict.state(), untold })
}

/// By the clocks of those who are told. In UTC where this host does not know their zone, which is said.
fn now(config: &Config) -> (Zoned, Option<Error>) {
    let (zone, wrong) = match PageZone::named(&config.report_timezone) {
        Ok(zone) => (zone, None),
        Err(error) => (PageZone::utc(), config.notify.summary_hour.map(|_| error)),
    };
    (zone.local(Timestamp::now()), wrong)
}

fn log(finding: &Finding) {
    let hint = finding.hint.as_ref().map_or(String::new(), |hint| format!(" HINT: {hint}"));
    let text = format!("{}: {}.{hint}", finding.name(), finding.text);
    match finding.state {
        CheckState::Ok => {}
        CheckState::Critical => tracing::error!("{text}"),
        CheckState::Warning | CheckState::Unknown => tracing::warn!("{text}"),
    }
}

/// Each request has limits of its own; a disk that hangs in the kernel has none. Then the thread is left
/// behind, and ends with the process.
fn in_time(config: Config, timeout: Duration) -> Result<Verdict> {
    let (sender, receiver) = channel();
    threads::start("check", move || {
        let checked = repository::open_all(&config, None).map(|repositories| {
            let server = crate::check::ask(&config);
            crate::check::run(&config, &repositories, &server, Timestamp::now())
        });
        // Nobody may be waiting any more.
        let _ = sender.send(checked);
    })?;
    receiver.recv_timeout(timeout).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => {
            let timeout = humantime::format_duration(timeout);
            let message = format!("the check did not end within {timeout}");
            Err(Error::new(Class::Unreachable, message).hint(
                "Does a store or a mount hang? Lower limits.total_timeout to learn which, or raise --timeout.",
            ))
        }
        RecvTimeoutError::Disconnected => {
            Err(Error::new(Class::Internal, "this is a bug in Seawall: the check panicked"))
        }
    })
}

/// Puts the text into a file that others read, in the place of what is there.
fn write(path: &Path, text: &str) -> Result<()> {
    durable::replace_for_all(path, text.as_bytes())
}

#[derive(Serialize)]
struct CheckJson<'a> {
    version: u32,
    at: String,
    state: CheckState,
    status: u8,
    /// Why nothing could be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    findings: &'a [Finding],
}

fn json(verdict: &Verdict, error: Option<&Error>) -> Result<String> {
    let state = verdict.state();
    let json = CheckJson {
        version: VERSION,
        at: at_seconds(verdict.at),
        state,
        status: state.status(),
        error: error.map(ToString::to_string),
        findings: &verdict.findings,
    };
    let text = serde_json::to_string_pretty(&json);
    text.map(|text| text + "\n")
        .map_err(|error| Error::new(Class::Internal, format!("could not write JSON: {error}")))
}

/// The verdict UNKNOWN in the form that was asked for, so that whoever reads it can go on, and why, for this file if there is one.
fn unknown(format: Format, error: &Error, at: Timestamp, file: Option<&Path>) -> Result<String> {
    let nothing = Verdict { at, findings: Vec::new() };
    match format {
        Format::Table | Format::Nagios => Ok(format!("SEAWALL {}: {error}\n", CheckState::Unknown)),
        Format::Json => json(&nothing, Some(error)),
        Format::Prometheus => Ok(monitoring::prometheus(&nothing, cluster_of(file))),
    }
}

/// What a configuration that can't be read calls its cluster is not known. The units call the file by it, and two files that
/// one exporter reads must not tell the same.
fn cluster_of(file: Option<&Path>) -> &str {
    let stem = file.and_then(|file| file.file_stem()?.to_str());
    let valid = |stem: &&str| stem.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    stem.filter(valid).filter(|stem| *stem != "seawall").unwrap_or(monitoring::USUAL_CLUSTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_unit_tells_the_cluster() {
        let of = |file: &str| cluster_of(Some(Path::new(file))).to_owned();
        assert_eq!(of("/var/lib/seawall/check/shop.prom"), "shop");
        assert_eq!(of("/var/lib/seawall/check/seawall.prom"), "main");
        assert_eq!((of("/srv/a \"b.prom"), cluster_of(None)), ("main".to_owned(), "main"));
    }
}
