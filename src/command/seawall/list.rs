//! `seawall list`: all that is backed up on one screen, what is newest of each, how far back it reaches, and how it stands.
//! Seen and judged as `check` does.
//!
//! `rows` is what is told. Here it is told to people, in a table with a line for each cluster, Redis and media set, and below it
//! what no column holds; and to programs as one document.

mod rows;

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use self::rows::{OverviewRow, rows};
use crate::check::{self, CheckState, Finding, GatherScope, Service, Verdict};
use crate::cli::text::{
    Paper, Spare, at_seconds, count, document, fitted, plain, short_size, took,
};
use crate::cli::verbs::{self, Shown};
use crate::cli::{configure, flags, screen};
use crate::command::seawall::painted;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::repository::{self, Repository};

pub const NAME: &str = "list";

const ABOUT: &str = "Shows all backups on one screen: newest, back to when, next due, state";

const AFTER: &str = "\
NEWEST is the newest backup that can be restored, BACK TO the earliest moment that can be restored, \
SIZE the size of the newest backup before compression. NEXT DUE is when \
objectives.base_backup_age, redis_age or media_age is over. The state is the state of `seawall \
check`, which says what is wrong and what to do. If a repository can't be read, that is reported, \
the rest is shown, and the exit status is the status of the first error.";

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
    verbs::print(overview(&config, matches.get_flag("json"), screen::paper())?)
}

/// All that is told.
struct Overview<'a> {
    now: Timestamp,
    cluster: &'a str,
    repositories: &'a [Repository],
    rows: Vec<OverviewRow>,
    verdict: Verdict,
    /// Why repositories could not be looked at, or not to the end.
    failures: Vec<(usize, Error)>,
}

/// Everything is listed, and all descriptions are read. The server is asked where it is if it answers.
fn overview(config: &Config, as_json: bool, paper: Paper) -> Result<Shown> {
    let server = check::ask(config);
    let repositories = repository::open_all(config, None)?;
    let now = Timestamp::now();
    let look = GatherScope { all: true, ..GatherScope::newest() };
    let (gathered, _) = check::gather(config, &repositories, &server, now, &look);
    let verdict = check::judge(config, &repositories, &server, now, &gathered);
    let watches_postgres = gathered.watches_postgres(config, &server);
    let failures = gathered.failures().map(|(number, error)| (number, error.clone())).collect();
    let overview = Overview {
        now,
        cluster: &config.cluster,
        repositories: &repositories,
        rows: rows(config, &gathered, &verdict, watches_postgres),
        verdict,
        failures,
    };
    let text = if as_json { json(&overview)? } else { text(&overview, paper) };
    Ok(Shown { text, errors: gathered.errors() })
}

impl Overview<'_> {
    fn name(&self, repository: usize) -> &str {
        self.repositories.get(repository).map_or("", Repository::name)
    }
}

const HEADINGS: [&str; 6] = ["STATE", "WHAT", "NEWEST", "BACK TO", "SIZE", "NEXT DUE"];

/// Of the columns `WHAT` is cut first: its end is a name that somebody chose.
const SPARE: Spare<'_> = Spare { left_out: &[4], cut: &[1], ends_in_text: false };

fn text(overview: &Overview<'_>, paper: Paper) -> String {
    let headings = HEADINGS.map(str::to_owned).to_vec();
    let rows = overview.rows.iter().map(|row| cells(row, overview.now));
    let rows: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
    let states = std::iter::once(None).chain(overview.rows.iter().map(|row| row.state));
    let mut text = String::new();
    for (line, state) in fitted(&rows, SPARE, paper).lines().zip(states) {
        text += &state.map_or(line.to_owned(), |state| painted(paper, line, state));
        text += "\n";
    }
    let remarks = remarks(overview);
    paper.fit(&if remarks.is_empty() { text } else { format!("{text}\n{remarks}") })
}

