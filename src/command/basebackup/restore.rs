//! `basebackup restore`: the plan, the files, the settings for the recovery.
//!
//! `options` has the flags; `caller` looks at who called; `lacking` tells of WAL that was stored and is in no repository
//! here; `plan_text` is the plan for people and programs; `recovery` watches the server, and says at the end how far that
//! has come.

mod caller;
mod lacking;
mod options;
mod plan_text;
mod recovery;

use std::time::Instant;

use clap::ArgMatches;
use jiff::Timestamp;

use self::lacking::lacking;
use self::options::RestoreOptions;
pub use self::options::command;
use self::plan_text::{ARCHIVE_AGAIN, Archiving, PlanText};
use self::recovery::Ended;
use self::recovery::bring_up;
use super::restore_command::restore_command;
use super::target::ours;
use crate::basebackup::catalogue::{Backup, Survey};
use crate::basebackup::restore::{
    FolderLocks, LayDown, Located, Moves, Occupied, Opened, RecoverySettings, RecoveryTarget,
    RestoreDirectory, RestorePlan, RestoreTarget, RunningServers, Starter, TablespacePlace,
    add_settings, archiving_off, choose_system, leave_archiving, locate, plan, real, refuse_root,
    refuse_running, tell_server, warn_of_settings,
};
use crate::cli::progress::SharedBar;
use crate::cli::text::tenths;
use crate::command::restored::{self, Asking, Ending, RestoreDone, run_hook};
use crate::config::{Config, Location};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};

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
    caller::refuse_patroni(Archiving::of(options))?;
    refuse_root(&options.data, options.start)?;
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    survey.errors().for_each(|error| tracing::warn!("{error}"));
    let place = RestoreDirectory::look(&options.data, options.occupied, Timestamp::now())?;
    refuse_repositories(config, &place)?;
    let ours = |candidates: &[SystemIdentifier]| ours(config, &repositories, candidates);
    let system = choose_system(&survey, &place, options.wanted.system, &ours)?;
    let to_its_end = to_its_own_end(options, &survey, system);
    let options = to_its_end.as_ref().unwrap_or(options);
    let wish = options.wanted.wish();
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
    let environment = caller::needed_environment(options, &plan);
    let archiving = Archiving::of(options);
    let text = PlanText {
        place: &place,
        tablespaces: &tablespaces,
        opened: &opened,
        archiving,
        environment,
        lacking: lacking(&survey, plan.backup.system, &repositories, config),
    };
    let words = text.words(&plan, &wish, &repositories);
    let told = text.json(&plan, &wish, &repositories, &words);
    if !asking.agreed(&words)? {
        return Ok(Ending::planned(told));
    }
    let (settings, starter) = (settings.as_ref(), starter.as_ref());
    let agreed =
        Agreed { options, plan: &plan, place: &place, opened: &opened, settings, starter, begun };
    let done = agreed.carry_out(&lay_down, &tablespaces, asking.in_words)?;
    Ok(Ending { plan: told, done: Some(done), error: None })
}

/// A plan that is to be carried out.
struct Agreed<'a> {
    options: &'a RestoreOptions<'a>,
    plan: &'a RestorePlan<'a>,
    place: &'a RestoreDirectory,
    opened: &'a Opened,
    /// `None` where the server is to have none.
    settings: Option<&'a RecoverySettings>,
    starter: Option<&'a Starter>,
    begun: Instant,
}

impl Agreed<'_> {
    fn carry_out(
        &self,
        lay_down: &LayDown<'_>,
        tablespaces: &[TablespacePlace],
        in_words: bool,
    ) -> Result<RestoreDone> {
        let Self { options, plan, place, begun, .. } = *self;
        // Held to the end, also while the server is started.
        let mut locks = FolderLocks::default();
        if place.data.exists() {
            locks.take(&place.data)?;
        }
        if let Some(command) = &options.before {
            run_hook("before", command, &options.data)?;
        }
        refuse_servers(place, tablespaces, false)?;
        let moves = Moves { aside: place.aside.as_deref(), tablespaces };
        let (_, unpacked) = lay_down.run(self.opened, tablespaces, moves, &mut locks)?;
        let (laid, kept, data) = (unpacked.laid, unpacked.kept, place.data.as_path());
        tracing::info!(
            backup = %plan.backup.id,
            written = laid,
            kept,
            data = %data.display(),
            "files restored"
        );
        match self.settings {
            Some(settings) => tell_server(data, settings)?,
            None if options.archive => leave_archiving(data)?,
            None => add_settings(data, &archiving_off())?,
        }
        unpacked.finish()?;
        let seconds = tenths(begun.elapsed());
        if !in_words {
            tracing::info!(seconds, "restored");
        }
        warn_of_settings(data, self.opened.description.elsewhere.is_some());
        let up = bring_up(options, data, self.starter, self.settings, plan)?;
        if let Some(recovered) = up.filter(|_| !in_words) {
            tracing::info!(rto_seconds = tenths(begun.elapsed()), "{}", recovery::what(recovered));
            if Archiving::of(options) == Archiving::Off {
                tracing::info!("archiving is off in it: {ARCHIVE_AGAIN}");
            }
        }
        let ended = Ended { options, plan, data, laid, kept, seconds, up };
        Ok(ended.done(begun.elapsed()))
    }
}

/// An old backup that was named, and of which retention has kept what it needs itself, can be brought back to its own end, and no
/// further: without a target that is what is meant.
fn to_its_own_end<'a>(
    options: &RestoreOptions<'a>,
    survey: &Survey,
    system: Option<SystemIdentifier>,
) -> Option<RestoreOptions<'a>> {
    options.wanted.backup.as_ref()?;
    let as_far_as_it_goes = options.wanted.target == RecoveryTarget::Latest && options.recovery;
    if !as_far_as_it_goes || options.standby {
        return None;
    }
    let plan = plan(survey, system, &options.wanted.wish())
        .ok()
        .filter(RestorePlan::ends_with_the_backup)?;
    let id = &plan.backup.id;
    tracing::info!("{id} has no WAL after it any more: the restore ends at the end of the backup");
    let mut options = options.clone();
    options.wanted.target = RecoveryTarget::Immediate;
    Some(options)
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

fn settings(
    options: &RestoreOptions<'_>,
    plan: &RestorePlan<'_>,
) -> Result<Option<RecoverySettings>> {
    if !options.recovery {
        return Ok(None);
    }
    let restore_command = match &options.restore_command {
        Some(command) => command.clone(),
        None => restore_command(&options.flags, plan, &options.wanted.target)?,
    };
    Ok(Some(RecoverySettings {
        restore_command,
        target: options.wanted.target.clone(),
        inclusive: options.wanted.inclusive,
        timeline: options.wanted.timeline,
        action: options.action,
        archive: Archiving::of(options) != Archiving::Off,
        standby: options.standby,
        major: plan.backup.facts.postgres_version.major(),
        reads_ahead: plan.may_read_ahead(&options.wanted.target),
    }))
}
