//! A standby is promoted while its archive can't be asked: it becomes a server on the next timeline, as with `cp`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::archiving::commands::{Seawall, copy_folder, each_version};
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, OLDEST, Server};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

/// All calls of one promotion.
const PROMOTION: Duration = Duration::from_secs(40);

each_version!(a_promotion_succeeds_whatever_is_wrong_with_the_archive);

fn a_promotion_succeeds_whatever_is_wrong_with_the_archive(version: u32) {
    let scene = Scene::new(version);
    for (name, breaking) in [
        ("folder away", Scene::take_away as fn(&Scene) -> Option<TcpListener>),
        ("folder closed", Scene::close),
        ("configuration missing", Scene::lose_the_configuration),
        ("configuration wrong", Scene::break_the_configuration),
        ("second repository empty", Scene::add_an_empty_repository),
        ("store hangs", Scene::hang),
        ("nobody answers", Scene::reset),
    ] {
        scene.promote(name, breaking, 2);
    }
}

/// Timeline 2 is left for the next one: its history must keep the line of the one before.
#[test]
fn a_second_promotion_keeps_what_the_first_one_wrote() {
    for version in [OLDEST, NEWEST] {
        let scene = Scene::new(version);
        let mut first = scene.standby("first");
        first.set("archive_mode", "on");
        first.restart();
        first.promote();
        first.sql("insert into t values (2)");
        first.wait_archived(&first.switch_wal(), LIMIT);
        first.kill_nine();
        let history = scene.promote("away", Scene::take_away, 3);
        let lines: Vec<&str> = history.lines().filter(|line| !line.is_empty()).collect();
        assert!(
            lines.len() == 2 && lines[0].starts_with("1\t") && lines[1].starts_with("2\t"),
            "{history}"
        );
    }
}

/// The numbers 2 and 3 are taken. Without the archive the standby knows it all the same.
#[test]
fn a_promotion_without_the_archive_takes_no_number_that_is_taken() {
    for version in [OLDEST, NEWEST] {
        let scene = Scene::new(version);
        for name in ["second", "third"] {
            let mut server = scene.standby(name);
            server.set("archive_mode", "on");
            server.restart();
            server.promote();
            server.sql("insert into t values (2)");
            server.wait_archived(&server.switch_wal(), LIMIT);
            server.kill_nine();
        }
        scene.promote("fourth", Scene::take_away, 4);
    }
}

/// Its copies of the history are gone, too: what it writes then must not be archived, because nothing would lead from
/// the base backups of timeline 1 to it.
#[test]
fn a_history_that_lacks_what_its_parents_has_is_not_archived() {
    let scene = Scene::new(NEWEST);
    let mut first = scene.standby("first");
    first.set("archive_mode", "on");
    first.restart();
    first.promote();
    first.sql("insert into t values (2)");
    first.wait_archived(&first.switch_wal(), LIMIT);
    first.kill_nine();
    let mut second = scene.standby("second");
    wait_until("the second row", LIMIT, || {
        second.try_sql("select count(*) from t").is_ok_and(|it| it == "2")
    });
    scene.take_away();
    let pg_wal = second.data().join("pg_wal");
    fs::remove_file(pg_wal.join("00000002.history")).expect("it follows that");
    for entry in fs::read_dir(pg_wal.join("seawall")).expect("it was asked").flatten() {
        if entry.file_name().to_string_lossy().starts_with("timelines-") {
            fs::remove_dir_all(entry.path()).expect("our own folder");
        }
    }
    second.promote();
    scene.mend();
    let history = pg_wal.join("00000003.history");
    let written = fs::read_to_string(&history).expect("it was promoted");
    assert!(!written.contains("1\t"), "{written}");
    let seawall = Seawall::new(&scene.place).local("archive");
    let push = || seawall.push_by_hand(second.data(), &history, "00000003.history").run();
    push().expect(7).says(
        "could not archive 00000003.history: it must begin with the lines of 00000002.history, and has none of \
         timeline 1",
    );
    // As the hint says.
    let target = scene.place.folder("by hand").join("00000002.history");
    seawall.fetch_by_hand(second.data(), "00000002.history", &target).run().expect(0);
    let parents = fs::read_to_string(&target).expect("fetched");
    fs::write(&history, format!("{parents}{written}")).expect("our own server's");
    push().expect(0);
    second.kill_nine();
}

struct Scene {
    place: Place,
    version: u32,
    /// The configuration that the restore command names.
    configuration: PathBuf,
    fetch: String,
}

