//! Restoring, and what every server that comes out of it has to stand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::backups_in;
use crate::archiving::commands::Seawall;
use crate::support::postgres::Server;
use crate::support::run::{Outcome, Run};

pub const LIMIT: Duration = Duration::from_secs(60);

/// `basebackup restore`, with nobody to be asked.
pub fn restore(seawall: &Seawall, data: &Path, words: &[&str]) -> Outcome {
    restoring(seawall, data).args(words).run()
}

pub fn restoring(seawall: &Seawall, data: &Path) -> Run {
    seawall.base_backup_by_hand("restore").arg("--yes").arg(data).limit(LIMIT)
}

/// PostgreSQL's own program finds every relation of every database as it should be.
#[track_caller]
pub fn is_sound(server: &Server) {
    let words = ["--all", "--install-missing", "--heapallindexed"];
    let outcome = server.tool("pg_amcheck").args(words).run();
    assert_eq!(outcome.expect(0).stdout, "", "{outcome}");
}

/// PostgreSQL's own program finds in a data directory what `backup_manifest` says. Where the WAL of
/// the backup is not inside, it can't be looked at.
#[track_caller]
pub fn is_verified(server: &Server, data: &Path, with_wal: bool) {
    let words: &[&str] = if with_wal { &[] } else { &["--no-parse-wal"] };
    server.tool("pg_verifybackup").args(words).arg(data).run().expect(0);
}

/// Starts a server on what was restored and waits for the end of its recovery.
#[track_caller]
pub fn recovered(mut server: Server) -> Server {
    server.start();
    server.wait_promoted(LIMIT);
    assert_eq!(server.sql("show archive_mode"), "off");
    is_sound(&server);
    server
}

/// The ids of the base backups in a local repository, those that ended first first. The ids of backups
/// that began within a second have no order.
pub fn ids(repository: &Path) -> Vec<String> {
    let described = |folder: &PathBuf| -> serde_json::Value {
        let text = fs::read(folder.join("backup.json")).expect("our own file");
        serde_json::from_slice(&text).expect("JSON")
    };
    let mut found: Vec<_> = backups_in(repository).iter().map(described).collect();
    found.sort_by_key(|it| it["stop"]["time"].as_str().map(str::to_owned));
    found.iter().map(|it| it["id"].as_str().expect("an id").to_owned()).collect()
}
