//! `basebackup drill`: a restore rehearsed, with a real server, checks, and a record of how it went.
//! `options` has the flags; `result` tells people and programs what came of it.

mod options;
mod result;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::ArgMatches;
use jiff::Timestamp;

use self::options::DrillOptions;
pub use self::options::command;
use super::restore_command::restore_command;
use super::target::ours;
use crate::backup::new_id;
use crate::basebackup::catalogue::Survey;
use crate::basebackup::restore::{
    END_BEFORE_THE_GAP, FolderLocks, LayDown, Moves, RecoverySettings, RecoveryTarget, RestorePlan,
    TablespacePlace, TargetAction, living_system, plan,
};
use crate::cli::progress::SharedBar;
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::command::recording;
use crate::config::Config;
use crate::drill::postgres::{
    Checks, ControlData, DrillCheck, DrillOutcome, DrillServer, DrillSettings, Errands, Programs,
    RecoveryEnded,
};
use crate::drill::{Deadline, Scratch, become_user};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::history::{Check, Phase, Reached, Record, RecordKind, RecordSubject};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};
use crate::threads::start_in;

/// What is known of a drill, more and more of it.
struct Drill {
    began: Timestamp,
    system: Option<SystemIdentifier>,
    backup: Option<String>,
    repository: Option<String>,
    /// Such as `18.6`.
    server: Option<String>,
    /// Name and seconds.
    phases: Vec<(&'static str, f64)>,
    /// Length of the files in bytes.
    size: u64,
    /// When the files of the backup were complete: what was committed until then is in them.
    stopped: Option<Timestamp>,
    ended: Option<RecoveryEnded>,
    checks: Vec<DrillCheck>,
    kept: Option<PathBuf>,
}

/// Root has to name a user first: a drill never runs as root.
pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    become_user(matches.get_one::<String>("user").map(String::as_str), "basebackup")?;
    let bar = SharedBar::new("restore");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let shown = drill(&DrillOptions::of(config, matches, &progress)?);
    drop(bar);
    print(shown?)
}

/// Whatever comes of it is shown, and recorded if it says something of the backups; the first error is what decides the exit status.
fn drill(options: &DrillOptions<'_>) -> Result<Shown> {
    let config = options.config;
    let deadline = Deadline::after(config.drill.timeout);
    let repositories = deadline.guard(repository::open_all(config, None)?);
    let mut drill = Drill {
        began: Timestamp::now(),
        system: options.wanted.system,
        backup: None,
        repository: None,
        server: None,
        phases: Vec::new(),
        size: 0,
        stopped: None,
        ended: None,
        checks: Vec::new(),
        kept: None,
    };
    let done = rehearse(options, &repositories, deadline, &mut drill);
    let errors: Vec<Error> = done.err().into_iter().chain(drill.failed_checks()).collect();
    let tells = drill.ended.is_some() || recording::tells(errors.first());
    if let Some(system) = drill.system.filter(|_| tells) {
        let subject = RecordSubject::postgres(&config.cluster, system);
        recording::store(&repositories, &subject, &drill.record(&errors));
    }
    let text = if options.as_json {
        result::json(options, &drill, &errors)?
    } else {
        result::text(options, &drill)
    };
    Ok(Shown { text, errors })
}

