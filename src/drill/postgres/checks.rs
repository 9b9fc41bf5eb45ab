//! The checks of a drill in the order in which they are made: tables (in a file of their own), `pg_amcheck`, the user's
//! assertions, checksums of pages.
//!
//! One that fails keeps no other from being made; the checksums come last because they need the server stopped.

mod tables;

use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::drill_settings::PORT;
use super::{Address, ControlData, DrillServer, Programs};
use crate::drill::Deadline;
use crate::durable::LaidFile;
use crate::error::{Class, Error, Result};
use crate::replication::Rows;
use crate::threads::beside;

/// What is looked at in a server that has recovered.
pub(crate) struct Checks<'a> {
    pub server: &'a DrillServer<'a>,
    pub address: &'a Address,
    pub control: &'a ControlData,
    /// How many tables are read at the same time.
    pub parallel: usize,
    /// Database that the assertions run in.
    pub database: &'a str,
    pub assertions: &'a [String],
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DrillCheck {
    /// Such as `tables` or `assertion 2`.
    pub name: String,
    pub outcome: DrillOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DrillOutcome {
    /// What was seen.
    Passed(String),
    Failed(Error),
    /// Why.
    Skipped(String),
}

impl Checks<'_> {
    /// All of them: one that fails keeps none from being made, unless the server is gone or the time is up.
    /// That is an error behind those that were made. The two that take longest are made at the same time.
    pub(crate) fn run(&self, done: &mut Vec<DrillCheck>) -> Result<()> {
        let mut add = |name: &str, outcome: DrillOutcome| {
            done.push(DrillCheck { name: name.to_owned(), outcome });
            self.deadline().left().map(drop)
        };
        let (tables, amcheck) = std::thread::scope(|scope| {
            let amcheck = beside(scope, || check_with_amcheck(self));
            (tables::check(self), amcheck.join())
        });
        add("tables", tables?)?;
        let panicked = |_| Err(Error::new(Class::Internal, "the check with pg_amcheck panicked"));
        add("amcheck", amcheck.unwrap_or_else(panicked)?)?;
        for (at, query) in self.assertions.iter().enumerate() {
            add(&format!("assertion {}", at + 1), check_assertion(self, query)?)?;
        }
        if let Some(failure) = self.server.failure() {
            return Err(failure);
        }
        if let Some(why) = why_no_checksums(self) {
            return add("checksums", DrillOutcome::Skipped(why.to_owned()));
        }
        self.server.shut_down()?;
        add("checksums", check_checksums(self)?)
    }

    fn deadline(&self) -> Deadline {
        self.server.deadline
    }

    fn programs(&self) -> &Programs {
        self.server.programs
    }
}

/// `pg_type.dat`
const BOOLEAN: u32 = 16;

/// Whether a query of the user's gives true.
fn check_assertion(checks: &Checks<'_>, query: &str) -> Result<DrillOutcome> {
    let connected = checks.address.connect(checks.database, checks.deadline());
    let answer = connected.map(|mut connection| connection.query(query));
    if let Err(error) | Ok(Err(error)) = &answer
        && error.class() == Class::Unreachable
    {
        // It does not answer in time.
        checks.deadline().left()?;
    }
    // Whatever the server has against it, a table that is not there say, is no answer.
    let refused = |error: Error| Error::new(Class::Damaged, error.to_string());
    let answer = answer.and_then(|rows| rows.map_err(refused));
    Ok(match answer.and_then(|rows| judge_assertion(&rows)) {
        Ok(()) => DrillOutcome::Passed(query.to_owned()),
        Err(error) => DrillOutcome::Failed(error.while_doing(query)),
    })
}

fn judge_assertion(rows: &Rows) -> Result<()> {
    let wrong = |found: String| {
        let message = format!("expected one row with one boolean, found {found}");
        Error::new(Class::Configuration, message).hint("Mend drill.assert.")
    };
    match (&rows.0[..], &rows.1[..]) {
        ([row], [BOOLEAN]) => match row.first().and_then(Option::as_deref) {
            Some("t") => Ok(()),
            found => {
                let found = if found.is_some() { "false" } else { "NULL" };
                Err(Error::new(Class::Damaged, format!("expected true, found {found}")))
            }
        },
        ([row], [_]) => {
            let value = row.first().cloned().flatten().unwrap_or_else(|| "NULL".to_owned());
            Err(wrong(format!("{value:?}, which is not a boolean")))
        }
        (rows, columns) => Err(wrong(format!("{} rows of {} columns", rows.len(), columns.len()))),
    }
}

/// The program that reads all pages.
const PG_CHECKSUMS: &str = "pg_checksums";

