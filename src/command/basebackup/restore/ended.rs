//! What `basebackup restore` says at its end: what was written, how far the server has come, and what to do next.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::options::RestoreOptions;
use super::plan_text::{ARCHIVE_AGAIN, Archiving};
use crate::basebackup::restore::{Recovered, RestorePlan};
use crate::cli::text::{count, plain, size, tenths};
use crate::command::restored::RestoreDone;
use crate::words::{shell_word, two_units};

/// A restore that has done what it was to do.
pub(super) struct Ended<'a> {
    pub options: &'a RestoreOptions<'a>,
    pub plan: &'a RestorePlan<'a>,
    pub data: &'a Path,
    /// Files that were written, and those that were there already.
    pub laid: usize,
    pub kept: usize,
    /// Until the files were there.
    pub seconds: f64,
    /// How far the server has come that was started or watched.
    pub up: Option<Recovered>,
}

pub(super) fn what(recovered: Recovered) -> &'static str {
    match recovered {
        Recovered::Promoted => "the server takes writes",
        Recovered::Paused => {
            "the server waits at its target; SELECT pg_wal_replay_resume() ends recovery"
        }
        Recovered::ShutDown => "the server reached its target and shut down",
        Recovered::Follows => "the standby accepts readers",
    }
}

impl Ended<'_> {
    pub fn done(&self, took: Duration) -> RestoreDone {
        let server = self.up.map(|up| match up {
            Recovered::Promoted => "promoted",
            Recovered::Paused => "paused",
            Recovered::ShutDown => "shut_down",
            Recovered::Follows => "follows",
        });
        let result = json!({
            "data": self.data.to_string_lossy(),
            "written_files": self.laid,
            "kept_files": self.kept,
            "seconds": self.seconds,
            "server": server,
            "rto_seconds": server.map(|_| tenths(took)),
        });
        let backup = self.plan.backup;
        let files = count(self.laid as u64, "file");
        let kept = match self.kept {
            0 => String::new(),
            kept => format!(", {} kept as they were", count(kept as u64, "file")),
        };
        let (id, data) = (plain(&backup.id), plain(&self.data.display().to_string()));
        let (bytes, took) = (size(backup.facts.size), two_units(took.as_secs()));
        let next = self.next();
        let words = format!(
            "Base backup {id} is restored into {data}: {bytes}, {files} written{kept}, in {took}.\n{next}\n"
        );
        RestoreDone { words, result }
    }

    /// What to do now.
    fn next(&self) -> String {
        let data = shell_word(&self.data.display().to_string());
        if let Some(up) = self.up {
            let mut what = what(up).to_owned();
            what[..1].make_ascii_uppercase();
            return match Archiving::of(self.options) {
                Archiving::Off => format!("{what}. It does not archive: {ARCHIVE_AGAIN}."),
                Archiving::AsTheOldServer | Archiving::OncePromoted => what + ".",
            };
        }
        let next = match (&self.options.after, self.options.recovery) {
            (Some(_), _) => {
                "--after has run. `SELECT pg_is_in_recovery()` says when the server has recovered."
                    .to_owned()
            }
            (None, false) => {
                format!("It has no settings of a recovery. `pg_verifybackup {data}` checks it.")
            }
            (None, true) => format!(
                "Start the server, as with `pg_ctl -D {data} start`: it fetches its WAL and recovers by itself."
            ),
        };
        plain(&next)
    }
}
