//! `redis-backup restore`: the plan, the files, and whether the server has all keys again.
//!
//! `ended` is what programs read of the plan, and all that is said at the end.

mod ended;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};

use self::ended::{keys, reads};
use super::compare::{Comparing, LOADING, STARTING};
use crate::backup::Backup;
use crate::cli::progress::SharedBar;
use crate::cli::{asked, flags};
use crate::command::backups::{choose, is_latest, read, refuse_fallen};
use crate::command::restored::{self, Asking, Ending, run_hook};
use crate::command::shown::{at_seconds, count, size, tenths};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::redis_backup::RedisRestore;
use crate::redis_backup::{
    Product, RdbVersion, RedisContent, RedisDescription, RedisTarget, ServerConnection, ServerInfo,
    TargetOverrides,
};
use crate::repository::{self, Repository};
use crate::words::plain;

const SHORT: &str = "Restores a backup so that the server loads it";

const ABOUT: &str = "Restores a backup so that the server loads it

What the server reads at its start depends on its configuration: an RDB file that is put beside an append-only
file is ignored. So the configuration is looked at (--conf), and what it reads is written. What was there is kept
beside it under another name. The server must be stopped.";

pub fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let path =
        |name, value, help| option(name, value, help).value_parser(clap::value_parser!(PathBuf));
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new("restore")
        .about(SHORT)
        .long_about(ABOUT)
        .arg(
            Arg::new("id")
                .value_name("ID")
                .help("Id of the backup, or its beginning; default: the newest whole one"),
        )
        .arg(path("conf", "FILE", "The redis.conf that the server is started with"))
        .arg(path("dir", "DIRECTORY", "The server's folder, if it is not the one in --conf"))
        .arg(option("dbfilename", "NAME", "Name of the RDB file, if not as in --conf"))
        .arg(
            option(
                "appendonly",
                "WORD",
                "Whether the server reads an append-only file, if not as in --conf",
            )
            .value_parser(["yes", "no"]),
        )
        .arg(option("server-version", "VERSION", "Version of the server, if another than it was"))
        .arg(option(
            "before",
            "COMMAND",
            "Run before anything is touched, such as 'systemctl stop redis'",
        ))
        .arg(option(
            "after",
            "COMMAND",
            "Run at the end, such as 'systemctl start redis'; then keys are compared",
        ))
        .arg(switch(
            "compare",
            "Wait for the server to be started, and compare its keys with the backup's",
        ));
    let command = asked::with_plan(command);
    flags::with_settings(command, &["redis"])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let options = RedisRestoreOptions {
        config,
        id: text("id"),
        conf: matches.get_one::<PathBuf>("conf").cloned(),
        overrides: TargetOverrides {
            dir: matches.get_one::<PathBuf>("dir").cloned(),
            dbfilename: text("dbfilename"),
            appendonly: text("appendonly").map(|word| word == "yes"),
            version: text("server-version"),
            likely: None,
        },
        before: text("before"),
        after: text("after"),
        compare: matches.get_flag("compare"),
    };
    let bar = SharedBar::new("restore");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let ending = restored::asking(matches, |asking| restore(&options, asking, &progress));
    drop(bar);
    restored::end(matches, ending, "could not restore Redis")
}

struct RedisRestoreOptions<'a> {
    config: &'a Config,
    /// The beginning of an id; the newest whole backup without it.
    id: Option<String>,
    /// The server's configuration file.
    conf: Option<PathBuf>,
    overrides: TargetOverrides,
    /// Commands of the user's, run before anything is touched and at the end.
    before: Option<String>,
    after: Option<String>,
    /// Whether to ask the server, once it runs, for its keys.
    compare: bool,
}

/// Makes a plan, has it agreed to, and carries it out.
fn restore(
    options: &RedisRestoreOptions<'_>,
    asking: &mut Asking<'_>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Ending> {
    let config = options.config;
    let repositories = repository::open_all(config, None)?;
    let identities = repository::identities(config)?;
    let series = read::<RedisDescription>(config, &repositories);
    let backup = choose(&series, &repositories, options.id.as_deref())?;
    if is_latest(options.id.as_deref()) {
        refuse_fallen(&series)?;
    }
    let there = seen(config);
    let target = target(options, &backup.facts, there.as_ref())?;
    let unfinished = target.is_unfinished()?;
    let words = plan(backup, &target, &repositories, unfinished);
    let told = ended::told(backup, &target, &repositories, unfinished, &words);
    if !asking.agreed(&words)? {
        return Ok(Ending::planned(told));
    }
    let begun = Instant::now();
    if let Some(command) = &options.before {
        run_hook("before", command, &target.dir)?;
    }
    refuse_its_server(config, &target)?;
    let (size, done) = (backup.size(), AtomicU64::new(0));
    let counted = |bytes| progress(done.fetch_add(bytes, Ordering::Relaxed) + bytes, size);
    let (_, laid) = RedisRestore {
        config,
        repositories: &repositories,
        identities: &identities,
        series: &series,
        backup,
        target: &target,
        progress: &counted,
    }
    .run()?;
    for path in &laid.kept {
        tracing::info!(path = %path.display(), "what was there is kept");
    }
    if !asking.in_words {
        tracing::info!(backup = %backup.id, seconds = tenths(begun.elapsed()), "restored");
    }
    if let Some(command) = &options.after {
        run_hook("after", command, &target.dir)?;
    }
    let compared = options.compare || options.after.is_some();
    if compared {
        let before = there.as_ref().map(|it| it.run_id.as_str());
        let patience = if options.after.is_some() { STARTING } else { LOADING };
        Comparing { config, backup, target: &target, before, patience }.run(begun)?;
    }
    let done = ended::done(backup, &target, &laid.kept, compared, begun);
    Ok(Ending { plan: told, done: Some(done), error: None })
}

