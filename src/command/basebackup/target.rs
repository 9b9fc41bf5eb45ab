//! What `restore` and `drill` recover: the flags that say from which base backup and up to where, and which of several
//! systems under one cluster name is ours.

use clap::{Arg, ArgGroup, ArgMatches, Command};
use jiff::Timestamp;

use crate::basebackup::catalogue::noted;
use crate::basebackup::restore::{
    RecoveryTarget, RestoreTarget, TargetTimeline, local_zone, parse_name, parse_time, past,
};
use crate::cli::flags::{switch, text};
use crate::config::{Config, Limits};
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, SystemIdentifier};
use crate::replication::ServerSession;
use crate::repository::Repository;

const TARGETS: [&str; 5] =
    ["target-time", "target-lsn", "target-xid", "target-name", "target-immediate"];

pub(super) fn add(command: Command) -> Command {
    command
        .next_help_heading("Target")
        .arg(text(
            "target-time",
            "TIME",
            "Up to this time, as in '2026-11-22 14:29:59+01', or as `date` or the server's log print it",
        ))
        .arg(text("target-lsn", "LSN", "Up to this LSN, as in 16/B374D848"))
        .arg(text(
            "target-xid",
            "NUMBER",
            "Up to this transaction ID (pg_current_xact_id)",
        ))
        .arg(text("target-name", "TEXT", "Up to this restore point (pg_create_restore_point)"))
        .arg(switch("target-immediate", "Only until the files are consistent"))
        .group(ArgGroup::new("target").args(TARGETS))
        .arg(switch("target-exclusive", "Stop before the target, not after it"))
        .arg(
            text("target-timeline", "WORD", "latest, current (that of the backup) or a number")
                .default_value("latest"),
        )
}

/// Which base backup it begins with.
pub(super) fn which() -> [Arg; 2] {
    [
        text(
            "backup",
            "ID",
            "Id of the base backup; default: the newest from which the target can be reached",
        ),
        text("system-identifier", "NUMBER", "System to use, if the cluster name holds several")
            .id("system")
            .value_parser(clap::value_parser!(u64)),
    ]
}

/// What these flags say.
#[derive(Clone)]
pub(super) struct RecoveryWish {
    pub target: RecoveryTarget,
    pub inclusive: bool,
    pub timeline: TargetTimeline,
    /// The id of a certain backup.
    pub backup: Option<String>,
    pub system: Option<SystemIdentifier>,
}

impl RecoveryWish {
    pub fn of(matches: &ArgMatches) -> Result<Self> {
        let timeline = matches.get_one::<String>("target-timeline");
        Ok(Self {
            target: target(matches)?,
            inclusive: !matches.get_flag("target-exclusive"),
            timeline: TargetTimeline::parse(timeline.map_or("latest", String::as_str))?,
            backup: matches.get_one::<String>("backup").cloned(),
            system: matches.get_one::<u64>("system").copied().map(SystemIdentifier),
        })
    }

    /// For the choice of the base backup.
    pub fn wish(&self) -> RestoreTarget<'_> {
        let Self { target, inclusive, timeline, backup, .. } = self;
        RestoreTarget {
            target,
            inclusive: *inclusive,
            timeline: *timeline,
            backup: backup.as_deref(),
        }
    }
}

fn target(matches: &ArgMatches) -> Result<RecoveryTarget> {
    let text = |name: &str| matches.get_one::<String>(name);
    if let Some(time) = text("target-time") {
        let parsed = parse_time(time, local_zone)?;
        return past(parsed, Timestamp::now()).map(RecoveryTarget::Time);
    }
    if let Some(lsn) = text("target-lsn") {
        let parsed: Result<Lsn, _> = lsn.parse();
        return parsed.map(RecoveryTarget::Lsn).map_err(|error| Error::new(Class::Usage, error.0));
    }
    if let Some(xid) = text("target-xid") {
        return xid.parse().map(RecoveryTarget::Xid).map_err(|_| {
            let message =
                format!("expected the number of a transaction for --target-xid, found {xid:?}");
            Error::new(Class::Usage, message)
        });
    }
    if let Some(name) = text("target-name") {
        return parse_name(name);
    }
    let immediate = matches.get_flag("target-immediate");
    Ok(if immediate { RecoveryTarget::Immediate } else { RecoveryTarget::Latest })
}

/// That of the server at `postgres.connection`, or the one that this host takes base backups of. `None` where neither tells.
pub fn ours(
    config: &Config,
    repositories: &[Repository],
    candidates: &[SystemIdentifier],
) -> Option<SystemIdentifier> {
    let Limits { connect, request, .. } = config.limits;
    let session = ServerSession::open(&config.connection, connect, request).ok();
    let running = session.map(|it| it.facts.system).filter(|it| candidates.contains(it));
    let ours = running.or_else(|| noted(config, repositories, candidates))?;
    let why = match running {
        Some(_) => "it is that of the running server",
        None => "this host takes base backups of it",
    };
    tracing::warn!("there are several systems under this cluster name, and {ours} counts: {why}");
    Some(ours)
}
