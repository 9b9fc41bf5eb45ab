//! `basebackup restore`: the plan, the files, the settings for the recovery.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;

use super::restore_command::restore_command;
use crate::base_backup::catalogue::Survey;
use crate::base_backup::restore::{
    Occupied, Recovered, RecoverySettings, RecoveryTarget, RestorePlan, TargetAction,
    TargetTimeline, Told, Watch, Way, Wish, connection_of, follow, look, move_aside, plan,
    refuse_running, run_hook, start_server,
};
use crate::base_backup::unpack::{BackupSource, Unpack, Unpacked, is_unfinished};
use crate::base_backup::{BackupFolder, Description};
use crate::config::{Config, FlagValues};
use crate::durable;
use crate::error::{Class, Error, Result};
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
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    for failure in &survey.catalogue.failures {
        tracing::warn!("{}", failure.error);
    }
    let wish = Wish {
        target: &request.target,
        inclusive: request.inclusive,
        timeline: request.timeline,
        backup: request.backup.as_deref(),
    };
    let plan = plan(&survey, request.system, &wish)?;
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
    if let Some(aside) = &aside {
        move_aside(&request.data, aside)?;
    }
    let unpacked = lay_down(request, &plan, &repositories, progress)?;
    tracing::info!(
        backup = %plan.backup.id,
        written = unpacked.laid,
        kept = unpacked.kept,
        data = %request.data.display(),
        "files laid down"
    );
    if let Some(settings) = settings {
        tell_server(request, &settings)?;
    }
    unpacked.finish()?;
    tracing::info!(seconds = begun.elapsed().as_secs(), "restored");
    bring_up(request, &plan, begun)
}

/// Starts the server, or has it started, and watches its recovery.
fn bring_up(request: &Request<'_>, plan: &RestorePlan<'_>, begun: Instant) -> Result<()> {
    let mut log = request.data.as_os_str().to_owned();
    log.push(".restore.log");
    if request.start {
        start_server(&request.data, request.postgres_bin.as_deref(), Path::new(&log))?;
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
    let mut gone = || request.start && watch.is_gone();
    let way = Way { from: plan.backup.facts.start.lsn, to: plan.choice.reach };
    let shutdown = request.action == TargetAction::Shutdown;
    let mut lines = Told::new();
    let recovered = follow(&mut connection, &mut gone, way, shutdown, &mut |replay, way| {
        lines.at(replay, way);
    });
    let recovered = recovered.map_err(|error| {
        if request.start {
            error.hint(format!("The server's first messages are in {log:?}."))
        } else {
            error
        }
    })?;
    let what = match recovered {
        Recovered::Promoted => "the server takes writes",
        Recovered::Paused => {
            "the server waits at its target; SELECT pg_wal_replay_resume() ends recovery"
        }
        Recovered::ShutDown => "the server reached its target and went down",
    };
    tracing::info!(rto_seconds = begun.elapsed().as_secs_f64(), "{what}");
    Ok(())
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

/// Bytes that are free where the data directory is, or will be.
fn room(data: &Path) -> Option<u64> {
    let there = data.ancestors().find(|path| path.exists())?;
    rustix::fs::statvfs(there).ok().map(|room| room.f_bavail * room.f_frsize)
}

/// From the first repository that gives all of it; another one goes on where that one failed.
fn lay_down(
    request: &Request<'_>,
    plan: &RestorePlan<'_>,
    repositories: &[Repository],
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Unpacked> {
    let config = request.config;
    let identities = repository::identities(config)?;
    let mut failure = None;
    for repository in plan.repositories.iter().map(|at| &repositories[*at]) {
        if let Some(error) = failure.take() {
            tracing::warn!("going on with repository {}: {error}", repository.name());
        }
        let Some(contents) = plan.backup.contents(repository, &config.cluster)? else { continue };
        let description = &contents.description;
        let size = description.size();
        let folder = BackupFolder::new(&config.cluster, plan.backup.system, &plan.backup.id);
        let unpack = Unpack {
            source: BackupSource {
                storage: repository.storage(),
                prefix: &folder.key(""),
                description,
                identities: &identities,
                attempts: config.limits.attempts,
            },
            data: &request.data,
            tablespaces: &tablespaces(request, description),
            delta: request.occupied == Occupied::Delta,
            threads: config.basebackup.parallel,
            progress: &|done| progress(done, size),
        };
        match unpack.run() {
            Ok(unpacked) => return Ok(unpacked),
            Err(error) => {
                failure = Some(error.while_doing(format!(
                    "could not restore from repository {}",
                    repository.name()
                )));
            }
        }
    }
    Err(failure.unwrap_or_else(|| {
        Error::new(Class::Gap, format!("the base backup {} is gone", plan.backup.id))
    }))
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

/// Settings behind those that came with the backup, and the file that makes the server recover. Both
/// are made durable when the control file gets its name.
fn tell_server(request: &Request<'_>, settings: &RecoverySettings) -> Result<()> {
    let path = request.data.join("postgresql.auto.conf");
    let mut text = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|error| Error::file("read", &path, &error))?,
    };
    text.extend_from_slice(settings.lines().as_bytes());
    durable::replace(&path, &text)?;
    let signal = if request.standby { "standby.signal" } else { "recovery.signal" };
    durable::replace(&request.data.join(signal), b"")
}
