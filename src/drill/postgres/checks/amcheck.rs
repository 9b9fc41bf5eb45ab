//! The check with `pg_amcheck`: whether tables and B-tree indexes are in order.
//!
//! What it finds may be very much, so it goes into a file of the drill and the first lines of that are told.

use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::{CheckOutcome, Checks};
use crate::drill::postgres::settings::PORT;
use crate::durable::LaidFile;
use crate::error::{Class, Error, Result};

const POLL: Duration = Duration::from_millis(20);

/// Whether tables and B-tree indexes are in order, as `pg_amcheck` finds it. What lies in TOAST tables was
/// read with the tables, so their pointers are not followed again.
pub(super) fn check(checks: &Checks<'_>) -> Result<CheckOutcome> {
    let programs = checks.programs();
    let Some(program) = programs.path("pg_amcheck") else {
        return Ok(CheckOutcome::Skipped("pg_amcheck is not installed".to_owned()));
    };
    let address = checks.address;
    let available = "SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'amcheck'";
    let mut connection = address.connect(&address.database, checks.deadline())?;
    if connection.query(available)?.0.is_empty() {
        return Ok(CheckOutcome::Skipped("the extension amcheck is not installed".to_owned()));
    }
    drop(connection);
    let mut command = programs.command("pg_amcheck");
    command.arg("--host").arg(&address.sockets).args(["--port", PORT, "--username", &address.role]);
    command.args(["--maintenance-db", &address.database, "--all", "--install-missing"]);
    command.args(["--exclude-toast-pointers", "--jobs", &checks.parallel.to_string()]);
    // It creates the extension, also where a database is set to be only read.
    command.env("PGOPTIONS", address.options(false));
    let found = checks.server.scratch.path().join("amcheck");
    let status = run(checks, command, &program, &found)?;
    let text = std::fs::read(&found).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    Ok(match status.code() {
        Some(0) => CheckOutcome::Passed("tables and B-tree indexes".to_owned()),
        Some(2) => CheckOutcome::Failed(corrupt(&text)),
        _ => {
            let said = text.lines().next().unwrap_or("nothing");
            let message =
                format!("expected pg_amcheck to look at all, it ended with {status}: {said}");
            CheckOutcome::Failed(Error::new(Class::Damaged, message))
        }
    })
}

/// What it finds goes into a file: there may be very much of it.
fn run(
    checks: &Checks<'_>,
    mut command: Command,
    program: &Path,
    found: &Path,
) -> Result<ExitStatus> {
    LaidFile::create(found.to_owned(), 0o600)?;
    let append = || {
        let opened = File::options().append(true).open(found);
        opened.map_err(|error| Error::file("open", found, &error))
    };
    command.stdout(append()?).stderr(append()?);
    let failed = |error: std::io::Error| Error::file("run", program, &error);
    let mut process = command.spawn().map_err(failed)?;
    loop {
        if let Some(status) = process.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if let Err(late) = checks.deadline().left() {
            let _ = process.kill();
            let _ = process.wait();
            return Err(late);
        }
        std::thread::sleep(POLL);
    }
}

/// It names the relation in one line and says in the next, indented, what is wrong.
fn corrupt(text: &str) -> Error {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().trim_end_matches(':');
    let what = lines.next().unwrap_or_default().trim();
    let what = what.strip_prefix("ERROR:").unwrap_or(what).trim();
    let named = text.lines().filter(|line| !line.starts_with(' ')).count();
    let message = format!("relations that are damaged: {named}, the first: {first}: {what}");
    Error::new(Class::Damaged, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_is_told() {
        let text = "heap table \"shop.public.orders\", block 3, offset 7:\n    xmin 5 precedes relation freeze\n\
                    btree index \"shop.public.orders_pkey\":\n    ERROR:  item order invariant violated\n";
        assert_eq!(
            corrupt(text).to_string(),
            "relations that are damaged: 2, the first: heap table \"shop.public.orders\", block 3, \
             offset 7: xmin 5 precedes relation freeze"
        );
    }
}
