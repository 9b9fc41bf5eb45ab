//! A drill is killed or interrupted: what it leaves is gone after the next one, and nobody else's folder.

use std::fs;

use rustix::process::Signal;

use super::{LIMIT, Scene};
use crate::support::postgres::NEWEST;
use crate::support::wait::wait_until;

pub const POINTS: [&str; 5] = [
    "restore.file-written:200",
    "restore.signal-written",
    "drill.fetched",
    "drill.started",
    "drill.replayed",
];

/// The processes that work below a folder.
fn servers_in(folder: &std::path::Path) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let works = processes.filter_map(|it| fs::read_link(it.path().join("cwd")).ok());
    works.filter(|path| path.starts_with(folder)).count()
}

#[test]
fn what_a_killed_drill_leaves_is_removed_by_the_next() {
    let scene = Scene::new(NEWEST);
    let drills = scene.place.join("drills");
    for point in POINTS {
        let killed = scene.drill().env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(killed.signal, Some(9), "{point}: {killed}");
        assert_eq!(fs::read_dir(&drills).unwrap().count(), 1, "{point}");
        if point == "drill.replayed" {
            assert!(servers_in(&drills) > 0);
        }
        let records = scene.records().len();
        scene.drill().run().expect(0).says("removed what an interrupted drill left: ");
        scene.nothing_is_left();
        assert_eq!(servers_in(&drills), 0, "{point}");
        assert_eq!(scene.records().len(), records + 1);
    }
}

#[test]
fn a_signal_has_all_cleaned_up() {
    let scene = Scene::new(NEWEST);
    let drills = scene.place.join("drills");
    let cases = [(Signal::TERM, true), (Signal::INT, true), (Signal::TERM, false)];
    for (signal, with_server) in cases {
        let drill = scene.drill().args(["--assert", "select pg_sleep(100) is null"]).start();
        wait_until("the drill to be at work", LIMIT, || match with_server {
            true => servers_in(&drills) > 3,
            false => fs::read_dir(&drills).unwrap().count() > 0,
        });
        let process = rustix::process::Pid::from_raw(drill.pid().cast_signed()).unwrap();
        rustix::process::kill_process(process, signal).unwrap();
        let outcome = drill.finish();
        assert_eq!(outcome.signal, Some(signal.as_raw()), "{outcome}");
        outcome.says("interrupted: the folder of the drill is removed, nothing is recorded");
        scene.nothing_is_left();
        assert_eq!(servers_in(&drills), 0);
        assert_eq!(scene.records().len(), 0);
    }
}

#[test]
fn what_is_in_use_and_what_is_not_ours_stays() {
    let scene = Scene::new(NEWEST);
    let drills = scene.place.join("drills");
    for name in ["seawall-drill-file", "letter"] {
        scene.place.file(&format!("drills/{name}"), "");
    }
    let mut slow = scene.drill().args(["--assert", "select pg_sleep(100) is null"]).start();
    wait_until("the drill to be at work", LIMIT, || servers_in(&drills) > 3);
    scene.drill().run().expect(0).does_not_say("interrupted");
    assert!(!slow.ended());
    slow.kill_nine();
    scene.drill().run().expect(0).says("removed what an interrupted drill left: ");
    let mut names: Vec<_> =
        fs::read_dir(&drills).unwrap().flatten().map(|it| it.file_name()).collect();
    names.sort();
    assert_eq!(names, ["letter", "seawall-drill-file"]);
}
