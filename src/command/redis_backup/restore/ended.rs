//! What `redis-backup restore` says of its plan and of its end: the plan as JSON, the result in words and as JSON.
//!
//! The plan names the file that the server reads at its start: with another configuration it would read another file.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use crate::backup::Backup;
use crate::command::restored::Done;
use crate::command::shown::{count, size, tenths};
use crate::redis_backup::{Aof, RedisDescription, RedisTarget};
use crate::repository::Repository;
use crate::words::{plain, two_units};

/// How many it has in all databases.
pub fn keys(it: &RedisDescription) -> u64 {
    it.keys.iter().map(|keys| keys.keys).sum()
}

/// What the server reads at its start.
pub fn reads(target: &RedisTarget) -> String {
    match target.aof {
        Aof::Off => target.dbfilename.clone(),
        Aof::Single => target.appendfilename.clone(),
        Aof::MultiPart => format!("{}/{}.manifest", target.appenddirname, target.appendfilename),
    }
}

/// The plan, for programs.
pub fn told(
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

pub fn done(
    backup: &Backup<RedisDescription>,
    target: &RedisTarget,
    kept: &[PathBuf],
    compared: bool,
    begun: Instant,
) -> Done {
    let (took, keys) = (begun.elapsed(), keys(&backup.facts));
    let kept: Vec<_> = kept.iter().map(|path| path.to_string_lossy()).collect();
    let result = json!({
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
            "Start the server: it loads {}. What was there before is kept beside it.",
            reads(target)
        ),
    };
    let (id, keys, size) = (&backup.id, count(keys, "key"), size(backup.size()));
    let took = two_units(took.as_secs());
    let words = format!("Backup {id} is restored into {dir}: {keys}, {size}, in {took}.\n{next}\n");
    Done { words: words.lines().map(|line| plain(line) + "\n").collect(), result }
}