fn rehearse(
    options: &DrillOptions<'_>,
    repositories: &[Repository],
    deadline: Deadline,
    drill: &mut Drill,
) -> Result<()> {
    let (config, begun) = (options.config, Instant::now());
    let survey = Survey::read(repositories, config);
    survey.errors().for_each(|error| tracing::warn!("{error}"));
    let ours = |candidates: &[SystemIdentifier]| ours(config, repositories, candidates);
    drill.system = match options.wanted.system {
        Some(system) => Some(system),
        None => living_system(&survey, &ours)?,
    };
    let wish = options.wanted.wish();
    let plan = plan(&survey, drill.system, &wish)?;
    let facts = &plan.backup.facts;
    drill.system = Some(plan.backup.system);
    drill.backup = Some(plan.backup.id.clone());
    (drill.size, drill.stopped) = (facts.size, Some(facts.stop.time));
    let major = facts.postgres_version.major();
    let programs = Programs::find(config.drill.postgres_bin.as_deref(), major)?;
    drill.server = Some(programs.version.clone());
    let target = target(options, &plan);
    let mut recovery = recovery(options, &plan, target)?;
    let mut scratch = Scratch::create_in(&config.drill.directory)?;
    let errands = Errands::prepare(&scratch, &recovery.restore_command)?;
    recovery.restore_command = errands.command();
    let private = DrillSettings {
        major,
        sockets: scratch.path(),
        shared_buffers: config.drill.shared_buffers,
    };
    private.check()?;
    // Replaying takes some room too, which nobody knows before.
    scratch.check_room(facts.size)?;
    let fetched = fetch(options, &plan, repositories, &scratch, &private, &recovery);
    drill.phases.push(("fetch", begun.elapsed().as_secs_f64()));
    drill.repository = Some(repositories[fetched?].name().to_owned());
    failpoint::reach("drill.fetched");
    deadline.left()?;
    let control = ControlData::read(&programs, &scratch.data())?;
    private.write(&scratch.data(), &control)?;
    let server = DrillServer {
        scratch: &scratch,
        programs: &programs,
        major,
        confinement: options.confinement,
        role: options.role.as_deref(),
        deadline,
    };
    let done = replay_and_check(options, &plan, (&server, &errands), &control, drill);
    if options.keep {
        // In order if it runs, so that it starts without a recovery.
        let _ = server.shut_down();
        scratch.keep()?;
        drill.kept = Some(scratch.path().to_owned());
    }
    done
}

/// Returns the place of the repository that gave the files.
fn fetch(
    options: &DrillOptions<'_>,
    plan: &RestorePlan<'_>,
    repositories: &[Repository],
    scratch: &Scratch,
    private: &DrillSettings<'_>,
    recovery: &RecoverySettings,
) -> Result<usize> {
    let data = scratch.data();
    let lay_down = LayDown {
        config: options.config,
        plan,
        repositories,
        data: &data,
        delta: false,
        durable: false,
        progress: options.progress,
    };
    let opened = lay_down.open()?;
    let tablespaces = opened.description.tablespaces.iter().map(|it| {
        let folder = scratch.path().join(format!("tablespace-{}", it.oid));
        TablespacePlace { oid: it.oid, folder, aside: Vec::new() }
    });
    let tablespaces: Vec<TablespacePlace> = tablespaces.collect();
    let mut claim = FolderLocks::default();
    let (repository, unpacked) = lay_down.run(&opened, &tablespaces, Moves::NONE, &mut claim)?;
    private.write_recovery(&data, recovery)?;
    unpacked.finish()?;
    Ok(repository)
}

fn replay_and_check(
    options: &DrillOptions<'_>,
    plan: &RestorePlan<'_>,
    (server, errands): (&DrillServer<'_>, &Errands<'_>),
    control: &ControlData,
    drill: &mut Drill,
) -> Result<()> {
    let begun = Instant::now();
    server.start()?;
    failpoint::reach("drill.started");
    let (log, stop) = (server.log(), AtomicBool::new(false));
    let recovered = std::thread::scope(|scope| {
        start_in(scope, || errands.run(&log, &stop))?;
        let recovered = server.recovered(&mut |lsn| {
            tracing::info!(lsn = %lsn, to = %plan.choice.reach, "replay under way");
        });
        stop.store(true, Ordering::Relaxed);
        recovered
    });
    drill.phases.push(("replay", begun.elapsed().as_secs_f64()));
    let (address, ended) = recovered.map_err(|error| {
        let (reach, id) = (plan.choice.reach, &plan.backup.id);
        let why = match (plan.resumes, plan.dropped) {
            (Some(resumes), _) => format!("is missing from there to {resumes}"),
            (None, Some(dropped)) => dropped.to_string(),
            (None, None) => return error,
        };
        match error.class() {
            Class::Gap => error
                .while_doing(format!("the WAL after {id} ends at {reach} and {why}"))
                .hint(END_BEFORE_THE_GAP),
            _ => error,
        }
    })?;
    drill.ended = Some(ended);
    failpoint::reach("drill.replayed");
    let begun = Instant::now();
    let config = &options.config.drill;
    let assertions = [&config.assertions[..], &options.assertions].concat();
    let checks = Checks {
        server,
        address: &address,
        control,
        parallel: options.config.basebackup.parallel.get(),
        database: &config.database,
        assertions: &assertions,
    };
    let done = checks.run(&mut drill.checks);
    drill.phases.push(("checks", begun.elapsed().as_secs_f64()));
    done
}

