//! A backlog, as it is after an outage of the store: one call takes many segments along.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::archiving::commands::{
    Seawall, lines_of_level, names_in, nothing_but_information, s3_key, stored, write_segments,
};
use crate::support::place::Place;
use crate::support::postgres::{Server, shell_word};
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);
const BACKLOG: usize = 45;

#[test]
fn a_backlog_goes_out_in_a_few_calls_once_the_store_is_back() {
    let scene = Scene::with_backlog();
    scene.proxy.clear();
    scene.server.wait_archived(&scene.server.switch_wal(), LIMIT);
    let log = scene.server.log();
    let debug = lines_of_level(&log, "DEBUG");
    let told = debug.iter().filter(|line| line.contains("already archived by an earlier call"));
    let (archived, told) = (scene.server.stat_archiver().archived_count as usize, told.count());
    assert!(archived >= BACKLOG && archived - told <= archived / 5, "{told} of {archived}\n{log}");
    scene.each_segment_is_stored_once_as_the_server_gave_it();
}

#[test]
fn a_crash_in_the_middle_of_a_backlog_leaves_each_segment_archived_once() {
    let mut scene = Scene::with_backlog();
    scene.proxy.clear();
    scene.proxy.add(Rule::new(Fault::Delay(Duration::from_millis(50))).method("PUT"));
    scene.server.switch_wal();
    wait_until("some segments stored", LIMIT, || scene.s3.keys().len() > BACKLOG / 4);
    scene.server.kill_nine();
    let half = scene.s3.keys().len();
    assert!(half < BACKLOG, "all {half} were stored before the crash");
    scene.server.start();
    scene.server.wait_archived(&scene.server.switch_wal(), LIMIT);
    nothing_but_information(&scene.server.log_since_start());
    scene.each_segment_is_stored_once_as_the_server_gave_it();
}

/// Somebody else, as a standby with `archive_mode = always`, stores what comes later first: no gap, only a matter of time.
#[test]
fn a_segment_that_is_overtaken_by_later_ones_is_waited_for() {
    let scene = Scene::with_backlog();
    let ready = scene.server.ready_files();
    let first = ready[0].clone();
    let stored = |name: &str| scene.s3.get(&s3_key(&scene.server, name)).is_some();
    scene.proxy.clear();
    scene.proxy.add(Rule::new(Fault::Hang).method("PUT").path(&first));
    let last = scene.server.switch_wal();
    let elsewhere = Seawall::new(&scene.place).s3(&scene.s3).option("--wal-look-ahead", "0");
    for name in &ready[1..5] {
        let path = Path::new("pg_wal").join(name);
        let push = elsewhere.push_by_hand(scene.server.data(), &path, name);
        push.envs(scene.s3.environment()).run().expect(0);
    }
    assert!(!stored(&first));
    let target = scene.place.join("fetched");
    let fetch = |wait: &str| {
        let seawall = Seawall::new(&scene.place).s3(&scene.s3).option("--wal-gap-wait", wait);
        seawall.fetch_by_hand(scene.server.data(), &first, &target).envs(scene.s3.environment())
    };
    fetch("0s").run().expect(211).says("the WAL has a gap");
    let waiting = fetch("50s").start();
    scene.proxy.clear();
    waiting.finish().expect(0);
    assert!(fs::read(target).expect("fetched") == scene.copy(&first));
    scene.server.wait_archived(&last, LIMIT);
}

/// A server whose archive command fails after an outage, and also keeps a plain copy of each segment.
struct Scene {
    server: Server,
    proxy: Proxy,
    s3: S3Server,
    place: Place,
}

impl Scene {
    fn with_backlog() -> Scene {
        let place = Place::with_odd_name();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let proxy = Proxy::start(s3.address());
        proxy.add(Rule::new(Fault::Answer(503)));
        let seawall = Seawall::new(&place).s3(&s3).option("--log-level", "debug");
        let push = seawall.option("--limits-attempts", "3").push();
        let copy = shell_word(&place.folder("copies"));
        let mut server = Server::builder(&place)
            .segment_mib(1)
            .archive_command(&format!("cp %p {copy}/%f && {push}"))
            .envs(proxy.environment(&s3))
            .init();
        server.start();
        write_segments(&server, BACKLOG as u32);
        wait_until("a failure", LIMIT, || server.stat_archiver().failed_count > 0);
        assert!(server.ready_files().len() >= BACKLOG && s3.keys().is_empty());
        Scene { server, proxy, s3, place }
    }

    fn copies(&self) -> PathBuf {
        self.place.join("copies")
    }

    fn copy(&self, name: &str) -> Vec<u8> {
        fs::read(self.copies().join(name)).expect("the archive command copied it")
    }

    #[track_caller]
    fn each_segment_is_stored_once_as_the_server_gave_it(&self) {
        let names = names_in(&self.copies(), "");
        assert!(names.len() >= BACKLOG, "{names:?}");
        for name in names {
            let content = stored(&self.s3, &self.server, &name).expect("it is stored");
            assert!(content == self.copy(&name), "{name} differs from what the server gave");
            let requests = self.proxy.requests().into_iter();
            let puts = requests.filter(|one| one.method == "PUT" && one.path.contains(&name));
            let stored = puts.filter(|put| put.status == Some(200)).count();
            assert_eq!(stored, 1, "{name}");
        }
    }
}