fn cells(row: &OverviewRow, now: Timestamp) -> Vec<String> {
    let newest = row.newest.as_ref();
    vec![
        row.state.map_or("-".to_owned(), |state| state.to_string()),
        plain(&row.subject.to_string()),
        newest.map_or("none".to_owned(), |it| format!("{} ago", took(it.ended, now.max(it.ended)))),
        row.reaches_back_to.map_or(String::new(), at_seconds),
        newest.map_or(String::new(), |it| short_size(it.size)),
        match (row.configured, row.next_due) {
            (false, _) => "not here".to_owned(),
            (true, None) => "now".to_owned(),
            (true, Some(due)) if due >= now => format!("in {}", took(now, due)),
            (true, Some(due)) => format!("{} late", took(due, now)),
        },
    ]
}

/// What does not fit into a table.
fn remarks(overview: &Overview<'_>) -> String {
    let mut text = String::new();
    for row in overview.rows.iter().filter(|it| it.subject.service == Service::Postgresql) {
        text += &up_to(row, overview.now);
    }
    for (number, _) in &overview.failures {
        let name = overview.name(*number);
        text +=
            &format!("Repository {name} could not be looked at to the end: it may have more.\n");
    }
    text += &owed(overview);
    let worse = |it: &&OverviewRow| it.state.is_some_and(|state| state != CheckState::Ok);
    let troubled = overview.rows.iter().filter(worse).count();
    if troubled > 0 {
        text += "`seawall check` says what is wrong, and what to do.\n";
    } else if overview.verdict.state() != CheckState::Ok {
        let troubles = overview.verdict.troubles().len() as u64;
        text += &format!("`seawall check` has {} about repositories.\n", count(troubles, "remark"));
    }
    text
}

/// What repositories are owed, as the check says it.
fn owed(overview: &Overview<'_>) -> String {
    let troubles = overview.verdict.findings.iter().filter(|it| it.state != CheckState::Ok);
    let owed = troubles.filter(|it| it.check == "owed");
    owed.map(|it| format!("{}: {}.\n", plain(&it.subject.to_string()), plain(&it.text))).collect()
}

fn up_to(row: &OverviewRow, now: Timestamp) -> String {
    let Some((from, to)) = row.reaches_back_to.zip(row.reaches_up_to) else { return String::new() };
    let (name, ago) = (plain(&row.subject.to_string()), took(to, now.max(to)));
    let gaps = if row.gaps { " There are gaps before that: see `basebackup list`." } else { "" };
    match to > from {
        true => format!("{name} goes back to any moment up to {ago} ago.{gaps}\n"),
        false => format!("{name} goes back to the end of its base backup only.{gaps}\n"),
    }
}

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct OverviewJson<'a> {
    version: u32,
    at: String,
    cluster: &'a str,
    state: CheckState,
    backed_up: &'a [OverviewRow],
    /// Repositories that could not be looked at to the end, and why.
    failures: Vec<serde_json::Value>,
    /// What repositories are owed.
    owed: Vec<serde_json::Value>,
}

/// Of one repository, if it is owed anything.
fn owed_json(finding: &Finding) -> Option<serde_json::Value> {
    let number = |metric: &str| {
        let found = finding.numbers.iter().find(|it| it.metric == metric);
        found.map_or(0, |it| it.value as u64)
    };
    let files = number("seawall_owed_wal_files");
    (finding.check == "owed" && files > 0).then(|| {
        json!({
            "repository": finding.subject.name,
            "wal_files": files,
            "wal_bytes": number("seawall_owed_wal_bytes"),
            "age": number("seawall_owed_age_seconds"),
        })
    })
}

fn json(overview: &Overview<'_>) -> Result<String> {
    let failures = overview.failures.iter().map(|(number, error)| {
        json!({ "repository": overview.name(*number), "error": error.to_string() })
    });
    document(&OverviewJson {
        version: VERSION,
        at: at_seconds(overview.now),
        cluster: overview.cluster,
        state: overview.verdict.state(),
        backed_up: &overview.rows,
        failures: failures.collect(),
        owed: overview.verdict.findings.iter().filter_map(owed_json).collect(),
    })
}
