//! `seawall list --json`: the rows of the table as one document for programs, with the repositories that could not be
//! read to their end.

use serde::Serialize;
use serde_json::json;

use super::Overview;
use super::rows::Row;
use crate::check::CheckState;
use crate::command::shown::{at_seconds, document};
use crate::error::Result;

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct ListJson<'a> {
    version: u32,
    at: String,
    cluster: &'a str,
    state: CheckState,
    backed_up: &'a [Row],
    /// Repositories that could not be looked at to the end, and why.
    failures: Vec<serde_json::Value>,
}

pub fn text(overview: &Overview<'_>) -> Result<String> {
    let failures = overview.failures.iter().map(|(number, error)| {
        json!({ "repository": overview.name(*number), "error": error.to_string() })
    });
    let json = ListJson {
        version: VERSION,
        at: at_seconds(overview.now),
        cluster: overview.cluster,
        state: overview.verdict.state(),
        backed_up: &overview.rows,
        failures: failures.collect(),
    };
    document(&json)
}
