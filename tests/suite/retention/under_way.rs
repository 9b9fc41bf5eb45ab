//! A backup that is being taken is not eaten: what was stored lately is under way, and who takes it looks once more.

use std::time::Duration;

use crate::archiving::commands::Seawall;
use crate::base_backups::{base_backup, folders_in};
use crate::listing::laid::{Laid, described, object};
use crate::redis_backups::{folder, objects, redis_backup};
use crate::scene::{error, warnings};
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::redis::{Program, RedisServer};
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::poll;

const LIMIT: Duration = Duration::from_secs(60);

/// Its name is years old; the clock of the host that takes it may be wrong.
#[test]
fn what_the_store_saw_lately_is_under_way() {
    let laid = Laid::with_folder();
    super::lay_out(&laid, "disk");
    let part = object(&described("20200104T030000Z-0000", 1, 1), "part-00001.tar.zst");
    laid.put("disk", &part, b"half");
    let outcome = super::prune(&laid).arg("--yes").run();
    super::shows(outcome.expect(0), "unfinished, and begun within 1day: may still be running");
    assert!(laid.store("disk").keys().contains(&part));
}

/// The parts are stored and deleted again while it waits for its WAL.
#[test]
fn a_create_whose_parts_were_pruned_is_no_backup() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let go = place.join("go");
    let push = format!("test -e {} && {}", go.display(), seawall.push());
    let mut server = Server::builder(&place).segment_mib(1).archive_command(&push).init();
    server.start();
    let create = base_backup(&seawall, &server, "create").limit(LIMIT).start();
    let archive = place.join("archive");
    let stored = || {
        let parts = folders_in(&archive).into_iter().map(|it| it.join("part-00001.tar.zst"));
        parts.filter(|it| it.exists()).count() == 1
    };
    assert!(poll(LIMIT, || stored().then_some(())).is_some(), "no part came");
    std::thread::sleep(Duration::from_millis(1500));
    let folder = folders_in(&archive).remove(0);
    std::fs::remove_file(folder.join("part-00001.tar.zst")).unwrap();
    std::fs::write(&go, "").unwrap();
    let outcome = create.finish();
    let text = error(outcome.expect(7));
    assert!(text.contains("but it was deleted or changed meanwhile"), "{outcome}");
    assert!(text.contains("Set keep_unfinished longer than a backup takes"), "{outcome}");
    assert!(!folder.join("backup.json").exists(), "{outcome}");
    assert_eq!(std::fs::read_dir(&folder).into_iter().flatten().count(), 0, "{outcome}");
}

/// Who fails takes back what he stored: the archive needs the room.
#[test]
fn a_create_that_fails_leaves_nothing() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let mut server = Server::builder(&place).segment_mib(1).archive_command("false").init();
    server.start();
    let create = base_backup(&seawall, &server, "create").args(["--basebackup-wal-timeout", "1s"]);
    create.limit(LIMIT).run().expect(11);
    let archive = place.join("archive");
    let left: Vec<_> = folders_in(&archive)
        .into_iter()
        .flat_map(|it| std::fs::read_dir(it).into_iter().flatten().flatten())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A backup of a Redis that was begun just now by the clock of the store.
#[test]
fn leavings_of_a_redis_go_when_they_are_old_by_the_store_too() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.run(&["SET", "a", "b"]);
    let archive = [folder(&place, "archive")];
    redis_backup(&server, &archive, "create").run().expect(0);
    let old = std::path::Path::new(&archive[0]).join("redis/main/20200104T030000Z-0000");
    std::fs::create_dir(&old).unwrap();
    std::fs::write(old.join("data-00001.zst"), "half").unwrap();
    crate::support::user::hand_over(&old);
    let prune = || redis_backup(&server, &archive, "prune").arg("--yes").run();
    let outcome = prune();
    assert!(outcome.expect(0).stdout.contains("Nothing is to be deleted."), "{outcome}");
    let file = std::fs::File::options().write(true).open(old.join("data-00001.zst")).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(90_000)).unwrap();
    let outcome = prune();
    let text = "To be deleted: 4 B in local.\nDeleted 1 object, 4 B.\n";
    assert!(outcome.expect(0).stdout.ends_with(text), "{outcome}");
    assert_eq!(objects(&archive[0]).len(), 2);
}

/// With a credential that may only add.
#[test]
fn a_create_that_fails_and_may_not_delete_says_what_is_left() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let seawall = Seawall::new(&place).s3(&s3);
    let mut server = Server::builder(&place).segment_mib(1).archive_command("false").init();
    server.start();
    let proxy = Proxy::start(s3.address());
    proxy.add(Rule::new(Fault::Answer(403)).method("DELETE"));
    let create = base_backup(&seawall, &server, "create").args(["--basebackup-wal-timeout", "1s"]);
    let outcome = create.envs(proxy.environment(&s3)).limit(LIMIT).run();
    outcome.expect(11);
    let left = s3.keys();
    let parts = left.iter().filter(|key| key.contains("/basebackups/")).count();
    assert!(parts > 0, "{left:?}");
    let text = ", until a prune deletes what is older than keep_unfinished: DELETE ";
    let said = warnings(&outcome);
    assert!(
        said.iter().any(|it| it
            .contains("left over of this backup in repository s3, below postgres/main/")
            && it.contains(text)),
        "{text} {outcome}"
    );
}
