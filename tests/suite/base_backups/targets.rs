//! Where recovery ends: on either side of a commit, and what is said where it can't end.

mod commits;
mod started;

use std::fs;
use std::path::Path;

use super::sound::{LIMIT, ids, restore};
use super::{backups_in, base_backup};
use crate::archiving::commands::Seawall;
use crate::scene::error;
use crate::support::place::Place;
use crate::support::postgres::{Builder, NEWEST, OLDEST, Server};

struct Scene {
    place: Place,
    seawall: Seawall,
    version: u32,
}

impl Scene {
    fn new(version: u32) -> Scene {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        Scene { place, seawall, version }
    }

    fn builder(&self) -> Builder {
        Server::builder(&self.place).version(self.version).segment_mib(1)
    }

    /// A server with a base backup, and an empty table `t`.
    fn backed_up(&self, builder: Builder) -> Server {
        let mut server = builder.archive_command(&self.seawall.push()).init();
        server.start();
        server.sql("create table t (i int)");
        base_backup(&self.seawall, &server, "create").run().expect(0);
        server
    }

    /// The end of the server; its WAL is in the archive.
    fn lose(&self, mut server: Server) {
        server.wait_archived(&server.switch_wal(), LIMIT);
        server.kill_nine();
        server.lose_data();
    }
}

/// A backup can't be restored to a moment before its end, not even to one in the same second.
#[test]
fn a_moment_while_a_backup_was_taken_needs_an_older_one() {
    let scene = Scene::new(NEWEST);
    let server = scene.backed_up(scene.builder());
    let mut create =
        base_backup(&scene.seawall, &server, "create").arg("--rate-limit=40MiB").start();
    // While it is still being sent, so before its end.
    let query = "insert into t values (1); \
        select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
        from pg_stat_progress_basebackup where phase = 'streaming database files'";
    let mut times = Vec::new();
    while !create.ended() {
        times.push(server.sql(query));
    }
    create.finish().expect(0);
    let system = server.system_identifier().to_string();
    scene.lose(server);
    let ids = ids(&scene.place.join("archive"));
    let plan = |words: &[&str]| {
        let outcome =
            restore(&scene.seawall, &scene.place.join("data"), &[words, &["--dry-run"]].concat());
        outcome.expect(0).stdout.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(plan(&[]), format!("backup      {} (seawall)", ids[1]));
    let newest = scene.place.join("archive/postgres/main").join(system).join("basebackups");
    let description = fs::read(newest.join(&ids[1]).join("backup.json")).expect("our own file");
    let description: serde_json::Value = serde_json::from_slice(&description).expect("JSON");
    let stop = description["stop"]["time"].as_str().unwrap().to_owned();
    let last = times.iter().rfind(|time| !time.is_empty()).expect("some time while it was taken");
    assert!(*last < stop, "{last} is not before {stop}");
    assert_eq!(plan(&["--target-time", last]), format!("backup      {} (seawall)", ids[0]));
    assert_eq!(plan(&["--target-time", &stop]), format!("backup      {} (seawall)", ids[1]));
}

#[test]
fn a_target_in_no_window_is_refused_and_nothing_touched() {
    let scene = Scene::new(OLDEST);
    let server = scene.backed_up(scene.builder());
    server.sql("insert into t values (1)");
    scene.lose(server);
    let folder = &backups_in(&scene.place.join("archive"))[0];
    let id = folder.file_name().and_then(|name| name.to_str()).expect("an id");
    let description = fs::read(folder.join("backup.json")).expect("our own file");
    let description: serde_json::Value = serde_json::from_slice(&description).expect("JSON");
    let stop = |key: &str| description["stop"][key].as_str().expect("a text").to_owned();
    let ended = stop("time").replace('T', " ").replace('Z', "");
    let ended = format!("{}+00", ended.trim_end_matches('0').trim_end_matches('.'));
    let data = scene.place.join("data");
    let plan = restore(&scene.seawall, &data, &["--dry-run"]);
    let reach = plan.expect(0).stdout.split_once(" to 0/").and_then(|(_, it)| it.split_once(' '));
    let reach = format!("0/{}", reach.expect("a place in the WAL").0);
    let targets: [(&[&str], String); 6] = [
        (&["--target-time", "2020-02-02 20:20:20Z"], format!("it ended at {ended}")),
        (&["--target-lsn", "0/1"], format!("it is consistent only from {} on", stop("lsn"))),
        (&["--target-lsn", "7/0"], format!("its WAL goes up to {reach} only")),
        (&["--target-timeline", "2"], "timeline 2 can't be reached from it without a gap".into()),
        (
            &["--target-timeline", "2", "--target-xid", "9999"],
            "timeline 2 can't be reached from it without a gap".into(),
        ),
        (
            &["--target-timeline", "2", "--target-immediate"],
            "timeline 2 can't be reached from it without a gap".into(),
        ),
    ];
    // Neither what is there nor what is not.
    let there = scene.place.folder("there");
    fs::write(there.join("PG_VERSION"), "15\n").expect("our own folder");
    for (words, reason) in targets {
        for (data, more) in [(&data, &[][..]), (&there, &["--replace"])] {
            let marker = scene.place.join("marker");
            let before = format!("touch '{}'", marker.display());
            let words = [words, more, &["--before", &before]].concat();
            let outcome = restore(&scene.seawall, data, &words);
            assert_eq!(
                error(outcome.expect(11)),
                format!(
                    "could not restore into {data:?}: no base backup reaches the target: {id}: {reason}. HINT: \
                     `basebackup list` draws what can be recovered; choose a \
                     target inside a window."
                )
            );
            assert_eq!(outcome.stdout, "");
            assert!(!marker.exists());
        }
    }
    assert!(!data.exists());
    assert_eq!(fs::read_dir(&there).expect("our own folder").count(), 1);
    assert!(fs::read_dir(scene.place.path()).unwrap().flatten().all(|it| !is_aside(&it.path())));
}

fn is_aside(path: &Path) -> bool {
    path.to_string_lossy().contains(".old-")
}
