//! Which backups a repository holds: found by listing keys, described by their `backup.json`. One without
//! is unfinished; one whose description is damaged is broken; neither stops the others from being seen.
//!
//! `one_repository` lists and reads descriptions; `contents` compares a folder with its description.

mod contents;
mod one_repository;

pub use contents::Contents;
pub use one_repository::{Found, HowMany, NotDescribed, Unfinished, describe, look};

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::StoredObject;
use crate::error::Error;
use crate::retention::{Dates, Noted, believable};

/// What the description of any kind of backup tells. It is written last, in the clear, and makes the
/// backup exist.
pub trait Described: DeserializeOwned + Send {
    /// What it describes, such as `base backup`.
    const WHAT: &'static str;
    /// Version of its format. A reader refuses a higher one.
    const FORMAT: u32;
    /// Whether such backups may need objects of others.
    const SHARES: bool = false;

    /// All but the description itself.
    fn objects(&self) -> impl Iterator<Item = &StoredObject>;
    /// Whether they are encrypted.
    fn encrypted(&self) -> bool;

    /// Objects that lie with others and that it needs as well, each with the id of the other, whether or not
    /// that still has a description.
    fn shared(&self) -> impl Iterator<Item = (&str, &StoredObject)> {
        std::iter::empty()
    }
}

/// A backup in one repository. Repositories are told by their place in the configuration.
#[derive(Debug)]
pub struct StoredBackup {
    pub repository: usize,
    pub encrypted: bool,
    /// Length of all objects but its description, in bytes.
    pub stored_size: u64,
    pub pinned: bool,
    /// Length of all that lies in its folder, in bytes.
    pub occupied: u64,
    /// When its description was stored, by the clock of the store, where it says.
    pub stored: Option<Timestamp>,
    /// BLAKE3 of its description, in hexadecimal.
    pub digest: String,
    /// What this host noted when it saw that first; only where it was asked.
    pub noted: Option<Noted>,
    /// What is wrong with its objects, going by their names and sizes.
    pub fault: Option<String>,
    /// Ids of others whose objects it needs as well.
    pub needs: Vec<String>,
}

impl StoredBackup {
    /// When its description was stored.
    pub fn dates(&self) -> Dates {
        Dates { store: believable(self.stored), noted: self.noted }
    }
}

/// A repository that could not be looked at, or not to the end.
#[derive(Debug)]
pub struct Failure {
    pub repository: usize,
    pub error: Error,
}
