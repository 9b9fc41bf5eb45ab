//! `basebackup drill`: a restore rehearsed, with a real server, checks, and a record of how it went.
//! `shown` tells people and programs what came of it.

mod shown;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use jiff::Timestamp;

use super::ours::ours;
use super::restore_command::restore_command;
use crate::backup::new_id;
use crate::basebackup::catalogue::Survey;
use crate::basebackup::restore::{
    END_BEFORE_THE_GAP, FolderLocks, LayDown, Moves, RecoverySettings, RecoveryTarget, RestorePlan,
    RestoreTarget, TablespacePlace, TargetAction, TargetTimeline, living_system, plan,
};
use crate::command::recording;
use crate::command::shown::Shown;
use crate::config::{Config, FlagValues};
use crate::drill::postgres::{
    CheckOutcome, Checks, ControlData, DrillCheck, DrillServer, DrillSettings, Errands, Programs,
    RecoveryEnded,
};
use crate::drill::{Confinement, Deadline, Scratch};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::history::{Check, Kind, Phase, Reached, Record, Subject};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};
use crate::threads::start_in;

pub struct Request<'a> {
    pub config: &'a Config,
    pub target: RecoveryTarget,
    pub inclusive: bool,
    pub timeline: TargetTimeline,
    /// The id of a certain backup.
    pub backup: Option<String>,
    pub system: Option<SystemIdentifier>,
    /// Queries besides those of the configuration.
    pub assertions: Vec<String>,
    /// Superuser to connect as; looked for when not named.
    pub role: Option<String>,
    pub confinement: Confinement,
    /// Whether the folder stays.
    pub keep: bool,
    pub as_json: bool,
    /// With which `wal-fetch` finds the same repositories.
    pub flags: FlagValues,
    /// Is told how many bytes of the files are there, of how many.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

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

/// Whatever comes of it is shown, and recorded if it says something of the backups; the first error is what decides the exit status.
pub fn run(request: &Request<'_>) -> Result<Shown> {
    let config = request.config;
    let deadline = Deadline::after(config.drill.timeout);
    let repositories = deadline.guard(repository::open_all(config, None)?);
    let mut drill = Drill {
        began: Timestamp::now(),
        system: request.system,
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
    let done = rehearse(request, &repositories, deadline, &mut drill);
    let errors: Vec<Error> = done.err().into_iter().chain(drill.failed_checks()).collect();
    let tells = drill.ended.is_some() || recording::tells(errors.first());
    if let Some(system) = drill.system.filter(|_| tells) {
        let subject = Subject::postgres(&config.cluster, system);
        recording::store(&repositories, &subject, &drill.record(&errors));
    }
    let text = if request.as_json {
        shown::json(request, &drill, &errors)?
    } else {
        shown::text(request, &drill)
    };
    Ok(Shown { text, errors })
}

fn rehearse(
    request: &Request<'_>,
    repositories: &[Repository],
    deadline: Deadline,
    drill: &mut Drill,
) -> Result<()> {
    let (config, begun) = (request.config, Instant::now());
    let survey = Survey::read(repositories, config);
    survey.errors().for_each(|error| tracing::warn!("{error}"));
    let ours = |candidates: &[SystemIdentifier]| ours(config, repositories, candidates);
    drill.system = match request.system {
        Some(system) => Some(system),
        None => living_system(&survey, &ours)?,
    };
    let wish = RestoreTarget {
        target: &request.target,
        inclusive: request.inclusive,
        timeline: request.timeline,
        backup: request.backup.as_deref(),
    };
    let plan = plan(&survey, drill.system, &wish)?;
    let facts = &plan.backup.facts;
    drill.system = Some(plan.backup.system);
    drill.backup = Some(plan.backup.id.clone());
    (drill.size, drill.stopped) = (facts.size, Some(facts.stop.time));
    let major = facts.postgres_version.major();
    let programs = Programs::find(config.drill.postgres_bin.as_deref(), major)?;
    drill.server = Some(programs.version.clone());
    let target = target(request, &plan);
    let mut recovery = recovery(request, &plan, target)?;
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
    let fetched = fetch(request, &plan, repositories, &scratch, &private, &recovery);
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
        confinement: request.confinement,
        role: request.role.as_deref(),
        deadline,
    };
    let done = replay_and_check(request, &plan, (&server, &errands), &control, drill);
    if request.keep {
        // In order if it runs, so that it starts without a recovery.
        let _ = server.shut_down();
        scratch.keep()?;
        drill.kept = Some(scratch.path().to_owned());
    }
    done
}

/// Returns the place of the repository that gave the files.
fn fetch(
    request: &Request<'_>,
    plan: &RestorePlan<'_>,
    repositories: &[Repository],
    scratch: &Scratch,
    private: &DrillSettings<'_>,
    recovery: &RecoverySettings,
) -> Result<usize> {
    let data = scratch.data();
    let lay_down = LayDown {
        config: request.config,
        plan,
        repositories,
        data: &data,
        delta: false,
        durable: false,
        progress: request.progress,
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
    request: &Request<'_>,
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
        let (reach, resumes) = (plan.choice.reach, plan.resumes);
        match resumes {
            Some(resumes) if error.class() == Class::Gap => error
                .while_doing(format!(
                    "the WAL behind {} goes up to {reach} and is missing from there to {resumes}",
                    plan.backup.id
                ))
                .hint(END_BEFORE_THE_GAP),
            _ => error,
        }
    })?;
    drill.ended = Some(ended);
    failpoint::reach("drill.replayed");
    let begun = Instant::now();
    let config = &request.config.drill;
    let assertions = [&config.assertions[..], &request.assertions].concat();
    let checks = Checks {
        server,
        address: &address,
        control,
        parallel: request.config.basebackup.parallel.get(),
        database: &config.database,
        assertions: &assertions,
    };
    let done = checks.run(&mut drill.checks);
    drill.phases.push(("checks", begun.elapsed().as_secs_f64()));
    done
}

/// An old backup that was named is rehearsed as far as it can be restored. Of the newest one all WAL behind it has to be there.
fn target<'r>(request: &'r Request<'_>, plan: &RestorePlan<'_>) -> &'r RecoveryTarget {
    let all = request.target == RecoveryTarget::Latest;
    if !all || request.backup.is_none() || !plan.ends_with_the_backup() {
        return &request.target;
    }
    let id = &plan.backup.id;
    tracing::info!("{id} has no WAL behind it any more: the drill goes to the end of the backup");
    &RecoveryTarget::Immediate
}

fn recovery(
    request: &Request<'_>,
    plan: &RestorePlan<'_>,
    target: &RecoveryTarget,
) -> Result<RecoverySettings> {
    Ok(RecoverySettings {
        restore_command: restore_command(&request.flags, plan, target)?,
        target: target.clone(),
        inclusive: request.inclusive,
        timeline: request.timeline,
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
            CheckOutcome::Failed(error) => {
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
            CheckOutcome::Skipped(_) => None,
            outcome => Some(Check {
                name: checked.name.clone(),
                passed: matches!(outcome, CheckOutcome::Passed(_)),
            }),
        });
        Record {
            seawall: crate::history::FORMAT,
            id: new_id(self.began),
            kind: Kind::Drill,
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