impl Scene {
    fn new(version: u32) -> Scene {
        let place = Place::with_odd_name();
        let archive = place.folder("archive");
        let seawall = Seawall::new(&place).local("archive");
        let mut primary = Server::builder(&place)
            .version(version)
            .segment_mib(1)
            .archive_command(&seawall.push())
            .init();
        primary.start();
        primary.sql("create table t (row int)");
        primary.base_backup(&place.join("backup"));
        primary.sql("insert into t values (1)");
        primary.wait_archived(&primary.switch_wal(), LIMIT);
        primary.kill_nine();
        primary.lose_data();
        let configuration = place.file("seawall.toml", toml(&archive));
        let path = configuration.to_str().expect("paths of the tests are UTF-8");
        let fetch = Seawall::new(&place).option("--config", path).fetch();
        Scene { place, version, configuration, fetch }
    }

    fn standby(&self, name: &str) -> Server {
        let data = self.place.join(name);
        copy_folder(&self.place, &self.place.join("backup"), &data);
        let builder = Server::builder(&self.place).version(self.version);
        let mut server = builder
            .setting("wal_retrieve_retry_interval", "100ms")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .over(data);
        server.stand_by_with(&self.fetch);
        server.set("archive_mode", "off");
        server.start();
        wait_until("the row", LIMIT, || {
            server.try_sql("select row from t").is_ok_and(|it| it.starts_with('1'))
        });
        server
    }

    /// Gives the history of the new timeline.
    #[track_caller]
    fn promote(
        &self,
        name: &str,
        breaking: fn(&Scene) -> Option<TcpListener>,
        timeline: u32,
    ) -> String {
        let mut server = self.standby(&format!("standby {name}"));
        // It has asked for what comes next, and so knows of all timelines.
        std::thread::sleep(Duration::from_millis(500));
        let listener = breaking(self);
        let started = Instant::now();
        server.promote();
        let seconds = started.elapsed();
        assert!(seconds < PROMOTION, "{name}: {seconds:?}");
        server.sql("insert into t values (7)");
        let walfile = server.sql("select pg_walfile_name(pg_current_wal_lsn())");
        assert!(
            walfile.starts_with(&format!("{timeline:08X}")),
            "{name}: {walfile}\n{}",
            server.log()
        );
        assert!(!server.log().contains("FATAL:  could not restore"), "{name}\n{}", server.log());
        let history = server.data().join(format!("pg_wal/{timeline:08X}.history"));
        let history = fs::read_to_string(history).expect("it was promoted");
        server.kill_nine();
        server.lose_data();
        self.mend();
        drop(listener);
        history
    }

    fn archive(&self) -> PathBuf {
        self.place.join("archive")
    }

    fn write(&self, toml: &str) {
        let new = self.place.file("new.toml", toml);
        fs::rename(new, &self.configuration).expect("our own file");
    }

    fn mend(&self) {
        if self.place.join("away").exists() {
            fs::rename(self.place.join("away"), self.archive()).expect("our own folder");
        }
        fs::set_permissions(self.archive(), fs::Permissions::from_mode(0o700))
            .expect("our own folder");
        self.write(&toml(&self.archive()));
    }

    fn take_away(&self) -> Option<TcpListener> {
        fs::rename(self.archive(), self.place.join("away")).expect("our own folder");
        None
    }

    fn close(&self) -> Option<TcpListener> {
        fs::set_permissions(self.archive(), fs::Permissions::from_mode(0o000))
            .expect("our own folder");
        None
    }

    fn lose_the_configuration(&self) -> Option<TcpListener> {
        fs::remove_file(&self.configuration).expect("our own file");
        None
    }

    fn break_the_configuration(&self) -> Option<TcpListener> {
        self.write("[wal]\nlook_ahed = 3\n");
        None
    }

    fn add_an_empty_repository(&self) -> Option<TcpListener> {
        let second = self.place.folder("second repository");
        self.write(&(toml(&self.archive()) + &toml(&second)));
        None
    }

    /// It takes connections, and never says a word.
    fn hang(&self) -> Option<TcpListener> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        self.write(&bucket(listener.local_addr().expect("bound").port()));
        Some(listener)
    }

    fn reset(&self) -> Option<TcpListener> {
        self.write(&bucket(1));
        None
    }
}

fn toml(folder: &Path) -> String {
    format!("[[repository]]\nurl = {:?}\n", folder.to_str().expect("paths of the tests are UTF-8"))
}

fn bucket(port: u16) -> String {
    format!(
        "[[repository]]\nurl = \"s3://bucket/prefix\"\nendpoint = \"http://127.0.0.1:{port}\"\nregion = \"eu-central-1\"\n"
    )
}
