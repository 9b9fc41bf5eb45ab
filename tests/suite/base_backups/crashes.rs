//! `basebackup restore` is killed at every place where it leaves something else behind. No server starts on
//! what it left, and the same command, run again, comes to its end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::base_backup;
use crate::archiving::commands::{Seawall, copy_folder};
use crate::support::place::Place;
use crate::support::postgres::{Installation, NEWEST, Server};
use crate::support::run::{Outcome, Run};

const LIMIT: Duration = Duration::from_secs(60);
const VERSION: u32 = NEWEST;

/// Every place where a restore into an empty folder can die before it is done. The notes that it replaces are
/// the mark of an unfinished directory, the control file under another name, settings, and the signal file.
const POINTS: [&str; 18] = [
    "restore.folders-made",
    "local.replacement-written",
    "restore.marked",
    "restore.folders-laid",
    "restore.file-begun",
    "restore.file-written",
    "restore.file-begun:500",
    "restore.part-laid",
    "restore.part-laid:1",
    "restore.map-laid",
    "restore.manifest-laid",
    "local.replacement-written:1",
    "restore.control-file-laid",
    "restore.synced",
    "local.replacement-written:2",
    "restore.settings-written",
    "local.replacement-written:3",
    "restore.signal-written",
];

/// Now all is done.
const LAST: &str = "restore.control-file-named";

/// Where `--delta` finds other things to do.
const OF_DELTA: [&str; 8] = [
    "restore.marked",
    "restore.strays-removed",
    "restore.file-begun",
    "restore.part-laid",
    "restore.control-file-laid",
    "restore.synced",
    "restore.settings-written",
    "restore.signal-written",
];
/// The same of `--replace`.
const OF_REPLACE: [&str; 5] = [
    "restore.aside-moved",
    "restore.folders-made",
    "restore.marked",
    "restore.part-laid",
    "restore.signal-written",
];

pub fn all_points() -> Vec<&'static str> {
    [&POINTS[..], &OF_DELTA, &OF_REPLACE, &[LAST]].concat()
}

/// A server that was backed up, went on, and was lost.
struct Lost {
    place: Place,
    seawall: Seawall,
    /// Of its tablespace.
    oid: String,
    contents: String,
}

impl Lost {
    fn new() -> Lost {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let builder = Server::builder(&place).version(VERSION).segment_mib(1);
        let mut server = builder.archive_command(&seawall.push()).init();
        server.start();
        let location = place.folder("tablespace");
        server.sql(&format!("create tablespace elsewhere location '{}'", location.display()));
        let oid = server.sql("select oid from pg_tablespace where spcname = 'elsewhere'");
        server.sql("create table far tablespace elsewhere as select generate_series(1, 1000) i");
        server.sql("create table near as select generate_series(1, 1000) i");
        base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
        server.sql(
            "insert into far select generate_series(1001, 2000); delete from near where i < 9",
        );
        let contents = server.contents();
        server.wait_archived(&server.switch_wal(), LIMIT);
        server.kill_nine();
        server.lose_data();
        Lost { place, seawall, oid, contents }
    }

