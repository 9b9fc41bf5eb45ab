//! A timeline is left, and the server that was replaced goes on archiving: what a recovery makes of it.

use std::path::PathBuf;
use std::time::Duration;

use crate::archiving::commands::{
    Seawall, copy_folder, each_version, lines_of_level, nothing_but_information, stored,
};
use crate::base_backups::base_backup;
use crate::base_backups::sound::restore;
use crate::support::place::Place;
use crate::support::postgres::{Server, Stop};
use crate::support::run::Run;
use crate::support::wait::poll;

const LIMIT: Duration = Duration::from_secs(60);

/// A base backup, an old primary whose timeline was left in the middle of a segment, and the server that left it.
struct Fork {
    place: Place,
    version: u32,
    archive: PathBuf,
    seawall: Seawall,
    old: Server,
    heir: Server,
    /// The segment in which timeline 1 was left.
    unfinished: String,
}

impl Fork {
    /// The rows 1 to 4 are of both; 5 and 6 of the old primary, in archived segments; 100 of the heir, which has
    /// archived nothing but its history.
    fn new(version: u32) -> Fork {
        let place = Place::with_odd_name();
        let seawall = Seawall::new(&place).local("archive");
        let archive = place.join("archive");
        let builder = || Server::builder(&place).version(version).segment_mib(1);
        let mut old = builder().archive_command(&seawall.push()).init();
        old.start();
        old.sql("create table t (row int)");
        old.base_backup(&place.join("backup"));
        base_backup(&seawall, &old, "create").run().expect(0);
        (1..=3).for_each(|row| insert(&old, row));
        old.wait_archived(&old.switch_wal(), LIMIT);
        let mut heir = over_backup(&place, version, "heir");
        heir.stand_by_with(&seawall.fetch());
        heir.start();
        has_rows(&heir, "1 2 3");
        insert(&old, 4);
        let unfinished = old.sql("select pg_walfile_name(pg_current_wal_lsn())");
        let (from, to) = (old.data().join("pg_wal"), heir.data().join("pg_wal"));
        let under_way = to.join("under-way");
        Run::new(&place, "cp")
            .arg("-p")
            .arg(from.join(&unfinished))
            .arg(&under_way)
            .run()
            .expect(0);
        std::fs::rename(under_way, to.join(&unfinished)).expect("our own folder");
        has_rows(&heir, "1 2 3 4");
        heir.promote();
        heir.wait_archived("00000002.history", LIMIT);
        insert(&heir, 100);
        insert(&old, 5);
        old.switch_wal();
        insert(&old, 6);
        old.wait_archived(&old.switch_wal(), LIMIT);
        Fork { place, version, archive, seawall, old, heir, unfinished }
    }

    fn over_backup(&self, name: &str) -> Server {
        over_backup(&self.place, self.version, name)
    }

    fn plan(&self) -> String {
        restore(&self.seawall, &self.place.join("nothing"), &["--dry-run"]).expect(0).stdout.clone()
    }

    fn recovered(&self, name: &str, timeline: &str) -> Server {
        let mut server = self.over_backup(name);
        // It archives nothing: its own timeline would be the newest one for the next recovery.
        server.set("archive_mode", "off");
        server.set("recovery_target_timeline", timeline);
        server.recover_with(&self.seawall.fetch());
        server.start();
        server.wait_promoted(LIMIT);
        server
    }
}

fn over_backup(place: &Place, version: u32, name: &str) -> Server {
    copy_folder(place, &place.join("backup"), &place.join(name));
    let builder = Server::builder(place).version(version);
    builder.setting("wal_retrieve_retry_interval", "100ms").over(place.join(name))
}

fn insert(server: &Server, row: u32) {
    server.sql(&format!("insert into t values ({row})"));
}

fn rows(server: &Server) -> String {
    server.try_sql("select string_agg(row::text, ' ' order by row) from t").unwrap_or_default()
}

#[track_caller]
fn has_rows(server: &Server, expected: &str) {
    let all = poll(LIMIT, || (rows(server) == expected).then_some(()));
    assert!(all.is_some(), "{expected}, found {}\n{}", rows(server), server.log());
}

each_version!(a_line_that_was_left_is_never_replayed_behind_the_place);

