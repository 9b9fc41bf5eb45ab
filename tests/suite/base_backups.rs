//! `basebackup create` on real servers, and what becomes of what it makes.

mod beside;
mod checksums;
mod connections;
pub mod crashes;
mod create;
mod disks;
mod elsewhere;
pub mod faults;
mod hard_databases;
mod leavings;
mod no_archiving;
mod own_server;
mod owners;
mod places;
mod planted;
mod promised;
mod relations;
mod restore;
mod running;
pub mod sound;
mod standalone;
mod standby;
mod stores;
mod systems;
mod targets;
mod timelines;
mod waiting;
mod zones;

use std::fs;
use std::path::{Path, PathBuf};

use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::run::Run;

/// `basebackup VERB`, told where the server is and into which repositories to write.
pub fn base_backup(seawall: &Seawall, server: &Server, verb: &str) -> Run {
    seawall.base_backup_by_hand(verb).envs(server.connection())
}

/// The folders of the base backups in a local repository that have a description, oldest first.
pub fn backups_in(repository: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        folders_in(repository).into_iter().filter(|it| it.join("backup.json").exists()).collect();
    found.sort();
    found
}

/// All folders of base backups, finished or not.
pub fn folders_in(repository: &Path) -> Vec<PathBuf> {
    let systems = fs::read_dir(repository.join("postgres/main")).into_iter().flatten().flatten();
    let backups = systems.flat_map(|system| fs::read_dir(system.path().join("basebackups")));
    backups.flatten().flatten().map(|entry| entry.path()).collect()
}

/// Lays a base backup down with `zstd` and `tar` alone, checks it with PostgreSQL's own program, and
/// returns the data directory. Tablespaces go into folders beside it.
#[track_caller]
pub fn unpack_by_hand(place: &Place, server: &Server, backup: &Path, name: &str) -> PathBuf {
    let data = place.folder(name);
    let description: serde_json::Value =
        serde_json::from_slice(&fs::read(backup.join("backup.json")).unwrap()).unwrap();
    let script = |script: String| {
        Run::new(place, "/bin/sh").server_user().args(["-euc", &script]).run().expect(0);
    };
    script(format!("chmod 700 '{}'", data.display()));
    for part in description["parts"].as_array().unwrap() {
        let folder = match part["tablespace"].as_u64() {
            Some(oid) => place.join(format!("{name}-{oid}")),
            None => data.clone(),
        };
        let object = backup.join(part["object"].as_str().unwrap());
        let sum = part["sha256"].as_str().unwrap();
        script(format!(
            "echo '{sum}  {object}' | sha256sum -c --quiet; mkdir -p '{folder}'; zstd -dc '{object}' | tar -x -C '{folder}'",
            object = object.display(),
            folder = folder.display()
        ));
    }
    let tablespaces = description["tablespaces"].as_array().unwrap().iter();
    let moved: Vec<(u64, PathBuf)> = tablespaces
        .map(|it| it["oid"].as_u64().unwrap())
        .map(|oid| (oid, place.join(format!("{name}-{oid}"))))
        .collect();
    for (oid, folder) in &moved {
        script(format!("ln -s '{}' '{}/pg_tblspc/{oid}'", folder.display(), data.display()));
    }
    script(format!(
        "zstd -dc '{}/backup_manifest.zst' > '{}/backup_manifest'",
        backup.display(),
        data.display()
    ));
    server.tool("pg_verifybackup").arg("--no-parse-wal").arg(&data).run().expect(0);
    // The old map would lead the server to the old folders.
    for (at, (oid, folder)) in moved.iter().enumerate() {
        let redirect = if at == 0 { ">" } else { ">>" };
        let map = data.join("tablespace_map");
        script(format!("echo '{oid} {}' {redirect} '{}'", folder.display(), map.display()));
    }
    data
}