    fn data(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    /// Where its tablespace goes.
    fn far(&self, name: &str) -> PathBuf {
        self.place.join(format!("{name}-far"))
    }

    fn restore(&self, name: &str, options: &[&str]) -> Run {
        let tablespace = format!("{}={}", self.oid, self.far(name).display());
        let run = self.seawall.base_backup_by_hand("restore").arg(self.data(name));
        run.args(["--yes", "--tablespace", &tablespace]).args(options).limit(LIMIT)
    }

    #[track_caller]
    fn dies_at(&self, point: &str, name: &str, options: &[&str]) {
        let outcome = self.restore(name, options).env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(outcome.signal, Some(9), "it did not die at {point}: {outcome}");
    }

    /// Kills it there, and has the same command do the rest.
    #[track_caller]
    fn dies_and_goes_on(&self, point: &str, name: &str, options: &[&str]) -> Outcome {
        self.dies_at(point, name, options);
        self.refuses_to_start(name, point);
        let again = self.restore(name, options).run();
        assert_eq!(again.status, Some(0), "after {point}: {again}");
        again
    }

    /// PostgreSQL itself says no.
    #[track_caller]
    fn refuses_to_start(&self, name: &str, point: &str) {
        let program = Installation::of(VERSION).program("postgres");
        let run = Run::new(&self.place, &program).server_user().arg("-D").arg(self.data(name));
        let outcome = run.args(["-c", "listen_addresses="]).limit(LIMIT).run();
        assert!(matches!(outcome.status, Some(1 | 2)), "{point}: {outcome}");
    }

    /// A server recovers to the end, and has every row.
    #[track_caller]
    fn is_back(&self, name: &str, point: &str) {
        let builder = Server::builder(&self.place).version(VERSION);
        let mut server = builder.over(self.data(name));
        server.start();
        server.wait_promoted(LIMIT);
        assert_eq!(server.contents(), self.contents, "{point}");
        server.kill_nine();
        server.lose_data();
        fs::remove_dir_all(self.far(name)).expect("our own folder");
    }

    /// File for file what a restore brings that nobody killed. Only the places of tablespaces differ.
    #[track_caller]
    fn is_like(&self, name: &str, other: &str, point: &str) {
        for (one, two) in [(self.data(name), self.data(other)), (self.far(name), self.far(other))] {
            let differ = Run::new(&self.place, "diff").args(["-rq", "-x", "tablespace_map"]);
            let differ = differ.args(["-x", "backup_manifest", "-x", &self.oid]);
            let outcome = differ.arg(&one).arg(&two).run();
            assert_eq!(outcome.status, Some(0), "{point}: {outcome}");
        }
    }
}

#[test]
fn killed_anywhere_no_server_starts_and_the_same_command_finishes() {
    let lost = Lost::new();
    lost.restore("reference", &[]).run().expect(0);
    for point in POINTS {
        let _ = fs::remove_dir_all(lost.data("data"));
        let _ = fs::remove_dir_all(lost.far("data"));
        lost.dies_and_goes_on(point, "data", &[]);
        lost.is_like("data", "reference", point);
    }
    lost.is_back("data", "all");
}

/// Once the control file has its name, all else is there.
#[test]
fn killed_at_its_very_end_the_server_starts() {
    let lost = Lost::new();
    lost.dies_at(LAST, "data", &[]);
    lost.is_back("data", LAST);
}

#[test]
fn a_delta_restore_that_is_killed_is_finished_too() {
    let lost = Lost::new();
    lost.restore("reference", &[]).run().expect(0);
    lost.restore("data", &[]).run().expect(0);
    for point in OF_DELTA {
        has_been_in_use(&lost.data("data"));
        lost.dies_and_goes_on(point, "data", &["--delta"]);
        lost.is_like("data", "reference", point);
    }
    lost.is_back("data", "all");
}

/// Without the option a directory that is not finished is finished all the same: the option says what
/// may happen to one that somebody has used.
#[test]
fn a_delta_restore_that_is_killed_is_finished_without_the_option() {
    let lost = Lost::new();
    lost.restore("data", &[]).run().expect(0);
    has_been_in_use(&lost.data("data"));
    lost.dies_at("restore.part-laid", "data", &["--delta"]);
    let again = lost.restore("data", &[]).run();
    assert!(again.expect(0).stdout.contains("(continues an interrupted restore)\n"));
    lost.is_back("data", "restore.part-laid");
}

/// Changes, loses and gains files.
fn has_been_in_use(data: &Path) {
    let changed = File::options().write(true).open(data.join("base/1/2619")).expect("there");
    changed.set_len(0).expect("our own file");
    fs::remove_file(data.join("PG_VERSION")).expect("there");
    fs::write(data.join("base/1/99999"), "of a table that was created later")
        .expect("root or owner");
    fs::write(data.join("PG_VERSION"), "18\n").expect("root or owner");
    crate::support::user::hand_over(data);
}

#[test]
fn a_restore_that_replaces_keeps_the_old_directory_once() {
    let lost = Lost::new();
    lost.restore("reference", &[]).run().expect(0);
    copy_folder(&lost.place, &lost.data("reference"), &lost.data("data"));
    for point in OF_REPLACE {
        fs::write(lost.data("data").join("note"), point).expect("root or owner");
        let _ = fs::remove_dir_all(lost.far("data"));
        lost.dies_and_goes_on(point, "data", &["--replace"]);
        lost.is_like("data", "reference", point);
        let old = old_directories(&lost.place);
        assert_eq!(old.len(), 1, "{point}: {old:?}");
        assert_eq!(fs::read_to_string(old[0].join("note")).expect("kept"), point);
        fs::remove_dir_all(&old[0]).expect("our own folder");
    }
    lost.is_back("data", "all");
}

/// The old directory's tablespaces are kept as it is: within their folders. Killed between the two moves, the same command
/// finds them by the links of what it moved.
#[test]
fn a_restore_that_replaces_keeps_the_old_tablespaces_too() {
    let lost = Lost::new();
    lost.restore("reference", &[]).run().expect(0);
    lost.restore("data", &[]).run().expect(0);
    let far = lost.far("data");
    let versions = || {
        let names = fs::read_dir(&far).expect("there").flatten().map(|it| it.file_name());
        let mut names: Vec<String> = names.map(|it| it.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let [version] = &versions()[..] else { panic!("one version is there") };
    fs::write(far.join(version).join("note"), "of the old one").expect("root or owner");
    // Without the option: the links tell.
    let run = || {
        let run = lost.seawall.base_backup_by_hand("restore").arg(lost.data("data"));
        run.args(["--yes", "--replace"]).limit(LIMIT)
    };
    let outcome = run().env("SEAWALL_FAILPOINT", "restore.aside-moved").run();
    assert_eq!(outcome.signal, Some(9), "{outcome}");
    assert_eq!(versions(), std::slice::from_ref(version));
    run().run().expect(0).shows(&format!("tablespace  {} into {}", lost.oid, far.display()));
    let [new, old] = &versions()[..] else { panic!("expected two, found {:?}", versions()) };
    assert_eq!(new, version);
    assert!(old.starts_with(&format!("{version}.old-")), "{old}");
    assert!(far.join(old).join("note").exists() && !far.join(new).join("note").exists());
    fs::remove_dir_all(far.join(old)).expect("our own folder");
    lost.is_like("data", "reference", "--replace");
    lost.is_back("data", "--replace");
}

/// Beside `data`, moved away.
fn old_directories(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.path()).expect("our own folder").flatten();
    let old = |path: &PathBuf| path.to_string_lossy().contains("data.old-");
    entries.map(|entry| entry.path()).filter(old).collect()
}
