use std::path::Path;

use super::{Checks, Outcome};
use crate::error::{Class, Error, Result};

/// The program that reads all pages.
const PROGRAM: &str = "pg_checksums";

/// Why there is nothing to check.
pub(super) fn why_not(checks: &Checks<'_>) -> Option<&'static str> {
    if !checks.control.checksums {
        return Some("the cluster has no data checksums");
    }
    checks.programs().path(PROGRAM).is_none().then_some("pg_checksums is not installed")
}

/// Whether every page of every relation is what was written. It takes a server that was shut down in order.
pub(super) fn check(checks: &Checks<'_>) -> Result<Outcome> {
    let programs = checks.programs();
    let data = checks.server.scratch.data();
    let output = programs.command(PROGRAM).arg("--check").arg("-D").arg(&data).output();
    let output = output.map_err(|error| Error::file("run", Path::new(PROGRAM), &error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", str::trim).to_owned()
    };
    if output.status.success() {
        return Ok(Outcome::Passed(format!("{} pages", number("Blocks scanned:"))));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or_default().replace("pg_checksums: error: ", "");
    let first = first.replace(&format!("{}/", data.display()), "");
    let message = format!(
        "pages that are not as they were written: {}, the first: {first}",
        number("Bad checksums:")
    );
    Ok(Outcome::Failed(Error::new(Class::Damaged, message)))
}
