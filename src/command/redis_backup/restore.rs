//! `redis-backup restore`: the plan, the files, and whether the server has all keys again. Plan and result are told in words for
//! people and as JSON for programs.
//!
//! `server` knows what the server reads at its start, and asks it for its keys.

mod server;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::{ArgMatches, Command};
use serde_json::{Value, json};

use self::server::{Comparing, LOADING, STARTING};
use self::server::{answering, refuse_running, target};
use crate::backup::Backup;
use crate::cli::flags::{path, switch, text};
use crate::cli::progress::SharedBar;
use crate::cli::text::{at_seconds, count, size, tenths};
use crate::cli::{asked, flags};
use crate::command::backups::id_or_newest;
use crate::command::backups::{choose, is_latest, read, refuse_fallen};
use crate::command::restored::{self, Asking, Ending, RestoreDone, run_hook};
use crate::config::Config;
use crate::error::Result;
use crate::redis_backup::RedisRestore;
use crate::redis_backup::{Aof, RedisContent, RedisDescription, RedisTarget, TargetOverrides};
use crate::repository::{self, Repository};
use crate::words::{plain, two_units};

const SHORT: &str = "Restores a backup so that the server loads it";

const ABOUT: &str = "Restores a backup so that the server loads it

The server's configuration says which file it loads at its start: it ignores an RDB file beside an append-only
file. So the restore reads the configuration (--conf), and writes the file that the server will load. It keeps
the earlier files under other names. The server must be stopped.";

pub fn command() -> Command {
    let command = Command::new("restore")
        .about(SHORT)
        .long_about(ABOUT)
        .arg(id_or_newest())
        .arg(path("conf", "FILE", "The redis.conf that the server is started with"))
        .arg(path("dir", "DIRECTORY", "The server's folder, if it is not the one in --conf"))
        .arg(text("dbfilename", "NAME", "Name of the RDB file, if not as in --conf"))
        .arg(
            text(
                "appendonly",
                "WORD",
                "Whether the server loads an append-only file, if not as in --conf",
            )
            .value_parser(["yes", "no"]),
        )
        .arg(text("server-version", "VERSION", "Version of the server, if not that of the backup"))
        .arg(text(
            "before",
            "COMMAND",
            "Run before anything is touched, such as 'systemctl stop redis'",
        ))
        .arg(text(
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
    let there = answering(config);
    let target = target(options, &backup.facts, there.as_ref())?;
    let unfinished = target.is_unfinished()?;
    let words = plan(backup, &target, &repositories, unfinished);
    let told = json_plan(backup, &target, &repositories, unfinished, &words);
    if !asking.agreed(&words)? {
        return Ok(Ending::planned(told));
    }
    let begun = Instant::now();
    if let Some(command) = &options.before {
        run_hook("before", command, &target.dir)?;
    }
    refuse_running(config, &target)?;
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
    let done = result(backup, &target, &laid.kept, compared, begun);
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

/// How many it has in all databases.
fn keys(it: &RedisDescription) -> u64 {
    it.keys.iter().map(|keys| keys.keys).sum()
}

/// What the server reads at its start.
fn reads(target: &RedisTarget) -> String {
    match target.aof {
        Aof::Off => target.dbfilename.clone(),
        Aof::Single => target.appendfilename.clone(),
        Aof::MultiPart => format!("{}/{}.manifest", target.appenddirname, target.appendfilename),
    }
}

/// The plan, for programs.
fn json_plan(
    backup: &Backup<RedisDescription>,
    target: &RedisTarget,
    repositories: &[Repository],
    unfinished: bool,
    words: &str,
) -> Value {
    let whole = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let places = whole.filter_map(|copy| repositories.get(copy.repository)).map(Repository::name);
    let moment = backup.facts.moment().unwrap_or(backup.began);
    json!({
        "id": backup.id,
        "moment": moment.to_string(),
        "repositories": places.collect::<Vec<_>>(),
        "keys": keys(&backup.facts),
        "bytes": backup.size(),
        "into": target.dir.to_string_lossy(),
        "server_reads": reads(target),
        "goes_on": unfinished,
        "words": words,
    })
}

fn result(
    backup: &Backup<RedisDescription>,
    target: &RedisTarget,
    kept: &[PathBuf],
    compared: bool,
    begun: Instant,
) -> RestoreDone {
    let (took, keys) = (begun.elapsed(), keys(&backup.facts));
    let kept: Vec<_> = kept.iter().map(|path| path.to_string_lossy()).collect();
    let json = json!({
        "keys": keys,
        "bytes": backup.size(),
        "kept": kept,
        "compared": compared,
        "seconds": tenths(took),
    });
    let dir = target.dir.display();
    let next = match (compared, kept.is_empty()) {
        (true, _) => "The server has all of its keys.".to_owned(),
        (false, true) => format!("Start the server: it loads {}.", reads(target)),
        (false, false) => format!(
            "Start the server: it loads {}. The earlier files are kept beside it.",
            reads(target)
        ),
    };
    let (id, keys, size) = (&backup.id, count(keys, "key"), size(backup.size()));
    let took = two_units(took.as_secs());
    let words = format!("Backup {id} is restored into {dir}: {keys}, {size}, in {took}.\n{next}\n");
    RestoreDone { words: words.lines().map(|line| plain(line) + "\n").collect(), result: json }
}
