//! What `media-backup` does beside the verbs that all backups have.
//!
//! Each of these verbs is a file. `places` knows which repositories are folders, `stored` hides what a snapshot lies
//! in, `entries` goes through what is in a snapshot, and `lines` shows an entry.

pub mod cat;
pub mod create;
pub mod delete;
pub mod diff;
pub mod drill;
pub mod find;
pub mod ls;
pub mod prune;
pub mod restore;
pub mod verify;

mod entries;
mod lines;
mod places;
mod stored;

use crate::command::series::Kind;
use crate::command::shown::{count, size};
use crate::config::{Config, KeepConfig};
use crate::history::Subject;
use crate::media_backup::Description;

/// All verbs are about one set: the configuration that they get has it alone.
impl Kind for Description {
    const PROGRAM: &'static str = "media-backup";
    const NAMED_BY: &'static str = "--set";
    const TABLE: &'static str = "media_backup";
    const NOTES: &'static str = "media";
    const COLUMNS: &'static [&'static str] = &["KIND", "FILES", "CONTENT", "NEW"];

    fn all(config: &Config) -> String {
        let set = config.media.first().map_or("", |set| set.name.as_str());
        format!("media/{set}/")
    }

    fn subject(config: &Config) -> Subject {
        Subject::media(config.media.first().map_or("", |set| set.name.as_str()))
    }

    fn keep(config: &Config) -> KeepConfig {
        config.media_backup.keep
    }

    fn cells(&self) -> Vec<String> {
        let it = &self.totals;
        vec![self.kind.to_string(), it.files.to_string(), size(it.size), it.new_files.to_string()]
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let it = &self.totals;
        let mut facts = vec![
            ("Kept as", self.kind.to_string()),
            ("Files", format!("{} with {}, {} in all", it.files, size(it.size), it.entries)),
            ("Read", format!("{} with {}", count(it.read_files, "file"), size(it.read_size))),
            ("New", format!("{} with {}", count(it.new_files, "file"), size(it.new_size))),
        ];
        if it.failures > 0 {
            facts.push((
                "Not backed up",
                count(it.failures, "file or folder that could not be read"),
            ));
        }
        if !self.earlier.is_empty() {
            let ids: Vec<&str> = self.earlier.iter().map(|it| it.id.as_str()).collect();
            facts.push(("Shares with", ids.join(", ")));
        }
        facts
    }
}