/// Why there is nothing to check.
fn why_no_checksums(checks: &Checks<'_>) -> Option<&'static str> {
    if !checks.control.checksums {
        return Some("the cluster has no data checksums");
    }
    checks.programs().path(PG_CHECKSUMS).is_none().then_some("pg_checksums is not installed")
}

/// Whether every page of every relation is what was written. It takes a server that was shut down in order.
fn check_checksums(checks: &Checks<'_>) -> Result<DrillOutcome> {
    let programs = checks.programs();
    let data = checks.server.scratch.data();
    let output = programs.command(PG_CHECKSUMS).arg("--check").arg("-D").arg(&data).output();
    let output = output.map_err(|error| Error::file("run", Path::new(PG_CHECKSUMS), &error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", str::trim).to_owned()
    };
    if output.status.success() {
        return Ok(DrillOutcome::Passed(format!("{} pages", number("Blocks scanned:"))));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or_default().replace("pg_checksums: error: ", "");
    let first = first.replace(&format!("{}/", data.display()), "");
    let message = format!(
        "pages that are not as they were written: {}, the first: {first}",
        number("Bad checksums:")
    );
    Ok(DrillOutcome::Failed(Error::new(Class::Damaged, message)))
}

const POLL: Duration = Duration::from_millis(20);

/// Whether tables and B-tree indexes are in order, as `pg_amcheck` finds it. What lies in TOAST tables was
/// read with the tables, so their pointers are not followed again.
fn check_with_amcheck(checks: &Checks<'_>) -> Result<DrillOutcome> {
    let programs = checks.programs();
    let Some(program) = programs.path("pg_amcheck") else {
        return Ok(DrillOutcome::Skipped("pg_amcheck is not installed".to_owned()));
    };
    let address = checks.address;
    let available = "SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'amcheck'";
    let mut connection = address.connect(&address.database, checks.deadline())?;
    if connection.query(available)?.0.is_empty() {
        return Ok(DrillOutcome::Skipped("the extension amcheck is not installed".to_owned()));
    }
    drop(connection);
    let mut command = programs.command("pg_amcheck");
    command.arg("--host").arg(&address.sockets).args(["--port", PORT, "--username", &address.role]);
    command.args(["--maintenance-db", &address.database, "--all", "--install-missing"]);
    command.args(["--exclude-toast-pointers", "--jobs", &checks.parallel.to_string()]);
    // It creates the extension, also where a database is set to be only read.
    command.env("PGOPTIONS", address.options(false));
    let found = checks.server.scratch.path().join("amcheck");
    let status = run_to_file(checks, command, &program, &found)?;
    let text = std::fs::read(&found).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    Ok(match status.code() {
        Some(0) => DrillOutcome::Passed("tables and B-tree indexes".to_owned()),
        Some(2) => DrillOutcome::Failed(corrupt(&text)),
        _ => {
            let said = text.lines().next().unwrap_or("nothing");
            let message =
                format!("expected pg_amcheck to look at all, it ended with {status}: {said}");
            DrillOutcome::Failed(Error::new(Class::Damaged, message))
        }
    })
}

/// What it finds goes into a file: there may be very much of it.
fn run_to_file(
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
    fn only_true_passes() {
        let judged = |values: &[&[Option<&str>]], types: &[u32]| {
            let row = |row: &&[Option<&str>]| row.iter().map(|it| it.map(str::to_owned)).collect();
            let rows = Rows(values.iter().map(row).collect(), types.to_vec());
            judge_assertion(&rows).map_err(|error| (error.class(), error.to_string()))
        };
        assert_eq!(judged(&[&[Some("t")]], &[BOOLEAN]), Ok(()));
        for (value, found) in [(Some("f"), "false"), (None, "NULL")] {
            let expected = (Class::Damaged, format!("expected true, found {found}"));
            assert_eq!(judged(&[&[value]], &[BOOLEAN]), Err(expected));
        }
        let wrong = |found: &str| {
            let text = format!("expected one row with one boolean, found {found}");
            Err((Class::Configuration, format!("{text}. HINT: Mend drill.assert.")))
        };
        assert_eq!(judged(&[&[Some("t")]], &[25]), wrong("\"t\", which is not a boolean"));
        assert_eq!(judged(&[], &[BOOLEAN]), wrong("0 rows of 1 columns"));
        assert_eq!(judged(&[], &[]), wrong("0 rows of 0 columns"));
        assert_eq!(
            judged(&[&[Some("t"), Some("t")]], &[BOOLEAN, BOOLEAN]),
            wrong("1 rows of 2 columns")
        );
    }

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