/// An old backup that was named is rehearsed as far as it can be restored. Of the newest one all WAL behind it has to be there.
fn target<'r>(options: &'r DrillOptions<'_>, plan: &RestorePlan<'_>) -> &'r RecoveryTarget {
    let all = options.wanted.target == RecoveryTarget::Latest;
    if !all || options.wanted.backup.is_none() || !plan.ends_with_the_backup() {
        return &options.wanted.target;
    }
    let id = &plan.backup.id;
    tracing::info!("{id} has no WAL after it any more: the drill ends at the end of the backup");
    &RecoveryTarget::Immediate
}

fn recovery(
    options: &DrillOptions<'_>,
    plan: &RestorePlan<'_>,
    target: &RecoveryTarget,
) -> Result<RecoverySettings> {
    Ok(RecoverySettings {
        restore_command: restore_command(&options.flags, plan, target)?,
        target: target.clone(),
        inclusive: options.wanted.inclusive,
        timeline: options.wanted.timeline,
        action: TargetAction::Promote,
        archive: false,
        standby: false,
        major: plan.backup.facts.postgres_version.major(),
        reads_ahead: plan.may_read_ahead(target),
    })
}

impl Drill {
    /// The failed checks, damage before mistakes in assertions.
    fn failed_checks(&self) -> Vec<Error> {
        let failed = self.checks.iter().filter_map(|checked| match &checked.outcome {
            DrillOutcome::Failed(error) => {
                Some(error.clone().while_doing(format!("check {:?} failed", checked.name)))
            }
            _ => None,
        });
        let mut failed: Vec<Error> = failed.collect();
        failed.sort_by_key(|error| error.class() != Class::Damaged);
        failed
    }

    /// Until when all that was committed is there.
    fn recovered_until(&self) -> Option<Timestamp> {
        self.ended.as_ref().and_then(|ended| ended.time.max(self.stopped))
    }

    fn record(&self, errors: &[Error]) -> Record {
        let phase =
            |(name, seconds): &(&str, f64)| Phase { name: (*name).to_owned(), seconds: *seconds };
        let made = self.checks.iter().filter_map(|checked| match &checked.outcome {
            DrillOutcome::Skipped(_) => None,
            outcome => Some(Check {
                name: checked.name.clone(),
                passed: matches!(outcome, DrillOutcome::Passed(_)),
            }),
        });
        Record {
            seawall: crate::history::FORMAT,
            id: new_id(self.began),
            kind: RecordKind::Drill,
            began: self.began,
            ended: Timestamp::now(),
            passed: errors.is_empty(),
            backups: self.backup.iter().cloned().collect(),
            repository: self.repository.clone(),
            phases: self.phases.iter().map(phase).collect(),
            reached: self.ended.as_ref().map(|ended| Reached {
                lsn: ended.lsn.to_string(),
                timeline: ended.timeline,
                time: ended.time,
            }),
            found: if !self.failed_checks().is_empty() {
                Vec::new()
            } else {
                recording::why(errors.first())
            },
            past: false,
            checks: made.collect(),
        }
    }
}
