//! `basebackup restore`: the plan, the files, the settings for the recovery.
//!
//! `shown` is the plan for people and `told` for programs; `ended` is what is said at the end. `environment` and
//! `under_patroni` look at who called: what the caller has and the server will lack, and what only Patroni may decide.

mod ended;
mod environment;
mod shown;
mod told;
mod under_patroni;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::ended::Ended;
use self::shown::{ARCHIVE_AGAIN, Archiving, Shown};
use super::ours::ours;
use super::restore_command::restore_command;
use crate::basebackup::catalogue::{Backup, Survey};
use crate::basebackup::restore::{
    END_BEFORE_THE_GAP, FolderLocks, LayDown, Located, Moves, Occupied, ProgressLog, Reason,
    Recovered, RecoverySettings, RecoverySpan, RecoveryTarget, RestoreDirectory, RestorePlan,
    RestoreTarget, RunningServers, ServerLog, Signs, Starter, TablespaceName, TablespacePlace,
    TargetAction, TargetTimeline, WatchLimits, add_settings, archiving_off, choose_system, follow,
    forget_recovery, leave_archiving, locate, plan, real, refuse_root, refuse_running, tell_server,
    warn_of_settings,
};
use crate::command::hook::run_hook;
use crate::command::restored::{Asking, Ending};
use crate::command::shown::tenths;
use crate::config::{Config, FlagValues, Location};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};

/// A server that was started makes itself known within this time, or it failed.
const START: Duration = Duration::from_secs(30);

/// The same of one that something else starts: that may have to make a container first.
const START_BY_OTHERS: Duration = Duration::from_secs(60);

/// A recovery writes and fetches all the time. A server that has stopped altogether shows nothing.
const SILENCE: Duration = Duration::from_secs(600);

#[derive(Clone)]
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
    /// Where tablespaces go.
    pub tablespaces: Vec<(TablespaceName, PathBuf)>,
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
    /// For how long the server that is watched may show nothing of itself.
    pub timeout: Option<Duration>,
    pub postgres_bin: Option<PathBuf>,
    /// With which `wal-fetch` finds the same repositories.
    pub flags: FlagValues,
}

/// Makes a plan, has it agreed to, and carries it out. `progress` is told how many bytes of the files are
/// there, of how many.
pub fn restore(
    request: &Request<'_>,
    asking: &mut Asking<'_>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Ending> {
    let config = request.config;
    under_patroni::refuse(Archiving::of(request))?;
    refuse_root(&request.data, request.start)?;
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    survey.errors().for_each(|error| tracing::warn!("{error}"));
    let place = RestoreDirectory::look(&request.data, request.occupied, Timestamp::now())?;
    refuse_repositories(config, &place)?;
    let ours = |candidates: &[SystemIdentifier]| ours(config, &repositories, candidates);
    let system = choose_system(&survey, &place, request.system, &ours)?;
    let to_its_end = to_its_own_end(request, &survey, system);
    let request = to_its_end.as_ref().unwrap_or(request);
    let wish = RestoreTarget {
        target: &request.target,
        inclusive: request.inclusive,
        timeline: request.timeline,
        backup: request.backup.as_deref(),
    };
    let located = locate(&survey, system, &wish, &repositories, config);
    let wish = match &located {
        Some(Located::At { backup, .. }) => RestoreTarget { backup: Some(backup), ..wish },
        _ => wish,
    };
    let plan = plan(&survey, system, &wish).map(|plan| plan.with_place(located.clone()));
    let chosen = plan.as_ref().ok().map(|plan| plan.backup);
    warn_of_damage(&survey, chosen, &repositories);
    let plan = plan?;
    let begun = Instant::now();
    let bin = request.postgres_bin.as_deref();
    let major = plan.backup.facts.postgres_version.major();
    let starter = request.start.then(|| Starter::find(bin, major)).transpose()?;
    let lay_down = LayDown {
        config,
        plan: &plan,
        repositories: &repositories,
        data: &place.data,
        delta: request.occupied == Occupied::Delta,
        durable: true,
        progress,
    };
    let opened = lay_down.open()?;
    if request.start {
        opened.refuse_start()?;
    }
    let tablespaces = opened.tablespaces(&place, &request.tablespaces)?;
    // Who stops the server by a hook has it running until then.
    refuse_servers(&place, &tablespaces, request.before.is_some())?;
    let settings = settings(request, &plan)?;
    let environment = environment::needed(request, &plan);
    let archiving = Archiving::of(request);
    let shown =
        Shown { place: &place, tablespaces: &tablespaces, opened: &opened, archiving, environment };
    let words = shown.text(&plan, &wish, &repositories);
    let told = shown.told(&plan, &wish, &repositories, &words);
    if !asking.agreed(&words)? {
        return Ok(Ending::planned(told));
    }
    let mut claim = FolderLocks::default();
    if place.data.exists() {
        claim.take(&place.data)?;
    }
    if let Some(command) = &request.before {
        run_hook("before", command, &request.data)?;
    }
    refuse_servers(&place, &tablespaces, false)?;
    let moves = Moves { aside: place.aside.as_deref(), tablespaces: &tablespaces };
    let (_, unpacked) = lay_down.run(&opened, &tablespaces, moves, &mut claim)?;
    tracing::info!(
        backup = %plan.backup.id,
        written = unpacked.laid,
        kept = unpacked.kept,
        data = %place.data.display(),
        "files laid down"
    );
    match &settings {
        Some(settings) => tell_server(&place.data, settings)?,
        None if request.archive => leave_archiving(&place.data)?,
        None => add_settings(&place.data, &archiving_off())?,
    }
    let (laid, kept) = (unpacked.laid, unpacked.kept);
    unpacked.finish()?;
    let seconds = tenths(begun.elapsed());
    if !asking.in_words {
        tracing::info!(seconds, "restored");
    }
    warn_of_settings(&place.data, opened.description.elsewhere.is_some());
    let up = bring_up(request, &place.data, starter.as_ref(), settings.as_ref(), &plan)?;
    if let Some(recovered) = up.filter(|_| !asking.in_words) {
        tracing::info!(rto_seconds = tenths(begun.elapsed()), "{}", ended::what(recovered));
        if Archiving::of(request) == Archiving::Off {
            tracing::info!("archiving is off in it: {ARCHIVE_AGAIN}");
        }
    }
    let ended = Ended { request, plan: &plan, data: &place.data, laid, kept, seconds, up };
    Ok(Ending { plan: told, done: Some(ended.done(begun.elapsed())), error: None })
}

