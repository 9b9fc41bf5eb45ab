//! `basebackup restore`: the plan, the files, the settings for the recovery.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;

use super::restore_command::restore_command;
use crate::base_backup::Description;
use crate::base_backup::catalogue::{Backup, Survey};
use crate::base_backup::restore::{
    ARCHIVING_OFF, LayDown, Occupied, Reason, Recovered, RecoverySettings, RecoveryTarget,
    RestorePlan, ServerLog, TargetAction, TargetTimeline, Told, Until, Watch, Way, Wish,
    add_settings, connection_of, follow, look, plan, refuse_root, refuse_running, room,
    start_server, tell_server,
};
use crate::base_backup::unpack::{Unpacked, is_unfinished};
use crate::command::hook::run_hook;
use crate::command::shown::tenths;
use crate::config::{Config, FlagValues};
use crate::error::{Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};

pub struct Request<'a> {
    pub config: &'a Config,
    /// The data directory to write.
    pub data: PathBuf,
    pub target: RecoveryTarget,
    pub inclusive: bool,
    pub timeline: TargetTimeline,
    pub action: TargetAction,
    /// The id of a certain backup.
    pub backup: Option<String>,
    pub system: Option<SystemIdentifier>,
    /// Where tablespaces go, by their number.
    pub tablespaces: Vec<(u32, PathBuf)>,
    pub occupied: Occupied,
    pub standby: bool,
    pub recovery: bool,
    pub archive: bool,
    pub restore_command: Option<String>,
    /// Commands of the user's, run before anything is touched and at the end.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Whether to start the server, or only to watch it.
    pub start: bool,
    pub follow: bool,
    pub postgres_bin: Option<PathBuf>,
    /// With which `wal-fetch` finds the same repositories.
    pub flags: FlagValues,
}

