//! Standbys fed from the archive alone, their promotion, and recovery across the switch.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::archiving::commands::{
    Seawall, copy_folder, each_version, nothing_but_information, stored,
};
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, OLDEST, Server};
use crate::support::run::Run;
use crate::support::wait::poll;

const LIMIT: Duration = Duration::from_secs(60);

each_version!(a_promotion_is_archived_and_recovered_across);

/// A primary dies with rows in its unfinished segment, which is saved by hand. One standby is promoted
/// with it, the other follows through the archive.
fn a_promotion_is_archived_and_recovered_across(version: u32) {
    let scene = Scene::new(version);
    let mut primary = scene.builder().archive_command(&scene.seawall.push()).init();
    primary.start();
    primary.sql("create table t (a text)");
    primary.base_backup(&scene.place.join("backup"));
    let mut heir = scene.standby("heir");
    let mut follower = scene.standby("follower");
    insert(&primary, "archived by the primary");
    primary.wait_archived(&primary.switch_wal(), LIMIT);
    scene.has(&heir, &["archived by the primary"]);

    insert(&primary, "in the unfinished segment");
    let unfinished = primary.sql("select pg_walfile_name(pg_current_wal_lsn())");
    primary.kill_nine();
    scene.save(&primary, &heir, &unfinished);
    scene.has(&heir, &["archived by the primary", "in the unfinished segment"]);
    heir.promote();
    insert(&heir, "after the promotion");
    heir.wait_archived(&heir.switch_wal(), LIMIT);
    let all = ["after the promotion", "archived by the primary", "in the unfinished segment"];
    scene.has(&follower, &all);
    assert!(follower.sql("select pg_is_in_recovery()") == "t");
    let contents = heir.contents();
    let partial = format!("{unfinished}.partial");
    let bytes = stored(&scene.archive, &heir, &partial).expect("the partial segment is archived");
    assert!(stored(&scene.archive, &heir, &unfinished).is_none());
    assert!(stored(&scene.archive, &heir, "00000002.history").is_some());
    scene.partial_is_handed_over_by_its_own_name_only(&heir, &unfinished, &bytes);
    follower.kill_nine();
    for server in [&heir, &follower] {
        nothing_but_information(&server.log());
    }
    heir.kill_nine();
    heir.lose_data();
    primary.lose_data();

    let old = scene.recover("old", "1");
    assert_eq!(old.sql("select a from t order by a"), all[1], "{}", old.log());
    let new = scene.recover("new", "latest");
    assert_eq!(new.contents(), contents, "{}", new.log());
    assert_eq!(new.sql("select a from t order by a"), all.join("\n"));
}

#[test]
fn a_history_of_the_first_timeline_is_never_missed() {
    let scene = Scene::new(OLDEST);
    let mut server = scene.builder().archive_command(&scene.seawall.push()).init();
    server.start();
    server.wait_archived(&server.switch_wal(), LIMIT);
    let target = scene.place.join("fetched");
    let fetch = |name: &str| scene.seawall.fetch_by_hand(server.data(), name, &target).run();
    fetch("00000001.history").expect(1);
    fetch("00000002.history").expect(1);
}

/// With `archive_mode = always` a standby archives what it was fed, too.
#[test]
fn a_standby_that_archives_finds_the_same_content() {
    let scene = Scene::new(NEWEST);
    let mut primary = scene.builder().archive_command(&scene.seawall.push()).init();
    primary.start();
    primary.sql("create table t (a text)");
    primary.base_backup(&scene.place.join("backup"));
    let mut standby = scene.over_backup("standby");
    standby.set("archive_mode", "always");
    standby.stand_by_with(&scene.seawall.fetch());
    standby.start();
    insert(&primary, "a row");
    let segment = primary.switch_wal();
    primary.wait_archived(&segment, LIMIT);
    scene.has(&standby, &["a row"]);
    standby.wait_archived(&segment, LIMIT);
    let log = standby.log();
    assert!(log.contains("INFO the same content is already archived"), "{log}");
    nothing_but_information(&log);
}

struct Scene {
    place: Place,
    version: u32,
    seawall: Seawall,
    archive: PathBuf,
}

impl Scene {
    fn new(version: u32) -> Scene {
        let place = Place::with_odd_name();
        let seawall = Seawall::new(&place).local("archive");
        let archive = place.join("archive");
        Scene { place, version, seawall, archive }
    }

    fn builder(&self) -> crate::support::postgres::Builder {
        Server::builder(&self.place).version(self.version)
    }

    fn over_backup(&self, name: &str) -> Server {
        let data = self.place.join(name);
        copy_folder(&self.place, &self.place.join("backup"), &data);
        self.builder().setting("wal_retrieve_retry_interval", "100ms").over(data)
    }

    fn standby(&self, name: &str) -> Server {
        let mut standby = self.over_backup(name);
        standby.stand_by_with(&self.seawall.fetch());
        standby.start();
        standby
    }

    /// A recovery of the first base backup to the end of a timeline. It archives nothing: its own
    /// timeline would be the newest one for the next recovery.
    fn recover(&self, name: &str, timeline: &str) -> Server {
        let mut restored = self.over_backup(name);
        restored.set("archive_mode", "off");
        restored.set("recovery_target_timeline", timeline);
        restored.recover_with(&self.seawall.fetch());
        restored.start();
        restored.wait_promoted(LIMIT);
        nothing_but_information(&restored.log());
        restored
    }

    /// What an administrator does after a crash of the primary: the newest rows are in no archive.
    fn save(&self, from: &Server, to: &Server, segment: &str) {
        let (source, target) = (from.data().join("pg_wal"), to.data().join("pg_wal"));
        let under_way = target.join("under-way");
        let copy = Run::new(&self.place, "cp").arg("-p").arg(source.join(segment)).arg(&under_way);
        copy.run().expect(0);
        fs::rename(under_way, target.join(segment)).expect("our own folder");
    }

    #[track_caller]
    fn has(&self, server: &Server, rows: &[&str]) {
        let found = || server.try_sql("select a from t order by a").unwrap_or_default();
        let all = poll(LIMIT, || (found() == rows.join("\n")).then_some(()));
        assert!(all.is_some(), "{rows:?}, found {}\n{}", found(), server.log());
    }

    fn partial_is_handed_over_by_its_own_name_only(
        &self,
        server: &Server,
        name: &str,
        bytes: &[u8],
    ) {
        let target = self.place.folder("by-hand").join("fetched");
        let fetch = |name: &str| self.seawall.fetch_by_hand(server.data(), name, &target).run();
        fetch(name).expect(1).says("not in the archive");
        assert!(!Path::exists(&target));
        fetch(&format!("{name}.partial")).expect(0);
        assert!(fs::read(&target).expect("fetched") == bytes);
    }
}

fn insert(server: &Server, row: &str) {
    server.sql(&format!("insert into t values ('{row}')"));
}
