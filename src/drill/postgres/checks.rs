//! Those of drills, in the order in which they are made.

mod amcheck;
mod assertions;
mod checksums;
mod tables;

use super::{Address, Control, Programs, Server};
use crate::drill::Deadline;
use crate::error::{Class, Error, Result};
use crate::threads::beside;

/// What is looked at in a server that has recovered.
pub struct Checks<'a> {
    pub server: &'a Server<'a>,
    pub address: &'a Address,
    pub control: &'a Control,
    /// How many tables are read at the same time.
    pub parallel: usize,
    /// Database that the assertions run in.
    pub database: &'a str,
    pub assertions: &'a [String],
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Such as `tables` or `assertion 2`.
    pub name: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What was seen.
    Passed(String),
    Failed(Error),
    /// Why.
    Skipped(String),
}

impl Checks<'_> {
    /// All of them: one that fails keeps none from being made, unless the server is gone or the time is up.
    /// That is an error behind those that were made. The two that take longest are made at the same time.
    pub fn run(&self, done: &mut Vec<Checked>) -> Result<()> {
        let mut add = |name: &str, outcome: Outcome| {
            done.push(Checked { name: name.to_owned(), outcome });
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
            add(&format!("assertion {}", at + 1), assertions::check(self, query)?)?;
        }
        if let Some(failure) = self.server.failure() {
            return Err(failure);
        }
        if let Some(why) = checksums::why_not(self) {
            return add("checksums", Outcome::Skipped(why.to_owned()));
        }
        self.server.shut_down()?;
        add("checksums", checksums::check(self)?)
    }

    fn deadline(&self) -> Deadline {
        self.server.deadline
    }

    fn programs(&self) -> &Programs {
        self.server.programs
    }
}
