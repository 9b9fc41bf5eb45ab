//! `seawall list`: all that is backed up on one screen, what is newest of each, how far back it reaches, and how it stands.
//! Seen and judged as `check` does.
//!
//! `rows` is what is told, `page` tells it to people and `json` to programs.

mod json;
mod page;
mod rows;

use jiff::Timestamp;

use self::rows::{Row, rows};
use super::shown::{Paper, Shown};
use crate::check::{self, Look, Verdict};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::repository::{self, Repository};

/// All that is told.
struct Overview<'a> {
    now: Timestamp,
    cluster: &'a str,
    repositories: &'a [Repository],
    rows: Vec<Row>,
    verdict: Verdict,
    /// Why repositories could not be looked at, or not to the end.
    failures: Vec<(usize, Error)>,
}

/// Everything is listed, and all descriptions are read. The server is asked where it is if it answers.
pub fn run(config: &Config, as_json: bool, paper: Paper) -> Result<Shown> {
    let server = check::ask(config);
    let repositories = repository::open_all(config, None)?;
    let now = Timestamp::now();
    let look = Look { all: true, ..Look::newest() };
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
    let text = if as_json { json::text(&overview)? } else { page::text(&overview, paper) };
    Ok(Shown { text, errors: gathered.errors() })
}

impl Overview<'_> {
    fn name(&self, repository: usize) -> &str {
        self.repositories.get(repository).map_or("", Repository::name)
    }
}
