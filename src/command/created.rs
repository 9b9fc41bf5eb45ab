//! What a `create` says at its end: two lines in words for people, one document for programs.

use std::time::Duration;

use serde::Serialize;

use super::shown::{document, plain, tenths};
use crate::error::{Error, Result};
use crate::words::two_units;

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

/// What was taken.
pub struct Created<'a, D> {
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
    /// What went wrong all the same.
    pub errors: &'a [Error],
}

#[derive(Serialize)]
struct Json<'a, D> {
    version: u32,
    id: &'a str,
    copies: Vec<Copy<'a, D>>,
    seconds: f64,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct Copy<'a, D> {
    repository: &'a str,
    description: &'a D,
}

impl<D: Serialize> Created<'_, D> {
    pub fn words(&self) -> String {
        let places: Vec<&str> = self.copies.iter().map(|(name, _)| name.as_str()).collect();
        let (what, id, places) = (self.what, plain(self.id), places.join(", "));
        let took = two_units(self.took.as_secs());
        format!("{what} {id} is in {places}: {}, in {took}.\n{}\n", self.amount, self.more)
    }

    pub fn json(&self) -> Result<String> {
        let copies = self.copies.iter();
        let copies = copies.map(|(repository, description)| Copy { repository, description });
        let copies = copies.collect();
        let seconds = tenths(self.took);
        let errors = self.errors.iter().map(ToString::to_string).collect();
        document(&Json { version: VERSION, id: self.id, copies, seconds, errors })
    }
}

/// That a backup is pinned, or not any more, for programs.
#[derive(Serialize)]
struct Pinned<'a> {
    version: u32,
    id: &'a str,
    pinned: bool,
    /// Those that have it.
    repositories: Vec<&'a str>,
    errors: Vec<String>,
}

pub fn pinned(id: &str, pinned: bool, repositories: Vec<&str>, errors: &[Error]) -> Result<String> {
    let errors = errors.iter().map(ToString::to_string).collect();
    document(&Pinned { version: VERSION, id, pinned, repositories, errors })
}
