//! What `basebackup drill` prints: phases, RTO, RPO and checks, as lines for people or as one document for programs.
//!
//! The RTO is the time of all phases but the checks: then the server can be used. The RPO is the time from the last
//! commit that came back, or from the end of the base backup if that is later, to the beginning of the drill.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::Drill;
use super::options::DrillOptions;
use crate::cli::text::{at_seconds, plain, size, table, took};
use crate::drill::postgres::DrillOutcome;
use crate::error::{Class, Error, Result};

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

const HEADINGS: [&str; 3] = ["CHECK", "RESULT", "DETAILS"];

/// What came of each check, and how long all took.
pub(super) fn text(options: &DrillOptions<'_>, drill: &Drill) -> String {
    let mut text = String::new();
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "{what:<12}{}", plain(&value));
    };
    if let Some(backup) = &drill.backup {
        let from = drill.repository.as_ref().map(|name| format!(", from repository {name}"));
        line("backup", format!("{backup}{}", from.unwrap_or_default()));
    }
    if let Some(version) = &drill.server {
        line("server", format!("PostgreSQL {version}"));
    }
    for (name, seconds) in &drill.phases {
        let more = if *name == "fetch" { format!(", {}", size(drill.size)) } else { String::new() };
        line(name, format!("{seconds:.1} s{more}"));
    }
    if let Some(ended) = &drill.ended {
        line("reached", format!("{} on timeline {}", ended.lsn, ended.timeline));
    }
    if let Some(seconds) = drill.rto() {
        let objective = options.config.objectives.rto;
        let verdict = if met(seconds, objective) { "met" } else { "missed" };
        let objective = humantime::format_duration(objective);
        line("RTO", format!("{seconds:.1} s, objective {objective}: {verdict}"));
    }
    if let Some(until) = drill.recovered_until() {
        let before = took(until, drill.began);
        line("RPO", format!("{before} at most: the last commit is of {}", at_seconds(until)));
    }
    if let Some(kept) = &drill.kept {
        line("kept", format!("{}; pg_ctl -D {}/data start", kept.display(), kept.display()));
    }
    if !drill.checks.is_empty() {
        text.push('\n');
        text += &table(&rows(drill), &[2]);
    }
    text
}

fn rows(drill: &Drill) -> Vec<Vec<String>> {
    let row = |name: &str, result: &str, details: &str| [name, result, details].map(plain).to_vec();
    let checks = drill.checks.iter().map(|checked| {
        let (result, details) = told(&checked.outcome);
        row(&checked.name, result, &details)
    });
    std::iter::once(HEADINGS.map(str::to_owned).to_vec()).chain(checks).collect()
}

fn told(outcome: &DrillOutcome) -> (&'static str, String) {
    match outcome {
        DrillOutcome::Passed(seen) => ("passed", seen.clone()),
        DrillOutcome::Failed(error) => ("FAILED", error.to_string()),
        DrillOutcome::Skipped(why) => ("skipped", why.clone()),
    }
}

fn met(seconds: f64, objective: Duration) -> bool {
    seconds <= objective.as_secs_f64()
}

impl Drill {
    /// Seconds until the server was there to be used; `None` where it never was.
    fn rto(&self) -> Option<f64> {
        self.ended.as_ref()?;
        Some(self.phases.iter().filter(|(name, _)| *name != "checks").map(|phase| phase.1).sum())
    }
}

#[derive(Serialize)]
struct DrillJson<'a> {
    version: u32,
    cluster: &'a str,
    passed: bool,
    errors: Vec<String>,
    began: Timestamp,
    system_identifier: Option<String>,
    backup: Option<&'a str>,
    repository: Option<&'a str>,
    postgres_version: Option<&'a str>,
    bytes: u64,
    phases: Vec<JsonPhase<'a>>,
    rto_seconds: Option<f64>,
    rto_objective_seconds: u64,
    reached: Option<JsonReached>,
    checks: Vec<JsonCheck<'a>>,
    kept: Option<&'a std::path::Path>,
}

#[derive(Serialize)]
struct JsonPhase<'a> {
    name: &'a str,
    seconds: f64,
}

#[derive(Serialize)]
struct JsonReached {
    lsn: String,
    timeline: u32,
    /// `null` where no transaction was replayed.
    last_commit: Option<Timestamp>,
    /// What was committed up to here is there.
    until: Option<Timestamp>,
    /// From there to the beginning of the drill: at most so much would have been lost.
    rpo_seconds: Option<f64>,
}

#[derive(Serialize)]
struct JsonCheck<'a> {
    name: &'a str,
    /// `passed`, `failed` or `skipped`.
    result: String,
    details: String,
}

pub(super) fn json(options: &DrillOptions<'_>, drill: &Drill, errors: &[Error]) -> Result<String> {
    let until = drill.recovered_until();
    let lost = until.map(|until| drill.began.duration_since(until).as_secs_f64().max(0.0));
    let json = DrillJson {
        version: VERSION,
        cluster: &options.config.cluster,
        passed: errors.is_empty(),
        errors: errors.iter().map(ToString::to_string).collect(),
        began: drill.began,
        system_identifier: drill.system.map(|system| system.to_string()),
        backup: drill.backup.as_deref(),
        repository: drill.repository.as_deref(),
        postgres_version: drill.server.as_deref(),
        bytes: drill.size,
        phases: drill
            .phases
            .iter()
            .map(|(name, seconds)| JsonPhase { name, seconds: *seconds })
            .collect(),
        rto_seconds: drill.rto(),
        rto_objective_seconds: options.config.objectives.rto.as_secs(),
        reached: drill.ended.as_ref().map(|ended| JsonReached {
            lsn: ended.lsn.to_string(),
            timeline: ended.timeline,
            last_commit: ended.time,
            until,
            rpo_seconds: lost,
        }),
        checks: drill
            .checks
            .iter()
            .map(|checked| {
                let (result, details) = told(&checked.outcome);
                JsonCheck { name: &checked.name, result: result.to_lowercase(), details }
            })
            .collect(),
        kept: drill.kept.as_deref(),
    };
    let text = serde_json::to_string_pretty(&json);
    text.map(|text| text + "\n")
        .map_err(|error| Error::new(Class::Internal, format!("could not write JSON: {error}")))
}
