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
