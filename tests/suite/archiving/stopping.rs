//! A server that goes down while its store hangs: it waits for its archiver, and so for `wal-push`.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::archiving::commands::{Seawall, each_version, stored, write_segments};
use crate::scene::{Kind as StoreKind, Scene, Store, error};
use crate::support::place::Place;
use crate::support::postgres::{Server, Stop};
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::s3::{Kind, S3Server};
use crate::support::user::write_as_server_user;
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

/// Six tries at most, and a second between two of them: on a quiet machine it takes nine seconds.
const DOWN: Duration = Duration::from_secs(30);

each_version!(a_server_is_down_soon_and_nothing_is_lost);

fn a_server_is_down_soon_and_nothing_is_lost(version: u32) {
    let place = Place::with_odd_name();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let proxy = Proxy::start(s3.address());
    let push = Seawall::new(&place).s3(&s3).push();
    let mut server = Server::builder(&place)
        .version(version)
        .segment_mib(1)
        .archive_command(&push)
        .envs(proxy.environment(&s3))
        .init();
    server.start();
    let first = server.switch_wal();
    server.wait_archived(&first, LIMIT);
    proxy.add(Rule::new(Fault::Hang));
    let before = proxy.requests().len();
    let last = write_segments(&server, 6);
    wait_until("a push that hangs", LIMIT, || proxy.requests().len() > before);
    let began = Instant::now();
    server.stop(Stop::Fast);
    assert!(began.elapsed() < DOWN, "{:?}\n{}", began.elapsed(), server.log());
    assert!(
        server.log().contains("the server is stopping, and not all repositories took the file")
    );
    let waiting = server.ready_files();
    assert!(waiting.len() >= 5, "{waiting:?}");
    proxy.clear();
    server.start();
    server.wait_archived(&last, LIMIT);
    for name in [&first, &last].into_iter().chain(&waiting) {
        assert!(stored(&s3, &server, name).is_some(), "{name} is lost");
    }
}

/// A data directory whose server runs, as its lock file says, and a store behind a proxy.
struct Running {
    scene: Scene,
    proxy: Proxy,
    store: Store,
}

impl Running {
    fn new() -> Running {
        let place = Place::new();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start(store.server().address());
        let scene = Scene::in_place(&place).with(&store.table_at("cloud", &proxy.endpoint()));
        let running = Running { scene, proxy, store };
        running.is("ready   ");
        running.scene.has(0).push(0).run().expect(0);
        running
    }

    /// `AddToDataDirLockFile` in `miscinit.c`; the server is this process.
    fn is(&self, status: &str) {
        let path: &Path = self.scene.directory.path();
        let text =
            format!("{}\n/data\n1732307400\n5432\n/tmp\n*\n 1 2\n{status}\n", std::process::id());
        write_as_server_user(&path.join("postmaster.pid"), text);
    }
}

#[test]
fn a_push_under_way_gives_up_once_the_server_stops() {
    let running = Running::new();
    running.proxy.add(Rule::new(Fault::Hang).method("PUT"));
    let mut pushing = running.scene.has(1).push(1).start();
    let name = running.scene.name(1);
    wait_until("a PUT that hangs", LIMIT, || running.proxy.count("PUT", name) > 0);
    std::thread::sleep(Duration::from_secs(3));
    assert!(!pushing.ended(), "the server does not stop yet");
    running.is("stopping");
    let began = Instant::now();
    let outcome = pushing.finish();
    outcome.expect(8);
    assert!(began.elapsed() < DOWN, "{outcome}");
    assert_eq!(
        error(&outcome),
        format!(
            "could not archive {name}: the server is stopping, and not all repositories took the file in time. HINT: \
             Nothing is lost: PostgreSQL keeps the file and asks again when it runs. Look why the store or the \
             network is slow."
        )
    );
    let noted = running.scene.files_in("pg_wal/seawall");
    assert!(noted.contains(&"stopping".to_owned()), "{noted:?}");
    running.scene.push(1).run().expect(8);
    running.proxy.clear();
    running.scene.push(1).run().expect(0);
    running.store.holds(&running.scene.clear_key(1), running.scene.bytes(1));
}

/// The lock file of a server that was killed while it stopped says so until the next start.
#[test]
fn a_server_that_is_dead_does_not_stop() {
    let running = Running::new();
    let path = running.scene.directory.path().join("postmaster.pid");
    let text = format!("{}\n/data\n1732307400\n5432\n/tmp\n*\n 1 2\nstopping\n", i32::MAX);
    write_as_server_user(&path, text);
    let name = running.scene.name(1);
    running.proxy.add(Rule::new(Fault::Delay(Duration::from_secs(5))).method("PUT").path(name));
    running.scene.has(1).push(1).run().expect(0);
}

/// What was asked for is done; what was taken along hangs, and the limits of a request are minutes.
#[test]
fn what_was_taken_along_keeps_nobody_waiting() {
    let running = Running::new();
    let scene = &running.scene;
    for number in 1..5 {
        scene.has(number).directory.mark_ready(scene.name(number));
    }
    running.proxy.add(Rule::new(Fault::Hang).path(scene.name(2)));
    let outcome = scene.push(1).run();
    assert!(outcome.expect(0).took < DOWN, "{outcome}");
    let expected = [0, 1].map(|number| scene.clear_key(number));
    assert_eq!(running.store.keys(), expected);
    running.proxy.clear();
    for number in 2..5 {
        scene.push(number).run().expect(0);
    }
    assert_eq!(running.store.keys().len(), 5);
}
