//! What each of them was told last: a note of this host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::message::Trouble;
use super::ways::Way;
use crate::config::Config;
use crate::durable::Notes;
use crate::error::{Class, Error, Result};

/// Below the state folder, where the unit of `seawall check` may write.
const FOLDER: &str = "check";

const BYTES_MAX: u64 = 1 << 20;

/// What one was told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Heard {
    /// Their states, by names.
    pub troubles: BTreeMap<String, String>,
    /// The day of the last summary.
    #[serde(default)]
    pub summary: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    seawall: u32,
    ways: BTreeMap<String, Heard>,
}

pub struct Told {
    state: Option<PathBuf>,
    /// Of the note: each configuration has one, because each has findings of its own.
    name: String,
    ways: BTreeMap<String, Heard>,
    changed: bool,
}

impl Told {
    /// What can't be read counts as nothing told: rather twice than never. Why is told too.
    pub fn read(config: &Config) -> (Self, Option<Error>) {
        let state = config.state_directory.as_deref();
        let name = name_of(config);
        let state = state.filter(|state| state.is_dir()).map(Path::to_owned);
        let read = |state: &PathBuf| -> Result<_> {
            let Some(notes) = Notes::open(state, FOLDER)? else { return Ok(None) };
            notes.expect_ours()?;
            notes.read(&name, BYTES_MAX)
        };
        let (found, trouble) = match state.as_ref().map(read).transpose() {
            Ok(found) => (found.flatten(), None),
            Err(error) => (None, Some(error.while_doing("could not see who was told what"))),
        };
        let note = found.and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        let ways = note.filter(|note| note.seawall == 1).map(|note| note.ways).unwrap_or_default();
        (Self { state, name, ways, changed: false }, trouble)
    }

    pub fn of(&self, way: &Way) -> Heard {
        self.ways.get(&way.key()).cloned().unwrap_or_default()
    }

    pub fn heard(&mut self, way: &Way, troubles: &[Trouble]) {
        let states = troubles.iter().map(|it| (it.name.clone(), it.state.to_string()));
        self.ways.entry(way.key()).or_default().troubles = states.collect();
        self.changed = true;
    }

    pub fn had_summary(&mut self, way: &Way, day: &str) {
        self.ways.entry(way.key()).or_default().summary = Some(day.to_owned());
        self.changed = true;
    }

    /// Without a note everybody is told the same at each run, so that is said.
    pub fn write(self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        let Some(state) = &self.state else {
            let message = "could not note who was told what: there is no state_directory";
            return Err(Error::new(Class::LocalFile, message).hint(
                "Make the folder that state_directory names; until then each run tells it again.",
            ));
        };
        let json = serde_json::to_vec(&Note { seawall: 1, ways: self.ways })
            .map_err(|error| Error::new(Class::Internal, error.to_string()))?;
        let written = Notes::make(state, FOLDER).and_then(|notes| notes.write(&self.name, &json));
        written.map_err(|error| error.while_doing("could not note who was told what"))
    }
}

/// Several configurations of one host share its state folder.
fn name_of(config: &Config) -> String {
    let file = config.file.as_deref().unwrap_or(Path::new(""));
    let hash = blake3::hash(file.as_os_str().as_encoded_bytes()).to_hex();
    format!("told-{}-{}.json", config.cluster, &hash[..8])
}
