//! Switchover and fail-over under load: archiving never stops, and what was committed comes back from the archive alone,
//! at any moment on either side of each change.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use super::cluster::{Cluster, LIMIT, Wish};
use super::node::Node;
use super::story::{Story, nothing_waits, rows};
use super::writers::Writers;
use crate::support::postgres::{NEWEST, OLDEST};
use crate::support::run::Outcome;

const A_WHILE: Duration = Duration::from_secs(2);

/// Commits wait for nobody: of those that got to no other node the fail-over loses some, as Patroni promises.
#[test]
fn with_archive_mode_on_archiving_never_stops() {
    let (archive_mode, bucket, synchronous) = ("on", false, false);
    goes_on(&Wish { version: OLDEST, archive_mode, bucket, synchronous });
}

/// Commits wait for a second node: none is lost.
#[test]
fn with_archive_mode_always_archiving_never_stops() {
    let (archive_mode, bucket, synchronous) = ("always", true, true);
    goes_on(&Wish { version: NEWEST - 1, archive_mode, bucket, synchronous });
}

fn goes_on(wish: &Wish) {
    let mut cluster = Cluster::new(wish);
    let mut story = Story::default();
    // There is no backup yet: Patroni goes on to the next method.
    cluster.start(1);
    let log = cluster.nodes[1].log();
    assert!(log.contains("replica has been created using basebackup"), "{log}");
    assert!(log.contains("there is no base backup"), "{log}");
    cluster.base_backup();
    cluster.start(2);
    archives_as_told(&cluster.nodes[2], wish.archive_mode);

    story.writes(&cluster);
    let writers = Writers::start(&cluster);
    sleep(A_WHILE);
    cluster.switch_over(2);
    sleep(A_WHILE);
    story.wrote(&cluster, writers);

    let writers = Writers::start(&cluster);
    sleep(A_WHILE);
    fail_over(&mut cluster);
    sleep(A_WHILE);
    let log = cluster.nodes[2].log();
    assert!(log.contains("running pg_rewind from"), "{log}");
    story.wrote(&cluster, writers);
    story.writes(&cluster);

    let leader = cluster.wait_leader();
    if wish.synchronous {
        assert_eq!(story.lost(&cluster.nodes[leader]), BTreeSet::new());
    }
    nothing_waits(&cluster, leader);
    for (check, state, text) in cluster.check() {
        assert_eq!(state, "ok", "{check}: {text}");
    }
    story.comes_back(&cluster, leader);
    a_copy_archives_on_its_own(&cluster, &story.moments[1], wish.archive_mode);
}

fn archives_as_told(node: &Node, archive_mode: &str) {
    let log = node.log();
    assert!(log.contains("replica has been created using seawall"), "{log}");
    assert_eq!(node.sql("show archive_mode"), archive_mode);
    let settings = node.settings_of_its_own();
    assert!(!settings.contains("archive_mode"), "{settings}");
}

/// Node 3 dies as a whole, with WAL that nobody else has, and comes back.
fn fail_over(cluster: &mut Cluster) {
    cluster.nodes[2].stop_sending();
    sleep(Duration::from_millis(500));
    cluster.nodes[2].kill_nine();
    let leader = cluster.wait_leader();
    sleep(A_WHILE);
    cluster.start(2);
    cluster.wait_all(leader);
}

/// It is as at that moment, archives by Patroni's word from its first second on, and under its own name.
fn a_copy_archives_on_its_own(cluster: &Cluster, moment: &str, archive_mode: &str) {
    let leader = &cluster.nodes[cluster.wait_leader()];
    let (copy, config) = cluster.copy_of(moment);
    let expected = leader.sql(&rows(&format!("at <= '{moment}'")));
    assert_eq!(copy.sql(&rows("true")), expected, "{}", copy.log());
    assert_eq!(copy.sql("show archive_mode"), archive_mode);
    let program = |verb: &str| {
        let hosts = format!("host=127.0.0.1 port={} user=seawall dbname=postgres", copy.port);
        let run = cluster.seawall(env!("CARGO_BIN_EXE_basebackup")).arg(verb);
        run.env("SEAWALL_POSTGRES_CONNECTION", hosts).env("SEAWALL_CONFIG", &config).run()
    };
    program("create").expect(0);
    let backups = |list: &Outcome| list.expect(0).stdout.matches("  seawall  ").count();
    let original = cluster.seawall(env!("CARGO_BIN_EXE_basebackup")).arg("list").run();
    assert_eq!([backups(&program("list")), backups(&original)], [1, 1], "{original}");
    copy.sql("select pg_switch_wal()");
    copy.wait_archived(LIMIT);
    let failed = copy.sql("select failed_count, last_failed_wal from pg_stat_archiver");
    assert_eq!(failed, "0|", "{}", copy.log());
}