/// An old backup that was named, and of which retention has kept what it needs itself, can be brought back to its own end, and no
/// further: without a target that is what is meant.
fn to_its_own_end<'a>(
    request: &Request<'a>,
    survey: &Survey,
    system: Option<SystemIdentifier>,
) -> Option<Request<'a>> {
    let backup = request.backup.as_deref()?;
    let as_far_as_it_goes = request.target == RecoveryTarget::Latest && request.recovery;
    if !as_far_as_it_goes || request.standby {
        return None;
    }
    let (target, inclusive, timeline) = (&request.target, request.inclusive, request.timeline);
    let wish = RestoreTarget { target, inclusive, timeline, backup: Some(backup) };
    let plan = plan(survey, system, &wish).ok().filter(RestorePlan::ends_with_the_backup)?;
    let id = &plan.backup.id;
    tracing::info!("{id} has no WAL behind it any more: it comes back as it was at its end");
    Some(Request { target: RecoveryTarget::Immediate, ..request.clone() })
}

/// A repository within the directory would go with what is there, and with it the backup.
fn refuse_repositories(config: &Config, place: &RestoreDirectory) -> Result<()> {
    for repository in &config.repositories {
        let Location::Folder(folder) = &repository.location else { continue };
        if !place.fresh && real(folder)?.starts_with(&place.data) {
            let message = format!(
                "expected a directory without a repository in it, found {folder:?} in {:?}",
                place.data
            );
            return Err(
                Error::new(Class::Input, message).hint("Move the repository elsewhere first.")
            );
        }
    }
    Ok(())
}

/// Nothing is touched that a running server has: neither the directory nor what links lead to, be they its own or the
/// backup's.
fn refuse_servers(
    place: &RestoreDirectory,
    tablespaces: &[TablespacePlace],
    may_run: bool,
) -> Result<()> {
    let servers = RunningServers::look();
    if !may_run {
        refuse_running(&place.data, &servers)?;
    }
    servers.refuse_owned(&place.data, &place.data, "the directory")?;
    let wal = place.data.join("pg_wal");
    if !place.fresh && wal.is_symlink() {
        servers.refuse_owned(&place.data, &real(&wal)?, "where pg_wal leads")?;
    }
    for tablespace in tablespaces {
        servers.refuse_owned(&place.data, &tablespace.folder, "the folder of a tablespace")?;
    }
    Ok(())
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
fn bring_up(
    request: &Request<'_>,
    data: &Path,
    starter: Option<&Starter>,
    settings: Option<&RecoverySettings>,
    plan: &RestorePlan<'_>,
) -> Result<Option<Recovered>> {
    let mut log = request.data.as_os_str().to_owned();
    log.push(".restore.log");
    let log = Path::new(&log);
    let of_others = std::fs::metadata(log).map_or(0, |metadata| metadata.len());
    if let Some(starter) = starter {
        starter.start(data, log)?;
    }
    if let Some(command) = &request.after {
        run_hook("after", command, &request.data)?;
    }
    if !request.start && !request.follow {
        return Ok(None);
    }
    let way = RecoverySpan { from: plan.backup.facts.start.lsn, to: plan.choice.reach };
    let start = if request.start { START } else { START_BY_OTHERS };
    let limits = WatchLimits {
        start: request.timeout.unwrap_or(start),
        silence: request.timeout.unwrap_or(SILENCE),
    };
    let mut signs = Signs::new(data, (log, of_others), limits);
    let mut lines = ProgressLog::new();
    let told = &request.config.connection;
    let recovered = follow(&mut signs, told, way, ended::until(request), &mut |replay, way| {
        lines.at(replay, way);
    });
    let recovered = recovered.map_err(|error| match request.start {
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
            "If it lies before this base backup, take the one before: --delta --backup {older}"
        )),
        (None, _) if class == Some(Class::Gap) && plan.resumes.is_some() => {
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

fn settings(request: &Request<'_>, plan: &RestorePlan<'_>) -> Result<Option<RecoverySettings>> {
    if !request.recovery {
        return Ok(None);
    }
    let restore_command = match &request.restore_command {
        Some(command) => command.clone(),
        None => restore_command(&request.flags, plan, &request.target)?,
    };
    Ok(Some(RecoverySettings {
        restore_command,
        target: request.target.clone(),
        inclusive: request.inclusive,
        timeline: request.timeline,
        action: request.action,
        archive: Archiving::of(request) != Archiving::Off,
        standby: request.standby,
        major: plan.backup.facts.postgres_version.major(),
        reads_ahead: plan.may_read_ahead(&request.target),
    }))
}
