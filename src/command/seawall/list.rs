//! `seawall list`: all that is backed up on one screen, what is newest of each, how far back it reaches, and how it stands.
//! Seen and judged as `check` does.
//!
//! `rows` is what is told, `page` tells it to people and programs.

mod page;
mod rows;

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;

use self::rows::{OverviewRow, rows};
use crate::check::{self, GatherScope, Verdict};
use crate::cli::text::Paper;
use crate::cli::verbs::Shown;
use crate::cli::{configure, flags, screen, verbs};
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
    let text = if as_json { page::json(&overview)? } else { page::text(&overview, paper) };
    Ok(Shown { text, errors: gathered.errors() })
}

impl Overview<'_> {
    fn name(&self, repository: usize) -> &str {
        self.repositories.get(repository).map_or("", Repository::name)
    }
}
