//! `redis-backup` against real Redis and Valkey servers, folders and buckets.

pub mod crashes;
mod damage;
mod disks;
mod fallen;
mod faults;
mod load;
mod moments;
mod refused;
mod rights;
mod stories;
mod taken_back;
mod targets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::support::place::Place;
use crate::support::redis::RedisServer;
use crate::support::run::Run;

const LIMIT: Duration = Duration::from_secs(60);

/// A verb of the program, told where the server and the repositories are.
pub fn redis_backup(server: &RedisServer, repositories: &[String], verb: &str) -> Run {
    let repositories = repositories.iter().flat_map(|url| ["--repository", url.as_str()]);
    let run = Run::new(server.place(), env!("CARGO_BIN_EXE_redis-backup")).server_user();
    let url = format!("redis://127.0.0.1:{}", server.port());
    run.arg(verb).args(repositories).args(["--redis-url", &url]).limit(LIMIT)
}

pub fn folder(place: &Place, name: &str) -> String {
    place.folder(name).display().to_string()
}

/// The backups that `list` shows.
#[track_caller]
fn listed(server: &RedisServer, repositories: &[String]) -> Vec<Value> {
    let outcome = redis_backup(server, repositories, "list").arg("--json").run();
    let list: Value = serde_json::from_str(&outcome.stdout).unwrap();
    list["backups"].as_array().unwrap().clone()
}

/// All files of backups in a folder.
pub fn objects(repository: &str) -> Vec<PathBuf> {
    let backups = std::fs::read_dir(Path::new(repository).join("redis/main"));
    let backups = backups.into_iter().flatten().flatten();
    let files = backups.flat_map(|backup| std::fs::read_dir(backup.path()).into_iter().flatten());
    let mut files: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    files
}

/// The server's configuration file as a restore is shown it, with its folder.
pub fn conf(server: &RedisServer, folder: &Path, appendonly: &str) -> PathBuf {
    let text = format!("dir {}\nappendonly {appendonly}\n", folder.display());
    server.place().file(&format!("redis-{appendonly}.conf"), text)
}
