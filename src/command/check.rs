//! `seawall check`: gathers, judges, and says it in the form that was asked for.
//!
//! `page` is the form for people, `nagios` and `metrics` are those for monitoring; `unknown` says in each form that
//! nothing could be judged.

mod metrics;
mod nagios;
mod page;
mod unknown;

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use serde::Serialize;

pub use self::unknown::unknown;
use crate::check::{self, Finding, State, Verdict};
use crate::command::shown::Paper;
use crate::config::Config;
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::notify;
use crate::report::Zone;
use crate::repository;
use crate::threads;

/// Version of the JSON.
const VERSION: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Table,
    Json,
    Nagios,
    Prometheus,
}

pub struct Request<'a> {
    pub config: &'a Config,
    pub format: Format,
    /// What the table is written onto.
    pub paper: Paper,
    /// Whether what is not as it should be is logged too, because nobody reads the text.
    pub log: bool,
    /// Whether who is configured is told what changed.
    pub notify: bool,
    /// The longest it may take.
    pub timeout: Duration,
}

/// What was found.
pub struct Outcome {
    pub text: String,
    pub state: State,
    /// Why somebody was not told.
    pub untold: Vec<Error>,
}

pub fn run(request: &Request<'_>) -> Result<Outcome> {
    let verdict = in_time(request.config.clone(), request.timeout).inspect_err(|error| {
        if request.notify {
            let (now, wrong) = now(request.config);
            let untold = notify::tell_unknown(request.config, error, &now);
            (untold.iter().chain(&wrong)).for_each(|it| tracing::error!("{it}"));
        }
    })?;
    if request.log {
        verdict.findings.iter().for_each(log);
    }
    let text = match request.format {
        Format::Table => page::text(&verdict, request.paper),
        Format::Json => json(&verdict, None)?,
        Format::Nagios => nagios::text(&verdict),
        Format::Prometheus => metrics::text(&verdict, &request.config.cluster),
    };
    let mut untold = Vec::new();
    if request.notify {
        let (now, wrong) = now(request.config);
        untold = notify::tell(request.config, &verdict, &now);
        untold.extend(wrong);
    }
    Ok(Outcome { text, state: verdict.state(), untold })
}

/// By the clocks of those who are told. In UTC where this host does not know their zone, which is said.
fn now(config: &Config) -> (Zoned, Option<Error>) {
    let (zone, wrong) = match Zone::named(&config.report_timezone) {
        Ok(zone) => (zone, None),
        Err(error) => (Zone::utc(), config.notify.summary_hour.map(|_| error)),
    };
    (zone.local(Timestamp::now()), wrong)
}

fn log(finding: &Finding) {
    let hint = finding.hint.as_ref().map_or(String::new(), |hint| format!(" HINT: {hint}"));
    let text = format!("{}: {}.{hint}", finding.name(), finding.text);
    match finding.state {
        State::Ok => {}
        State::Critical => tracing::error!("{text}"),
        State::Warning | State::Unknown => tracing::warn!("{text}"),
    }
}

/// Each request has limits of its own; a disk that hangs in the kernel has none. Then the thread is left
/// behind, and ends with the process.
fn in_time(config: Config, timeout: Duration) -> Result<Verdict> {
    let (sender, receiver) = channel();
    threads::start("check", move || {
        let checked = repository::open_all(&config, None).map(|repositories| {
            let server = check::ask(&config);
            check::run(&config, &repositories, &server, Timestamp::now())
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
pub fn write(path: &Path, text: &str) -> Result<()> {
    durable::replace_for_all(path, text.as_bytes())
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    at: String,
    state: State,
    status: u8,
    /// Why nothing could be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    findings: &'a [Finding],
}

fn json(verdict: &Verdict, error: Option<&Error>) -> Result<String> {
    let state = verdict.state();
    let json = Json {
        version: VERSION,
        at: crate::command::shown::at_seconds(verdict.at),
        state,
        status: state.status(),
        error: error.map(ToString::to_string),
        findings: &verdict.findings,
    };
    let text = serde_json::to_string_pretty(&json);
    text.map(|text| text + "\n")
        .map_err(|error| Error::new(Class::Internal, format!("could not write JSON: {error}")))
}
