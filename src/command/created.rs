//! How a `create` ends: two lines in words on a terminal, one document where one was asked for, else the log alone. `attendance`
//! says which repositories take part, and which ones are owed the backup at the end.

mod attendance;

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use serde::Serialize;

use crate::cli::text::{document, plain, tenths};
use crate::cli::{guard, screen, verbs};
use crate::error::{Error, Result};
use crate::words::two_units;

pub use self::attendance::Attendance;

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

/// What was taken.
pub struct CreatedBackup<'a, D> {
    /// Such as `Base backup`.
    pub what: &'static str,
    pub id: &'a str,
    /// The repositories that have it whole, and what it is there.
    pub copies: &'a [(String, D)],
    /// How much it is, in words.
    pub amount: String,
    /// A sentence about what it is good for.
    pub more: String,
    pub took: Duration,
    /// The repositories that lack it and get it later.
    pub owed: &'a [String],
    /// What went wrong all the same.
    pub errors: &'a [Error],
}

#[derive(Serialize)]
struct CreatedJson<'a, D> {
    version: u32,
    id: &'a str,
    copies: Vec<CreatedCopy<'a, D>>,
    owed_to: &'a [String],
    seconds: f64,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct CreatedCopy<'a, D> {
    repository: &'a str,
    description: &'a D,
}

impl<D: Serialize> CreatedBackup<'_, D> {
    fn words(&self) -> String {
        let places: Vec<&str> = self.copies.iter().map(|(name, _)| name.as_str()).collect();
        let (what, id, places) = (self.what, plain(self.id), places.join(", "));
        let took = two_units(self.took.as_secs());
        let owed = match self.owed {
            [] => String::new(),
            owed => format!("`seawall settle` copies it into {} too.\n", owed.join(", ")),
        };
        format!("{what} {id} is in {places}: {}, in {took}.\n{}\n{owed}", self.amount, self.more)
    }

    fn json(&self) -> Result<String> {
        let copies = self.copies.iter();
        let copies =
            copies.map(|(repository, description)| CreatedCopy { repository, description });
        let copies = copies.collect();
        let seconds = tenths(self.took);
        let errors = self.errors.iter().map(ToString::to_string).collect();
        let (id, owed_to) = (self.id, self.owed);
        document(&CreatedJson { version: VERSION, id, copies, owed_to, seconds, errors })
    }
}

/// That a backup is pinned, or not any more, for programs.
#[derive(Serialize)]
struct PinnedJson<'a> {
    version: u32,
    id: &'a str,
    pinned: bool,
    /// Those that have it.
    repositories: Vec<&'a str>,
    errors: Vec<String>,
}

pub fn pinned(id: &str, pinned: bool, repositories: Vec<&str>, errors: &[Error]) -> Result<String> {
    let errors = errors.iter().map(ToString::to_string).collect();
    document(&PinnedJson { version: VERSION, id, pinned, repositories, errors })
}

/// The flag that asks for the document.
pub fn json() -> Arg {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    json.help("Print what was taken as JSON")
}

/// `log` says the same of one repository for the log. The first error is the exit status.
pub fn end<D: Serialize>(
    matches: &ArgMatches,
    created: &CreatedBackup<'_, D>,
    log: impl Fn(&str, &D),
) -> Result<()> {
    match matches.get_flag("json") {
        true => guard::print(&created.json()?),
        false if screen::is_terminal() && !created.copies.is_empty() => {
            guard::print(&verbs::for_people(&created.words()));
        }
        false => created.copies.iter().for_each(|(repository, it)| log(repository, it)),
    }
    let mut errors = created.errors.iter();
    let first = errors.next();
    errors.for_each(|error| tracing::error!("{error}"));
    first.map_or(Ok(()), |error| Err(error.clone()))
}
