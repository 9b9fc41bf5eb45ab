//! The checks of a drill in the order in which they are made: tables, `pg_amcheck`, the user's assertions,
//! checksums of pages.
//!
//! One that fails keeps no other from being made; the checksums come last because they need the server stopped.

mod amcheck;
mod tables;

use std::path::Path;

use super::{Address, ControlData, DrillServer, Programs};
use crate::drill::Deadline;
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
    pub outcome: CheckOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CheckOutcome {
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
        let mut add = |name: &str, outcome: CheckOutcome| {
            done.push(DrillCheck { name: name.to_owned(), outcome });
            self.deadline().left().map(drop)
        };
        let (tables, amcheck) = std::thread::scope(|scope| {
            let amcheck = beside(scope, || amcheck::check(self));
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
            return add("checksums", CheckOutcome::Skipped(why.to_owned()));
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
fn check_assertion(checks: &Checks<'_>, query: &str) -> Result<CheckOutcome> {
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
        Ok(()) => CheckOutcome::Passed(query.to_owned()),
        Err(error) => CheckOutcome::Failed(error.while_doing(query)),
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
fn check_checksums(checks: &Checks<'_>) -> Result<CheckOutcome> {
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
        return Ok(CheckOutcome::Passed(format!("{} pages", number("Blocks scanned:"))));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or_default().replace("pg_checksums: error: ", "");
    let first = first.replace(&format!("{}/", data.display()), "");
    let message = format!(
        "pages that are not as they were written: {}, the first: {first}",
        number("Bad checksums:")
    );
    Ok(CheckOutcome::Failed(Error::new(Class::Damaged, message)))
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
}