/// Makes a plan, has it agreed to, and carries it out. `progress` is told how many bytes of the files are
/// there, of how many.
pub fn restore(
    request: &Request<'_>,
    agree: &mut dyn FnMut(&str) -> Result<bool>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<()> {
    let config = request.config;
    refuse_root(&request.data, request.start)?;
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    survey.errors().for_each(|error| tracing::warn!("{error}"));
    let wish = Wish {
        target: &request.target,
        inclusive: request.inclusive,
        timeline: request.timeline,
        backup: request.backup.as_deref(),
    };
    let plan = plan(&survey, request.system, &wish);
    let chosen = plan.as_ref().ok().map(|plan| plan.backup);
    warn_of_damage(&survey, chosen, &repositories);
    let plan = plan?;
    // An unpacking that was interrupted goes on.
    let goes_on = is_unfinished(&request.data);
    let occupied = if goes_on { Occupied::Delta } else { request.occupied };
    let begun = Instant::now();
    let aside = look(&request.data, occupied, Timestamp::now())?;
    let settings = settings(request)?;
    if !agree(&described(request, &plan, &wish, &repositories, aside.as_deref(), goes_on))? {
        return Ok(());
    }
    if let Some(command) = &request.before {
        run_hook("before", command, &request.data)?;
    }
    refuse_running(&request.data)?;
    let unpacked = lay_down(request, &plan, &repositories, aside, progress)?;
    tracing::info!(
        backup = %plan.backup.id,
        written = unpacked.laid,
        kept = unpacked.kept,
        data = %request.data.display(),
        "files laid down"
    );
    match settings {
        Some(settings) => tell_server(&request.data, &settings, request.standby)?,
        None if request.archive => {}
        None => add_settings(&request.data, ARCHIVING_OFF)?,
    }
    unpacked.finish()?;
    tracing::info!(seconds = tenths(begun.elapsed()), "restored");
    bring_up(request, &plan, begun)
}

/// What keeps base backups from being restored, from this one on: a newer one from being taken, this one from
/// being taken from the first repository. Of all, where none was chosen.
fn warn_of_damage(survey: &Survey, chosen: Option<&Backup>, repositories: &[Repository]) {
    let catalogue = &survey.catalogue;
    let matters = |system: SystemIdentifier, id: &str| {
        chosen.is_none_or(|chosen| chosen.system == system && chosen.id.as_str() <= id)
    };
    for backup in catalogue.backups.iter().filter(|it| matters(it.system, &it.id)) {
        for copy in &backup.copies {
            if let Some(fault) = &copy.fault {
                let (id, name) = (&backup.id, repositories[copy.repository].name());
                tracing::warn!("{id} is damaged in repository {name}: {fault}");
            }
        }
    }
    for it in catalogue.unfinished.iter().filter(|it| matters(it.system, &it.id)) {
        let (id, name) = (&it.id, repositories[it.repository].name());
        tracing::warn!("{id} is unfinished in repository {name}: it has no backup.json");
    }
}

/// Starts the server, or has it started, and watches its recovery.
fn bring_up(request: &Request<'_>, plan: &RestorePlan<'_>, begun: Instant) -> Result<()> {
    let mut log = request.data.as_os_str().to_owned();
    log.push(".restore.log");
    let log = Path::new(&log);
    let of_others = std::fs::metadata(log).map_or(0, |metadata| metadata.len());
    if request.start {
        start_server(&request.data, request.postgres_bin.as_deref(), log)?;
    }
    if let Some(command) = &request.after {
        run_hook("after", command, &request.data)?;
    }
    if !request.start && !request.follow {
        return Ok(());
    }
    let told = &request.config.connection;
    // Who says how to reach the server means it: it may run in a container.
    let mut connection = || match told.as_str() {
        "" => connection_of(&request.data),
        told => Some(told.to_owned()),
    };
    let mut watch = Watch::new(&request.data);
    let mut gone = || if request.start { watch.gone() } else { None };
    let way = Way { from: plan.backup.facts.start.lsn, to: plan.choice.reach };
    let until = match request.action {
        _ if request.standby => Until::Readers,
        TargetAction::Shutdown => Until::Shutdown,
        TargetAction::Pause | TargetAction::Promote => Until::End,
    };
    let mut lines = Told::new();
    let recovered = follow(&mut connection, &mut gone, way, until, &mut |replay, way| {
        lines.at(replay, way);
    });
    let recovered = recovered.map_err(|error| match request.start {
        true => told_by_the_server(error, &ServerLog::read(log, of_others), log),
        false => error,
    })?;
    let what = match recovered {
        Recovered::Promoted => "the server takes writes",
        Recovered::Paused => {
            "the server waits at its target; SELECT pg_wal_replay_resume() ends recovery"
        }
        Recovered::ShutDown => "the server reached its target and went down",
        Recovered::Follows => "the standby takes readers",
    };
    tracing::info!(rto_seconds = tenths(begun.elapsed()), "{what}");
    Ok(())
}

/// With what the server wrote about it, as far as it wrote to `path`.
fn told_by_the_server(error: Error, log: &ServerLog, path: &Path) -> Error {
    let messages = format!("The server's first messages are in {path:?}.");
    let Some(Reason { class, text, hint }) = log.reason() else { return error.hint(messages) };
    let hint = hint.map_or(messages.clone(), |hint| format!("{hint} {messages}"));
    Error::new(
        class.unwrap_or(error.class()),
        format!("expected the server to recover, it went down: {text}"),
    )
    .hint(hint)
}

fn described(
    request: &Request<'_>,
    plan: &RestorePlan<'_>,
    wish: &Wish<'_>,
    repositories: &[Repository],
    aside: Option<&Path>,
    goes_on: bool,
) -> String {
    let names: Vec<&str> = repositories.iter().map(Repository::name).collect();
    let mut text = plan.describe(wish, &names, room(&request.data));
    let mut into = request.data.display().to_string();
    if let Some(aside) = aside {
        into += &format!(" (what is there is moved to {})", aside.display());
    } else if goes_on {
        into += " (goes on with what an interrupted restore has left)";
    }
    text += &format!("{:<12}{into}\n", "into");
    for (oid, folder) in &request.tablespaces {
        text += &format!("{:<12}{oid} into {}\n", "tablespace", folder.display());
    }
    text
}

fn lay_down(
    request: &Request<'_>,
    plan: &RestorePlan<'_>,
    repositories: &[Repository],
    aside: Option<PathBuf>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Unpacked> {
    let lay_down = LayDown {
        config: request.config,
        plan,
        repositories,
        data: &request.data,
        tablespaces: &|description| tablespaces(request, description),
        delta: request.occupied == Occupied::Delta,
        progress,
    };
    lay_down.run(aside).map(|(_, unpacked)| unpacked)
}

/// Where they were, unless they are to go elsewhere.
fn tablespaces(request: &Request<'_>, description: &Description) -> BTreeMap<u32, PathBuf> {
    let was = description.tablespaces.iter().map(|it| (it.oid, PathBuf::from(&it.location)));
    was.chain(request.tablespaces.iter().cloned()).collect()
}

fn settings(request: &Request<'_>) -> Result<Option<RecoverySettings>> {
    if !request.recovery {
        return Ok(None);
    }
    let restore_command = match &request.restore_command {
        Some(command) => command.clone(),
        None => restore_command(&request.flags)?,
    };
    Ok(Some(RecoverySettings {
        restore_command,
        target: request.target.clone(),
        inclusive: request.inclusive,
        timeline: request.timeline,
        action: request.action,
        archive: request.archive,
    }))
}