fn a_line_that_was_left_is_never_replayed_behind_the_place(version: u32) {
    let mut fork = Fork::new(version);
    let mut follower = fork.over_backup("follower");
    follower.set("archive_mode", "off");
    follower.stand_by_with(&fork.seawall.fetch());
    follower.start();
    has_rows(&follower, "1 2 3");

    let plan = fork.plan();
    let beware = "beware      timeline 2 has archived nothing yet: it ends where that left timeline 1, at 0/";
    assert!(plan.contains(beware) && plan.contains("continue with --target-timeline 1"), "{plan}");
    let mut restored = fork.recovered("restored", "latest");
    assert_eq!(rows(&restored), "1 2 3 4", "{}", restored.log());
    let history = std::fs::read_to_string(restored.data().join("pg_wal/00000003.history"));
    let history = history.expect("it was promoted");
    let left = history.lines().find(|line| line.starts_with("1\t")).expect("timeline 1");
    assert!(!history.lines().any(|line| line.starts_with("2\t") && line < left), "{history}");
    let warnings = restored.log();
    let warnings = lines_of_level(&warnings, "WARN");
    let own = format!("00000002{}", &fork.unfinished[8..]);
    assert!(
        !warnings.is_empty()
            && warnings[0].contains("timeline 2 left timeline 1 at ")
            && warnings[0].contains(&format!("its own segment {own} is in no repository"))
            && warnings[0]
                .contains("HINT: If timeline 2 was a mistake and timeline 1 is the right one"),
        "{warnings:#?}"
    );
    // What was handed over is not the whole segment, and must never stand for it.
    let path = restored.data().join("pg_wal").join(&fork.unfinished);
    if path.exists() {
        let archive = fork.place.join("archive");
        let whole = || crate::archiving::commands::stored(&archive, &restored, &fork.unfinished);
        let before = whole();
        let push = || fork.seawall.push_by_hand(restored.data(), &path, &fork.unfinished).run();
        let outcome = push();
        outcome.expect(0).says(
            " was not archived: it is the copy that wal-fetch handed over to this recovery up to",
        );
        assert!(before.is_some() && whole() == before, "{outcome}");
        // Nobody has the rest of it: it must not take its name.
        let key = archive.join(crate::archiving::commands::key(&restored, &fork.unfinished));
        let away = archive.join("away");
        std::fs::rename(&key, &away).expect("our own folder");
        let outcome = push();
        outcome
            .expect(7)
            .says(", and no repository has the complete file any more. HINT: If what it holds");
        assert!(!key.exists(), "{outcome}");
        std::fs::rename(&away, &key).expect("our own folder");
    }
    restored.stop(Stop::Fast);
    assert_eq!(rows(&fork.recovered("old line", "1")), "1 2 3 4 5 6");

    // The follower waits for the new line, without a word at each question.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(rows(&follower), "1 2 3", "{}", follower.log());
    let log = follower.log();
    assert_eq!(lines_of_level(&log, "WARN").len(), 1, "{log}");
    fork.heir.wait_archived(&fork.heir.switch_wal(), LIMIT);
    has_rows(&follower, "1 2 3 4 100");
    follower.kill_nine();
    fork.old.kill_nine();
    assert_eq!(rows(&fork.recovered("new line", "latest")), "1 2 3 4 100");
}

each_version!(a_missing_last_segment_before_a_switch_stops_a_recovery);

/// The history says that the timeline went on behind it.
fn a_missing_last_segment_before_a_switch_stops_a_recovery(version: u32) {
    let mut fork = Fork::new(version);
    if version.is_multiple_of(2) {
        // Else the history alone proves it.
        fork.heir.wait_archived(&fork.heir.switch_wal(), LIMIT);
    }
    fork.old.kill_nine();
    // The segment with the rows 1 to 3, and all of the timeline behind it.
    let number = u32::from_str_radix(&fork.unfinished[16..], 16).expect("a segment");
    let name = |number: u32| format!("{}{number:08X}", &fork.unfinished[..16]);
    let last = name(number - 1);
    for gone in [number - 1, number, number + 1].map(name) {
        let key = crate::archiving::commands::key(&fork.old, &gone);
        std::fs::remove_file(fork.archive.join(key)).expect("it was archived");
    }
    assert!(stored(&fork.archive, &fork.old, &last).is_none());
    let plan = fork.plan();
    assert!(plan.contains("gap         then WAL is missing up to 0/"), "{plan}");
    let mut server = fork.over_backup("restored");
    for timeline in ["latest", "1"] {
        // It archives nothing: its own timeline would be the newest one for the next recovery.
        server.set("archive_mode", "off");
        server.set("recovery_target_timeline", timeline);
        server.recover_with(&fork.seawall.fetch());
        let log = server.start_expecting_failure();
        let said = format!(
            "{last} is in no repository, but 00000002.history, which says that timeline 1 was left behind it, at "
        );
        assert!(log.contains(&said) && log.contains("exited with exit code 211"), "{log}");
    }
    let mut standby = fork.over_backup("standby");
    standby.stand_by_with(&fork.seawall.fetch());
    standby.start();
    std::thread::sleep(Duration::from_millis(500));
    assert!(standby.runs());
    assert_eq!(rows(&standby), "");
    nothing_but_information(&fork.heir.log());
}
