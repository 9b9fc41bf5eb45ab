//! `basebackup restore`: the plan, the files, the settings for the recovery.
//!
//! `options` has the flags; `shown` is the plan for people and `told` for programs; `ended` is what is said at the end. `environment` and
//! `under_patroni` look at who called: what the caller has and the server will lack, and what only Patroni may decide.

mod ended;
mod environment;
mod options;
mod shown;
mod told;
mod under_patroni;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::ArgMatches;
use jiff::Timestamp;

use self::ended::Ended;
use self::options::RestoreOptions;
pub use self::options::command;
use self::shown::{ARCHIVE_AGAIN, Archiving, Shown};
use super::ours::ours;
use super::restore_command::restore_command;
use crate::basebackup::catalogue::{Backup, Survey};
use crate::basebackup::restore::{
    END_BEFORE_THE_GAP, FolderLocks, LayDown, Located, Moves, Occupied, ProgressLog, Reason,
    Recovered, RecoverySettings, RecoverySpan, RecoveryTarget, RestoreDirectory, RestorePlan,
    RestoreTarget, RunningServers, ServerLog, Signs, Starter, TablespacePlace, WatchLimits,
    add_settings, archiving_off, choose_system, follow, forget_recovery, leave_archiving, locate,
    plan, real, refuse_root, refuse_running, tell_server, warn_of_settings,
};
use crate::cli::progress::SharedBar;
use crate::command::restored::{self, Asking, Ending, run_hook};
use crate::command::shown::tenths;
use crate::config::{Config, Location};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};

/// A server that was started makes itself known within this time, or it failed.
const START: Duration = Duration::from_secs(30);

/// The same of one that something else starts: that may have to make a container first.
const START_BY_OTHERS: Duration = Duration::from_secs(60);

/// A recovery writes and fetches all the time. A server that has stopped altogether shows nothing.
const SILENCE: Duration = Duration::from_secs(600);

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let options = RestoreOptions::of(config, matches)?;
    let bar = SharedBar::new("restore");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let ending = restored::asking(matches, |asking| restore(&options, asking, &progress));
    drop(bar);
    restored::end(matches, ending, &format!("could not restore into {:?}", options.data))
}

/// Makes a plan, has it agreed to, and carries it out. `progress` is told how many bytes of the files are
/// there, of how many.
fn restore(
    options: &RestoreOptions<'_>,
    asking: &mut Asking<'_>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Ending> {
    let config = options.config;
    under_patroni::refuse(Archiving::of(options))?;
    refuse_root(&options.data, options.start)?;
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    survey.errors().for_each(|error| tracing::warn!("{error}"));
    let place = RestoreDirectory::look(&options.data, options.occupied, Timestamp::now())?;
    refuse_repositories(config, &place)?;
    let ours = |candidates: &[SystemIdentifier]| ours(config, &repositories, candidates);
    let system = choose_system(&survey, &place, options.system, &ours)?;
    let to_its_end = to_its_own_end(options, &survey, system);
    let options = to_its_end.as_ref().unwrap_or(options);
    let wish = RestoreTarget {
        target: &options.target,
        inclusive: options.inclusive,
        timeline: options.timeline,
        backup: options.backup.as_deref(),
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
    let bin = options.postgres_bin.as_deref();
    let major = plan.backup.facts.postgres_version.major();
    let starter = options.start.then(|| Starter::find(bin, major)).transpose()?;
    let lay_down = LayDown {
        config,
        plan: &plan,
        repositories: &repositories,
        data: &place.data,
        delta: options.occupied == Occupied::Delta,
        durable: true,
        progress,
    };
    let opened = lay_down.open()?;
    if options.start {
        opened.refuse_start()?;
    }
    let tablespaces = opened.tablespaces(&place, &options.tablespaces)?;
    // Who stops the server by a hook has it running until then.
    refuse_servers(&place, &tablespaces, options.before.is_some())?;
    let settings = settings(options, &plan)?;
    let environment = environment::needed(options, &plan);
    let archiving = Archiving::of(options);
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
    if let Some(command) = &options.before {
        run_hook("before", command, &options.data)?;
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
        None if options.archive => leave_archiving(&place.data)?,
        None => add_settings(&place.data, &archiving_off())?,
    }
    let (laid, kept) = (unpacked.laid, unpacked.kept);
    unpacked.finish()?;
    let seconds = tenths(begun.elapsed());
    if !asking.in_words {
        tracing::info!(seconds, "restored");
    }
    warn_of_settings(&place.data, opened.description.elsewhere.is_some());
    let up = bring_up(options, &place.data, starter.as_ref(), settings.as_ref(), &plan)?;
    if let Some(recovered) = up.filter(|_| !asking.in_words) {
        tracing::info!(rto_seconds = tenths(begun.elapsed()), "{}", ended::what(recovered));
        if Archiving::of(options) == Archiving::Off {
            tracing::info!("archiving is off in it: {ARCHIVE_AGAIN}");
        }
    }
    let ended = Ended { options, plan: &plan, data: &place.data, laid, kept, seconds, up };
    Ok(Ending { plan: told, done: Some(ended.done(begun.elapsed())), error: None })
}

/// An old backup that was named, and of which retention has kept what it needs itself, can be brought back to its own end, and no
/// further: without a target that is what is meant.
fn to_its_own_end<'a>(
    options: &RestoreOptions<'a>,
    survey: &Survey,
    system: Option<SystemIdentifier>,
) -> Option<RestoreOptions<'a>> {
    let backup = options.backup.as_deref()?;
    let as_far_as_it_goes = options.target == RecoveryTarget::Latest && options.recovery;
    if !as_far_as_it_goes || options.standby {
        return None;
    }
    let (target, inclusive, timeline) = (&options.target, options.inclusive, options.timeline);
    let wish = RestoreTarget { target, inclusive, timeline, backup: Some(backup) };
    let plan = plan(survey, system, &wish).ok().filter(RestorePlan::ends_with_the_backup)?;
    let id = &plan.backup.id;
    tracing::info!("{id} has no WAL behind it any more: it comes back as it was at its end");
    Some(RestoreOptions { target: RecoveryTarget::Immediate, ..options.clone() })
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
    let recovered = follow(&mut signs, told, way, ended::until(options), &mut |replay, way| {
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

fn settings(
    options: &RestoreOptions<'_>,
    plan: &RestorePlan<'_>,
) -> Result<Option<RecoverySettings>> {
    if !options.recovery {
        return Ok(None);
    }
    let restore_command = match &options.restore_command {
        Some(command) => command.clone(),
        None => restore_command(&options.flags, plan, &options.target)?,
    };
    Ok(Some(RecoverySettings {
        restore_command,
        target: options.target.clone(),
        inclusive: options.inclusive,
        timeline: options.timeline,
        action: options.action,
        archive: Archiving::of(options) != Archiving::Off,
        standby: options.standby,
        major: plan.backup.facts.postgres_version.major(),
        reads_ahead: plan.may_read_ahead(&options.target),
    }))
}