fn plan(
    backup: &Backup<RedisDescription>,
    target: &RedisTarget,
    repositories: &[Repository],
    unfinished: bool,
) -> String {
    let it = &backup.facts;
    let places = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let places = places.filter_map(|copy| repositories.get(copy.repository));
    let places: Vec<&str> = places.map(Repository::name).collect();
    let (reads, keys) = (reads(target), keys(it));
    let kind = match it.content {
        RedisContent::Rdb => "an RDB file",
        RedisContent::AppendOnly => "an append-only file",
    };
    let first = ("first", "carries a restore that was interrupted there to its end".to_owned());
    let lines = [
        (
            "backup",
            format!("{}, of {}", backup.id, at_seconds(it.moment().unwrap_or(backup.began))),
        ),
        ("from", places.join(", then ")),
        ("data", format!("{} in {kind}, {} to write", count(keys, "key"), size(backup.size()))),
        ("into", target.dir.display().to_string()),
        ("the server", format!("reads {reads} there; what is in its way is kept beside it")),
    ];
    let lines = unfinished.then_some(first).into_iter().chain(lines);
    lines.map(|(key, value)| format!("{key:<12}{}\n", plain(&value))).collect()
}

/// The server that answers now, if one does: it may be the one that is restored, or any other.
fn seen(config: &Config) -> Option<ServerInfo> {
    ServerConnection::connect(&config.redis, &config.limits)
        .and_then(|mut server| server.facts())
        .ok()
}

/// What the server will read, and whether it can.
fn target(
    options: &RedisRestoreOptions<'_>,
    backup: &RedisDescription,
    there: Option<&ServerInfo>,
) -> Result<RedisTarget> {
    let mut overrides = options.overrides.clone();
    overrides.likely = overrides.likely.or(backup.appendonly);
    overrides.version.get_or_insert_with(|| match backup.product {
        Product::Redis => backup.version.clone(),
        // Whatever its number, it reads the files of Redis 7.
        Product::Valkey => "7".to_owned(),
    });
    let running = |target: &RedisTarget| {
        let persistence = there.and_then(|it| it.persistence.as_ref());
        persistence.filter(|it| target.is_of(it)).cloned()
    };
    // What runs there tells what nothing else does.
    let target = match RedisTarget::read(options.conf.as_deref(), &overrides) {
        Err(error) if error.class() == Class::Usage => {
            let anyhow = TargetOverrides { likely: Some(false), ..overrides.clone() };
            let target = RedisTarget::read(options.conf.as_deref(), &anyhow)?;
            running(&target).map(|_| target).ok_or(error)
        }
        target => target,
    };
    let mut target = target?;
    let running = running(&target);
    if let Some(running) = running.as_ref().filter(|_| options.overrides.appendonly.is_none()) {
        target.like(running);
    }
    if let Some(master) = target.replica_of.as_ref().filter(|master| *master != "no") {
        let message =
            format!("expected a server with data of its own, found a replica of {master}");
        return Err(Error::new(Class::Input, message).hint(
            "It would replace what is restored by its master's data: restore the master, or take replicaof out.",
        ));
    }
    let reader = there.filter(|_| running.is_some());
    refuse_older(options, backup, &target, reader)?;
    Ok(target)
}

/// A server reads no file of a later version than its own: it would not start.
fn refuse_older(
    options: &RedisRestoreOptions<'_>,
    backup: &RedisDescription,
    target: &RedisTarget,
    running: Option<&ServerInfo>,
) -> Result<()> {
    let Some(file) = RdbVersion::of_server(backup.product, &backup.version) else { return Ok(()) };
    let of = |version: &str| {
        let known = [Product::Redis, Product::Valkey].map(|it| RdbVersion::of_server(it, version));
        (format!("version {version}"), known.into_iter().flatten().collect::<Vec<_>>())
    };
    let readers = match (&options.overrides.version, running, target.reader()) {
        (Some(version), ..) => of(version),
        (None, Some(it), _) => {
            let reader = RdbVersion::of_server(it.product, &it.version);
            (format!("{} {}", it.product, it.version), reader.into_iter().collect())
        }
        (None, None, Some(reader)) => (format!("one that wrote {reader} there"), vec![reader]),
        (None, None, None) => return Ok(()),
    };
    if readers.1.is_empty() || readers.1.iter().any(|reader| reader.reads(file)) {
        return Ok(());
    }
    let message = format!(
        "expected a server that reads the data of {} {} ({file}), found {}",
        backup.product, backup.version, readers.0
    );
    Err(Error::new(Class::Input, message).hint(
        "It would not start with them. Restore with a server that is as new, or say which one it will be: --server-version.",
    ))
}

/// A server in another container shows only over its connection. One that does not answer uses nothing.
fn refuse_its_server(config: &Config, target: &RedisTarget) -> Result<()> {
    match seen(config).and_then(|it| it.persistence) {
        Some(persistence) if target.is_of(&persistence) => {
            let (dir, address) = (&target.dir, &config.redis.address);
            let message = format!("a server is running on {dir:?}, the one at {address}");
            Err(Error::new(Class::Input, message).hint(
                "Stop it first (--before 'systemctl stop redis'); at its end it would write its own data over them.",
            ))
        }
        _ => Ok(()),
    }
}
