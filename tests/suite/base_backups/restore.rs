//! `basebackup restore`, and servers that start from what it lays down.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use seawall::basebackup::restore::in_utc;

use super::{backups_in, base_backup};
use crate::archiving::commands::{Seawall, each_version};
use crate::support::place::Place;
use crate::support::postgres::{Installation, NEWEST, OLDEST, Server};
use crate::support::run::{Outcome, Run};

const LIMIT: Duration = Duration::from_secs(60);

/// A server that was backed up and then went on: rows 1 to 100 are in the backup, 101 to 200 before the
/// restore point `before`, 201 to 300 behind it, and at the end the table was dropped.
struct Story {
    place: Place,
    seawall: Seawall,
    version: u32,
    /// A moment, a place and a transaction between row 200 and row 201.
    time: String,
    lsn: String,
    /// The transaction that inserted rows 201 to 300.
    xid: String,
    oid: String,
}

impl Story {
    fn new(version: u32) -> Story {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let builder = Server::builder(&place).version(version).segment_mib(1);
        // For servers that are started from what was restored.
        let sockets = place.sockets().display().to_string();
        let builder = builder.setting("unix_socket_directories", &sockets).setting("port", "6001");
        let mut server = builder.archive_command(&seawall.push()).init();
        server.start();
        let location = place.folder("tablespace");
        server.sql(&format!("create tablespace elsewhere location '{}'", location.display()));
        let oid = server.sql("select oid from pg_tablespace where spcname = 'elsewhere'");
        server.sql("create table t tablespace elsewhere as select generate_series(1, 100) i");
        base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
        server.sql("insert into t select generate_series(101, 200)");
        server.sql("select pg_create_restore_point('before')");
        let lsn = server.current_lsn();
        // Times of commits are what a target time is compared with.
        let time =
            server.sql("select pg_sleep(0.05); select clock_timestamp(); select pg_sleep(0.05)");
        let time = time.lines().find(|line| line.contains(':')).expect("a time").to_owned();
        let xid = server.sql(
            "with x as (insert into t select generate_series(201, 300) returning 1) \
             select distinct pg_current_xact_id()::xid from x",
        );
        server.sql("drop table t");
        server.wait_archived(&server.switch_wal(), LIMIT);
        server.kill_nine();
        server.lose_data();
        fs::remove_dir_all(&location).expect("our own folder");
        Story { place, seawall, version, time, lsn, xid, oid }
    }

    fn data(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    fn restore(&self, name: &str, arguments: &[&str]) -> Outcome {
        let tablespace =
            format!("{}={}", self.oid, self.data(&format!("{name}-elsewhere")).display());
        let run = self.seawall.base_backup_by_hand("restore").arg(self.data(name));
        run.args(["--tablespace", &tablespace]).args(arguments).limit(LIMIT).run()
    }

    /// How many rows a server has that starts from there and recovers to its end; `None` without the table.
    fn rows(&self, name: &str) -> Option<u32> {
        let mut server = Server::builder(&self.place).version(self.version).over(self.data(name));
        server.start();
        server.wait_promoted(LIMIT);
        assert_eq!(server.sql("show archive_mode"), "off");
        let rows = server.try_sql("select count(*) from t").ok();
        server.kill_nine();
        rows.map(|rows| rows.parse().expect("a number"))
    }
}

each_version!(a_server_comes_back_as_it_was_at_any_moment);

fn a_server_comes_back_as_it_was_at_any_moment(version: u32) {
    let story = Story::new(version);
    let targets: [(&str, &[&str], Option<u32>); 8] = [
        ("time", &["--target-time", &story.time], Some(200)),
        ("lsn", &["--target-lsn", &story.lsn], Some(200)),
        ("name", &["--target-name", "before"], Some(200)),
        ("xid", &["--target-xid", &story.xid], Some(300)),
        ("exclusive", &["--target-xid", &story.xid, "--target-exclusive"], Some(200)),
        ("immediate", &["--target-immediate"], Some(100)),
        ("latest", &[], None),
        ("current", &["--target-timeline", "current", "--target-lsn", &story.lsn], Some(200)),
    ];
    for (name, arguments, rows) in targets {
        story.restore(name, &[arguments, &["--yes"]].concat()).expect(0);
        assert_eq!(story.rows(name), rows, "{name}");
    }
}

/// As if all files had been written at the beginning of 2020.
fn stored_long_ago(folder: &Path) {
    let then = SystemTime::from("2020-01-01T00:00:00Z".parse::<Timestamp>().expect("a time"));
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path()) {
        match path.is_dir() {
            true => stored_long_ago(&path),
            false => fs::File::open(&path).and_then(|it| it.set_modified(then)).expect("ours"),
        }
    }
}

