//! What `seawall settle` met that stops a timeline: no good copy is left, or other content is there. It comes back each
//! minute and does not heal by itself, so this host notes it in `state_directory`, where `seawall check` reads it.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::note::creditor_of;
use super::paying::RefusedPayment;
use crate::durable::Notes;
use crate::error::{Class, Result};
use crate::postgres::{SystemIdentifier, WalFileName};
use crate::repository::Repository;

const FOLDER: &str = "stopped-debts";

/// A reason takes some hundred bytes, and there is one for each timeline.
const BYTES_MAX: u64 = 1 << 20;

/// A payment that can't be made before somebody does something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedPayment {
    system: u64,
    name: String,
    /// Whether other content is in the way, rather than that there is no good copy.
    pub is_conflict: bool,
    pub reason: String,
    #[serde(default)]
    pub hint: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoppedNote {
    seawall: u32,
    when: Timestamp,
    stopped: Vec<StoppedPayment>,
}

/// The notes of a host, one for each repository that is owed something. Without them a debt is said by its age alone.
pub struct StopNotes<'a>(Option<&'a Path>);

impl StoppedPayment {
    pub fn of(system: SystemIdentifier, refused: &RefusedPayment) -> Self {
        let RefusedPayment { name, error } = refused;
        Self {
            system: system.0,
            name: name.to_string(),
            is_conflict: error.class() == Class::Conflict,
            reason: error.message(),
            hint: error.hint_text(),
        }
    }

    /// The file that can't be paid.
    pub fn file(&self) -> Option<(SystemIdentifier, WalFileName)> {
        Some((SystemIdentifier(self.system), self.name.parse().ok()?))
    }
}

impl<'a> StopNotes<'a> {
    /// In `state_directory`, which need not be there.
    pub fn new(state: Option<&'a Path>) -> Self {
        Self(state.filter(|state| state.is_dir()))
    }

    /// Writes down what stops now in place of what was noted before; nothing where nothing did and does.
    pub fn keep(&self, creditor: &Repository, stopped: &[StoppedPayment]) {
        let before = self.read(creditor);
        let Some(state) = self.0.filter(|_| before != stopped) else { return };
        let note = StoppedNote { seawall: 1, when: Timestamp::now(), stopped: stopped.to_owned() };
        let Ok(json) = serde_json::to_vec(&note) else { return };
        let written =
            Notes::make(state, FOLDER).and_then(|notes| notes.write(&file_of(creditor), &json));
        if let Err(error) = written {
            tracing::warn!("seawall check is not told what stops: {error}");
        }
    }

    /// What stopped when it was tried last on this host. Nothing where that can't be read.
    pub fn read(&self, creditor: &Repository) -> Vec<StoppedPayment> {
        let read = || -> Result<Option<Vec<u8>>> {
            let Some(state) = self.0 else { return Ok(None) };
            match Notes::open(state, FOLDER)? {
                Some(notes) => notes.read(&file_of(creditor), BYTES_MAX),
                None => Ok(None),
            }
        };
        let bytes = read().unwrap_or_else(|error| {
            tracing::debug!("what stopped is not known: {error}");
            None
        });
        let note = bytes.and_then(|bytes| serde_json::from_slice::<StoppedNote>(&bytes).ok());
        note.filter(|note| note.seawall == 1).map_or_else(Vec::new, |note| note.stopped)
    }
}

fn file_of(creditor: &Repository) -> String {
    format!("{}.json", creditor_of(creditor))
}
