use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{LIMIT, Scene, keys};
use crate::archiving::commands::Seawall;
use crate::base_backups::base_backup;
use crate::scene::{KeyPair, error};
use crate::support::place::Place;
use crate::support::postgres::NEWEST;
use crate::support::run::Run;

/// Length and times of all files below a folder.
fn seen(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(seen(&path));
        } else {
            let meta = entry.metadata().unwrap();
            found.insert(path, (meta.size(), meta.mtime(), meta.mtime_nsec()));
        }
    }
    found
}

#[test]
fn the_repository_gets_a_record_and_nothing_else() {
    let scene = Scene::new(NEWEST);
    let before = keys(&scene.archive());
    scene.drill().run().expect(0);
    let after = keys(&scene.archive());
    let new: Vec<&String> = after.difference(&before).collect();
    assert!(before.is_subset(&after));
    assert_eq!(new.len(), 1, "{new:?}");
    assert!(new[0].starts_with("history/postgres/main/") && new[0].ends_with("-drill.json"));
}

/// The worst that can happen on the host of the real server: the WAL creates a tablespace, whose folder is
/// the one that the real server uses.
#[test]
fn a_tablespace_of_the_real_server_is_not_touched() {
    let mut scene = Scene::new(NEWEST);
    let location = scene.place.folder("newer");
    scene.server.sql(&format!("create tablespace newer location '{}'", location.display()));
    scene.server.sql("create table u tablespace newer as select generate_series(1, 10000) i");
    scene.archived();
    // In the WAL there are more rows than in the files.
    scene.server.sql("checkpoint");
    scene.server.stop(crate::support::postgres::Stop::Fast);
    let before = seen(&location);
    let real = seen(&scene.place.join("tablespace"));
    let outcome = scene.drill().run();
    let error = error(&outcome);
    assert!(outcome.status == Some(4) && error.contains(": it creates tablespace "), "{outcome}");
    assert!(
        error.ends_with(
            "HINT: A tablespace was created after the base backup; a drill writes in its own folder only. Take a \
             base backup, then drill that one."
        ),
        "{outcome}"
    );
    assert_eq!(seen(&location), before);
    assert_eq!(seen(&scene.place.join("tablespace")), real);
    scene.nothing_is_left();
    scene.server.start();
    assert_eq!(scene.server.sql("select count(*) from u"), "10000");
    base_backup(&scene.seawall, &scene.server, "create").limit(LIMIT).run().expect(0);
    scene.archived();
    scene.drill().args(["--assert", "select count(*) = 10000 from u"]).run().expect(0);
}

#[test]
fn two_at_once_do_not_meet() {
    let scene = Scene::new(NEWEST);
    let both = [scene.drill().start(), scene.drill().start()];
    for drill in both {
        drill.finish().expect(0);
    }
    assert_eq!(scene.records().len(), 2);
    scene.nothing_is_left();
}

#[test]
fn an_encrypted_repository_is_rehearsed_with_its_key() {
    let place = Place::new();
    let pair = KeyPair::new(&place);
    let config = place.file("seawall.toml", KeyPair::recipients(&[&pair]));
    let seawall =
        Seawall::new(&place).local("archive").option("--config", config.to_str().unwrap());
    let scene = Scene::with(place, seawall, NEWEST);
    let without = scene.drill().run();
    without.expect(3).says("HINT");
    let key = pair.file.to_str().unwrap();
    let outcome = scene.drill().args(["--encryption-identity-file", key]).run();
    outcome.expect(0);
    let passed: Vec<_> = scene.records().iter().map(|it| it["passed"].as_bool()).collect();
    assert_eq!(passed, [Some(true)], "without the key nothing was learnt of the backup");
    scene.nothing_is_left();
}

#[test]
fn root_has_to_name_a_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let scene = Scene::new(NEWEST);
    let drill = |words: &[&str]| {
        let program = scene.place.program(env!("CARGO_BIN_EXE_basebackup"));
        scene.place.program(env!("CARGO_BIN_EXE_wal-fetch"));
        let postgres = crate::support::postgres::Installation::of(NEWEST).program("postgres");
        let run = Run::new(&scene.place, program.to_str().unwrap()).arg("drill").limit(LIMIT);
        let run = run.arg("--repository").arg(scene.archive());
        let run = run.arg("--drill-directory").arg(scene.place.join("drills"));
        run.arg("--drill-postgres-bin")
            .arg(Path::new(&postgres).parent().unwrap())
            .args(words)
            .run()
    };
    assert_eq!(
        error(drill(&[]).expect(2)),
        "a drill does not run as root. HINT: Name the user that runs PostgreSQL: basebackup drill --user postgres."
    );
    assert_eq!(
        error(drill(&["--user", "nobody-of-this-name"]).expect(2)),
        "there is no user \"nobody-of-this-name\""
    );
    let account = crate::support::user::server_account().unwrap();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let uid = account.uid.to_string();
    let name = passwd.lines().find(|line| line.split(':').nth(2) == Some(&uid)).unwrap();
    drill(&["--user", name.split(':').next().unwrap()]).expect(0);
    scene.nothing_is_left();
}