#[test]
fn the_plan_is_shown_before_anything_is_touched() {
    let story = Story::new(NEWEST);
    let id = backups_in(&story.place.join("archive"))[0].clone();
    let id = id.file_name().and_then(|name| name.to_str()).expect("an id");
    let now = Timestamp::now();
    let there = now.to_zoned(TimeZone::fixed(Offset::constant(1)));
    let there = there.strftime("%Y-%m-%d %H:%M:%S%.f+01").to_string();
    let plan = story.restore("data", &["--target-time", &there, "--dry-run"]);
    plan.expect(0);
    for line in [
        &format!("backup      {id} (seawall)\n"),
        "from        local\n",
        &format!("target      {}\n", in_utc(now)),
        ", without a gap\n",
        "archiving   off in this server, so that a test can't write into a repository: ALTER SYSTEM SET archive_mode = \
         'on' and a restart \
         turn it on; so does --archive\n",
    ] {
        assert!(plan.stdout.contains(line), "{line:?} in {plan}");
    }
    assert!(!story.data("data").exists());
    let archives = story.restore("data", &["--archive", "--dry-run"]);
    assert!(!archives.expect(0).stdout.contains("archiving "), "{archives}");
    let beware = "beware      this WAL was stored by 2020-01-01 00:00:00+00, before the target: the server will not start\n";
    assert!(!plan.stdout.contains(beware), "{plan}");
    stored_long_ago(&story.place.join("archive"));
    let plan = story.restore("data", &["--target-time", &there, "--dry-run"]);
    assert!(plan.expect(0).stdout.contains(beware), "{plan}");
    story
        .restore("data", &["--target-time", "2099-12-31 23:00:00Z", "--yes"])
        .expect(2)
        .says("for --target-time, found 2099-12-31 23:00:00+00. HINT: Without a target");
    // Nobody to be asked.
    story.restore("data", &[]).expect(2).says("there is no terminal to ask on. HINT: Add --yes.");
    assert!(!story.data("data").exists());
    let early = story.restore("data", &["--target-lsn", "0/1", "--yes"]);
    early.expect(11).says("no base backup reaches the target: ");
    assert!(!story.data("data").exists());
}

#[test]
fn what_is_there_is_refused_kept_aside_or_brought_up_to_date() {
    let story = Story::new(OLDEST);
    story.restore("data", &["--target-immediate", "--yes"]).expect(0);
    story.restore("data", &["--yes"]).expect(6).says(
        "has files in it. HINT: --replace moves it aside and keeps it; --delta writes \
         only what differs from the backup.",
    );
    story.restore("data", &["--target-immediate", "--yes", "--delta"]).expect(0);
    assert_eq!(story.rows("data"), Some(100));
    let before = old_directories(&story.place);
    assert_eq!(before.len(), 0);
    fs::remove_dir_all(story.data("data-elsewhere")).expect("our own folder");
    story.restore("data", &["--target-name", "before", "--yes", "--replace"]).expect(0);
    assert_eq!(old_directories(&story.place).len(), 1);
    assert_eq!(story.rows("data"), Some(200));
}

/// Beside `data`, moved away.
fn old_directories(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.path()).expect("our own folder").flatten();
    let old = |path: &Path| path.to_string_lossy().contains("data.old-");
    entries.map(|entry| entry.path()).filter(|path| old(path)).collect()
}

/// The whole of a restore in one command: hooks, start, replay, and how long it took.
#[test]
fn one_command_restores_starts_and_waits_for_the_end() {
    let story = Story::new(OLDEST);
    let (before, after) = (story.place.join("before"), story.place.join("after"));
    let ignored = |path: &Path| format!("grep SigIgn /proc/self/status >'{}'", path.display());
    let around = ["--before", &ignored(&before), "--after", &ignored(&after)];
    let options = ["--target-name", "before", "--yes", "--start"];
    let tablespace = format!("{}={}", story.oid, story.data("data-elsewhere").display());
    let restore = story.seawall.base_backup_by_hand("restore").arg(story.data("data"));
    let restore = restore.args(["--tablespace", &tablespace]).args(around).args(options);
    let outcome = restore.env("PGUSER", "postgres").limit(LIMIT).run();
    let stop = Server::builder(&story.place).over(story.data("data")).tool("pg_ctl");
    let stopped = stop.args(["stop", "-m", "immediate", "-D"]).arg(story.data("data")).run();
    outcome.expect(0).says("the server takes writes").says("rto_seconds=");
    stopped.expect(0);
    // What is caught here ends them: SIGPIPE and SIGXFSZ, 13 and 25.
    for path in [&before, &after] {
        let text = fs::read_to_string(path).expect("the hook wrote it");
        let ignored = text.trim().rsplit('\t').next().map(|bits| u64::from_str_radix(bits, 16));
        assert_eq!(ignored.expect("bits").expect("a number") & (1 << 12 | 1 << 24), 0, "{text}");
    }
}

/// What the hook starts inherits its environment, `restore_command` included.
#[test]
fn a_server_that_a_hook_starts_finds_its_wal_and_is_followed() {
    let story = Story::new(16);
    let pg_ctl = Installation::of(16).program("pg_ctl");
    let log = story.place.join("hook.log");
    let start = format!("'{pg_ctl}' start --no-wait -D \"$1\" -l '{}'", log.display());
    let options = ["--target-name", "before", "--yes", "--after", &start, "--follow"];
    let tablespace = format!("{}={}", story.oid, story.data("data-elsewhere").display());
    let restore = story.seawall.base_backup_by_hand("restore").arg(story.data("data"));
    let restore = restore.args(["--tablespace", &tablespace]).args(options);
    let outcome = restore.env("PGUSER", "postgres").limit(LIMIT).run();
    let stop = Run::new(&story.place, &pg_ctl).server_user().args(["stop", "-m", "fast", "-D"]);
    let stopped = stop.arg(story.data("data")).run();
    outcome.expect(0).says("the server takes writes");
    stopped.expect(0);
    assert_eq!(story.rows("data"), Some(200));
}

#[test]
fn a_hook_that_fails_stops_everything_before_it_begins() {
    let story = Story::new(NEWEST);
    let outcome = story.restore("data", &["--yes", "--before", "exit 3"]);
    outcome.expect(2).says("--before failed with exit status: 3: exit 3");
    assert!(!story.data("data").exists());
}
