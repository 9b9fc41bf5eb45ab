//! A directory is a running server's until that is ruled out, wherever the restore is called.

use std::fs;
use std::path::PathBuf;

use super::base_backup;
use super::sound::{LIMIT, restore};
use crate::archiving::commands::Seawall;
use crate::namespace;
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, Server};

struct Scene {
    place: Place,
    seawall: Seawall,
    server: Server,
}

fn scene() -> Scene {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let builder = Server::builder(&place).version(NEWEST).segment_mib(1);
    let mut server = builder.archive_command(&seawall.push()).init();
    server.start();
    server.sql("create table t as select generate_series(1, 100) i");
    base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
    server.wait_archived(&server.switch_wal(), LIMIT);
    Scene { place, seawall, server }
}

impl Scene {
    fn aside(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.place.path()).expect("our own folder").flatten();
        let aside = |path: &PathBuf| path.to_string_lossy().contains(".old-");
        entries.map(|entry| entry.path()).filter(aside).collect()
    }
}

#[test]
fn a_running_server_is_seen_with_and_without_its_pid_file() {
    let mut scene = scene();
    let data = scene.server.data().to_owned();
    let pid_file = data.join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).expect("it runs");
    let refused = |words: &[&str]| {
        let outcome = restore(&scene.seawall, &data, words);
        let message = format!("a server is running on {data:?}, process ");
        outcome.expect(6).says(&message).says("HINT: Stop it first, or stop it with --before.");
    };
    for words in [["--delta"], ["--replace"]] {
        refused(&words);
    }
    // Before anybody agrees to anything.
    refused(&["--delta", "--dry-run"]);
    // Its first line is of another namespace of processes.
    fs::write(&pid_file, text.replacen(text.lines().next().expect("a line"), "999999999", 1))
        .expect("root or owner");
    refused(&["--delta"]);
    fs::write(&pid_file, &text).expect("root or owner");
    assert_eq!(scene.aside(), [""; 0].map(PathBuf::from));
    scene.server.restart();
    assert_eq!(scene.server.sql("select count(*) from t"), "100");
}

/// From a container with the same volume the server's process is not to be seen.
#[test]
fn a_server_of_another_namespace_is_not_taken_for_dead() {
    let mut scene = scene();
    let data = scene.server.data().to_owned();
    let program = env!("CARGO_BIN_EXE_basebackup");
    let archive = scene.place.join("archive");
    for (mode, ipc) in
        [("--delta", ""), ("--replace", ""), ("--delta", "--ipc"), ("--replace", "--ipc")]
    {
        let text = format!(
            "unshare --pid --fork --mount-proc {ipc} $as '{program}' restore '{}' --repository '{}' --yes {mode}",
            data.display(),
            archive.display()
        );
        let Some(run) = namespace::script(&scene.place, &text) else { return };
        let outcome = run.limit(LIMIT).run();
        outcome.expect(6);
        if ipc.is_empty() {
            outcome.says(&format!("a server is running on {data:?}, process "));
        } else {
            let remove = format!("remove the file: rm '{}'", data.join("postmaster.pid").display());
            outcome.says("this host can't see whether that server runs").says(&remove);
        }
    }
    assert_eq!(scene.aside(), [""; 0].map(PathBuf::from));
    scene.server.restart();
    assert_eq!(scene.server.sql("select count(*) from t"), "100");
}

/// What a crash leaves is no server, as far as that can be known; and the hint of where it can't leads on.
#[test]
fn what_a_crash_has_left_is_restored_over() {
    let mut scene = scene();
    let data = scene.server.data().to_owned();
    scene.server.kill_nine();
    let pid_file = data.join("postmaster.pid");
    assert!(pid_file.exists());
    restore(&scene.seawall, &data, &["--delta", "--target-immediate"]).expect(0);
    assert!(!pid_file.exists());
    // Of a container whose server was process 1, seen from the next one.
    fs::write(
        &pid_file,
        "1\n/var/lib/postgresql/data\n1732307400\n5432\n/tmp\n*\n  1  1\nready   \n",
    )
    .expect("root or owner");
    let program = env!("CARGO_BIN_EXE_basebackup");
    let text = format!(
        "unshare --pid --fork --mount-proc --ipc $as '{program}' restore '{}' --repository '{}' --yes --delta",
        data.display(),
        scene.place.join("archive").display()
    );
    let Some(run) = namespace::script(&scene.place, &text) else { return };
    let remove =
        format!("If it crashed and runs nowhere, remove the file: rm '{}'", pid_file.display());
    run.limit(LIMIT).run().expect(6).says("which names process 1: ").says(&remove);
    fs::remove_file(&pid_file).expect("root or owner");
    namespace::script(&scene.place, &text).expect("as before").limit(LIMIT).run().expect(0);
}
