//! The server that was restored is started, or something else starts it, and its recovery is watched to the end. And
//! what is said then: what was written, how far the server has come, and what to do next.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::options::RestoreOptions;
use super::plan_text::{ARCHIVE_AGAIN, Archiving};
use crate::basebackup::restore::{
    END_BEFORE_THE_GAP, ProgressLog, Reason, Recovered, RecoveryEnd, RecoverySettings,
    RecoverySpan, RecoveryTarget, RestorePlan, ServerLog, Signs, Starter, TargetAction,
    WatchLimits, follow, forget_recovery,
};
use crate::cli::text::{count, plain, size, tenths};
use crate::command::restored::{RestoreDone, run_hook};
use crate::error::{Class, Error, Result};
use crate::words::{shell_word, two_units};

/// A server that was started makes itself known within this time, or it failed.
const START: Duration = Duration::from_secs(30);

/// The same of one that something else starts: that may have to make a container first.
const START_BY_OTHERS: Duration = Duration::from_secs(60);

/// A recovery writes and fetches all the time. A server that has stopped altogether shows nothing.
const SILENCE: Duration = Duration::from_secs(600);

/// Starts the server, or has it started, and watches its recovery.
pub(super) fn bring_up(
    options: &RestoreOptions<'_>,
    data: &Path,
    starter: Option<&Starter>,
    settings: Option<&RecoverySettings>,
    plan: &RestorePlan<'_>,
) -> Result<Option<Recovered>> {
    let mut log = options.data.as_os_str().to_owned();
    log.push(".restore.log");
    let log = Path::new(&log);
    let of_others = std::fs::metadata(log).map_or(0, |metadata| metadata.len());
    if let Some(starter) = starter {
        starter.start(data, log)?;
    }
    if let Some(command) = &options.after {
        run_hook("after", command, &options.data)?;
    }
    if !options.start && !options.follow {
        return Ok(None);
    }
    let way = RecoverySpan { from: plan.backup.facts.start.lsn, to: plan.choice.reach };
    let start = if options.start { START } else { START_BY_OTHERS };
    let limits = WatchLimits {
        start: options.timeout.unwrap_or(start),
        silence: options.timeout.unwrap_or(SILENCE),
    };
    let mut signs = Signs::new(data, (log, of_others), limits);
    let mut lines = ProgressLog::new();
    let told = &options.config.connection;
    let recovered = follow(&mut signs, told, way, until(options), &mut |replay, way| {
        lines.at(replay, way);
    });
    let recovered = recovered.map_err(|error| match options.start {
        true => told_by_the_server(error, &ServerLog::read(log, of_others), log, plan),
        false => error,
    })?;
    match settings.filter(|_| recovered == Recovered::Promoted) {
        Some(settings) => forget_recovery(data, settings).map(|()| Some(recovered)),
        None => Ok(Some(recovered)),
    }
}

/// With what the server wrote about it, as far as it wrote to `path`.
fn told_by_the_server(error: Error, log: &ServerLog, path: &Path, plan: &RestorePlan<'_>) -> Error {
    let messages = format!("The server's first messages are in {path:?}.");
    let Some(Reason { class, text, hint }) = log.reason() else { return error.hint(messages) };
    let unreached = text.contains("recovery ended before configured recovery target");
    let hint = match (hint, plan.older.first()) {
        (None, Some(older)) if unreached => Some(format!(
            "If the target is before this base backup, use the one before it: --delta --backup {older}"
        )),
        (None, _) if class == Some(Class::Gap) && plan.ends_at_a_gap() => {
            Some(END_BEFORE_THE_GAP.to_owned())
        }
        (hint, _) => hint,
    };
    let hint = hint.map_or(messages.clone(), |hint| {
        let stop = if hint.ends_with(['.', '?', '!']) { "" } else { "." };
        format!("{hint}{stop} {messages}")
    });
    Error::new(
        class.unwrap_or(error.class()),
        format!("the server stopped during recovery: {text}"),
    )
    .hint(hint)
}

/// What the server does when it has recovered.
fn until(options: &RestoreOptions<'_>) -> RecoveryEnd {
    match options.action {
        _ if options.standby => RecoveryEnd::Readers,
        // At the end of the WAL it takes writes, whatever was to happen at a target.
        _ if options.wanted.target == RecoveryTarget::Latest => RecoveryEnd::End,
        TargetAction::Shutdown => RecoveryEnd::Shutdown,
        TargetAction::Pause => RecoveryEnd::Pause,
        TargetAction::Promote => RecoveryEnd::End,
    }
}

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
