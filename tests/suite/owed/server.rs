//! A real server under load, while the bucket is away in each way that a bucket can be: PostgreSQL notices nothing.

use std::time::Duration;

use crate::archiving::commands::{Seawall, s3_key, write_segments};
use crate::scene::Store;
use crate::support::place::Place;
use crate::support::postgres::{Load, Server};
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn an_outage_of_the_bucket_holds_up_no_server() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let proxy = Proxy::start(s3.address());
    let seawall = Seawall::new(&place).local("disk").s3(&s3);
    let options = [
        ("--needed", "1"),
        ("--limits-request-timeout", "1s"),
        ("--limits-total-timeout", "3s"),
        ("--limits-attempts", "2"),
    ];
    let seawall = options.into_iter().fold(seawall, |it, (name, value)| it.option(name, value));
    let mut server = Server::builder(&place)
        .version(18)
        .segment_mib(1)
        .archive_command(&seawall.push())
        .envs(proxy.environment(&s3))
        .init();
    server.start();
    server.pgbench_init(1);
    server.wait_archived(&server.switch_wal(), LIMIT);
    let mut last = String::new();
    for fault in [Fault::CutBeforeAnswer, Fault::Answer(403), Fault::Answer(503), Fault::Hang] {
        proxy.clear();
        proxy.add(Rule::new(fault));
        let load = server.pgbench_start(2, Load::Seconds(6));
        write_segments(&server, 8);
        load.finish().expect(0);
        last = server.switch_wal();
        server.wait_archived(&last, Duration::from_secs(30));
    }
    assert_eq!(server.stat_archiver().failed_count, 0, "{}", server.log());
    let stored = |name: &str| s3.get(&s3_key(&server, name)).is_some();
    assert!(!stored(&last), "the bucket was not away");
    proxy.clear();
    seawall.seawall_by_hand("settle").envs(proxy.environment(&s3)).run().expect(0).shows("s3");
    assert!(stored(&last));
    let disk = Store::Folder(place.join("disk"));
    let wal = |key: &String| key.contains("/wal/") && !key.starts_with("owed/");
    let on_disk: Vec<String> = disk.keys().into_iter().filter(wal).collect();
    let in_bucket = s3.keys().into_iter().filter(wal);
    let in_bucket: Vec<String> =
        in_bucket.map(|key| key.trim_start_matches("some/prefix/").to_owned()).collect();
    assert_eq!(on_disk, in_bucket);
    assert!(!disk.keys().iter().any(|key| key.starts_with("owed/")), "{:?}", disk.keys());
    wait_until("the bucket takes part again", LIMIT, || {
        let next = server.switch_wal();
        server.wait_archived(&next, LIMIT);
        stored(&next)
    });
    assert_eq!(server.stat_archiver().failed_count, 0, "{}", server.log());
}

/// A base backup while the bucket takes no WAL: nobody waits for it, and it gets WAL first and then the backup.
#[test]
fn a_base_backup_is_owed_to_a_bucket_that_is_owed_wal() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let proxy = Proxy::start(s3.address());
    let seawall = Seawall::new(&place).local("disk").s3(&s3);
    let options = [
        ("--needed", "1"),
        ("--limits-request-timeout", "1s"),
        ("--limits-total-timeout", "3s"),
        ("--limits-attempts", "2"),
    ];
    let seawall = options.into_iter().fold(seawall, |it, (name, value)| it.option(name, value));
    let mut server = Server::builder(&place)
        .version(18)
        .segment_mib(1)
        .archive_command(&seawall.push())
        .envs(proxy.environment(&s3))
        .init();
    server.start();
    server.wait_archived(&server.switch_wal(), LIMIT);
    let basebackup = |verb: &str| {
        let run = seawall.base_backup_by_hand(verb).envs(server.connection());
        run.envs(proxy.environment(&s3)).limit(LIMIT)
    };
    let settle = || seawall.seawall_by_hand("settle").envs(proxy.environment(&s3)).limit(LIMIT);
    let disk = Store::Folder(place.join("disk"));
    // It takes everything but WAL: what was sent to it is not waited for.
    proxy.add(Rule::new(Fault::Answer(503)).method("PUT").path("/wal/0000000100000000/"));
    let begun = std::time::Instant::now();
    basebackup("create").run().expect(0).says("repository s3 is owed the backup");
    // By now it is owed WAL from before, and is left out at once.
    std::thread::sleep(Duration::from_millis(1100));
    basebackup("create")
        .run()
        .expect(0)
        .says("repository s3 was left out: it is owed WAL, and gets that first");
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
    let notes = |disk: &Store| {
        let keys = disk.keys().into_iter();
        keys.filter(|key| key.starts_with("owed/") && key.contains("/basebackups/")).count()
    };
    assert_eq!(notes(&disk), 2);
    // The check says so for people and for programs.
    let check = |format: &str| {
        let run = seawall.seawall_by_hand("check").envs(server.connection());
        let run = run.envs(proxy.environment(&s3)).args(["--format", format]);
        run.limit(LIMIT).run()
    };
    check("table").shows(" and 2 backups, the oldest since ");
    let labels = "{service=\"repository\",name=\"s3\"}";
    check("prometheus").shows(&format!("seawall_owed_backups{labels} 2\n"));
    // No description is there before its WAL.
    settle().run().expect(8);
    let described = || s3.keys().iter().filter(|key| key.ends_with("/backup.json")).count();
    assert_eq!((notes(&disk), described()), (2, 0));
    proxy.clear();
    settle().run().expect(0).shows("2 backups");
    assert_eq!((notes(&disk), described()), (0, 2));
    basebackup("verify").run().expect(0).shows("read 2 base backups").shows("all is well");
}
