//! The server that was restored is started, or something else starts it, and its recovery is watched to the end.

use std::path::Path;
use std::time::Duration;

use super::options::RestoreOptions;
use crate::basebackup::restore::{
    END_BEFORE_THE_GAP, ProgressLog, Reason, Recovered, RecoveryEnd, RecoverySettings,
    RecoverySpan, RecoveryTarget, RestorePlan, ServerLog, Signs, Starter, TargetAction,
    WatchLimits, follow, forget_recovery,
};
use crate::command::restored::run_hook;
use crate::error::{Class, Error, Result};

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
