//! What was rehearsed and verified, and how that went: a small record in the repositories for each time.
//! Drills and full verifications write them; `seawall check` and `seawall report` read them.

mod record;
mod stored;

pub use record::{Check, FORMAT, Kind, Phase, Reached, Record};
pub use stored::{Claim, Newest, newest, store};

use crate::postgres::SystemIdentifier;

/// What records are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What all its keys begin with, such as `history/redis/main/`.
    prefix: String,
}

impl Subject {
    /// Base backups and WAL of a system.
    pub fn postgres(cluster: &str, system: SystemIdentifier) -> Self {
        Self { prefix: format!("history/postgres/{cluster}/{system}/") }
    }

    pub fn redis(name: &str) -> Self {
        Self { prefix: format!("history/redis/{name}/") }
    }

    pub fn media(set: &str) -> Self {
        Self { prefix: format!("history/media/{set}/") }
    }

    /// Where the record with this id lies: ids sort by time.
    fn key(&self, id: &str, kind: Kind) -> String {
        format!("{}{id}-{}.json", self.prefix, kind.word())
    }
}
