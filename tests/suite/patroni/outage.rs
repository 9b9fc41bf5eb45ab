//! The archive is away while the leader changes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::Duration;

use super::cluster::{Cluster, LIMIT, Wish};
use super::node::replaced;
use super::story::{Story, rows};
use super::writers::Writers;
use crate::documents::{fenced, read};
use crate::support::postgres::{NEWEST, OLDEST, Stop};
use crate::support::wait::wait_until;

/// Each node archives what it has.
#[test]
fn with_archive_mode_always_an_outage_during_a_switchover_ends_complete() {
    let (cluster, leader) = outage("always", OLDEST + 2);
    for node in &cluster.nodes {
        node.wait_archived(LIMIT);
    }
    is_complete(&cluster, leader, "complete");
}

/// The old leader archives nothing more, and the new one takes for archived what it got as a standby. That is said, a recovery does not pass
/// it over in silence, and the page's line mends it.
#[test]
fn with_archive_mode_on_an_outage_during_a_switchover_is_told_and_mended() {
    let (cluster, leader) = outage("on", OLDEST + 1);
    cluster.nodes[leader].wait_archived(LIMIT);
    let left = cluster.nodes[0].ready_files();
    assert!(left.len() > 1, "nothing is tried: {left:?}");
    let critical = |name: &str| {
        let check = cluster.check();
        let found = check.iter().find(|(check, state, _)| check == name && state == "critical");
        found.map(|(.., text)| text.clone()).unwrap_or_else(|| panic!("{check:#?}"))
    };
    let told = critical("WAL");
    assert!(
        told.contains(&left[0]) && told.contains("a recovery from the newest base backup ends at"),
        "{told}"
    );
    assert!(told.contains("or of another node of its cluster: there, in the data directory, `wal-push pg_wal/NAME NAME`"), "{told}");
    let list = cluster.seawall(env!("CARGO_BIN_EXE_basebackup")).arg("list").run();
    list.expect(0).shows("missing");
    let plan = cluster.restoring("plan").arg("--dry-run").run();
    plan.expect(0).shows("stops with an error");

    let log = cluster.laid_down("stopped", &[]).start_expecting_failure();
    assert!(log.contains("child process exited with exit code 211"), "{log}");
    assert!(log.contains(&left[0]), "{log}");

    let block = &fenced(&read("docs/patroni.md"), "sh")[0];
    for name in left.iter().filter(|name| !name.ends_with(".history")) {
        let data = cluster.nodes[0].data.display().to_string();
        let programs = format!("{}/", cluster.programs().display());
        let line = replaced(
            block,
            &[
                ("/var/lib/postgresql/17/main", &data),
                ("sudo -u postgres ", ""),
                ("/usr/bin/", &programs),
                ("000000010000000000000005", name),
            ],
        );
        cluster.seawall("/bin/sh").args(["-euc", &line]).run().expect(0);
    }
    is_complete(&cluster, leader, "mended");
}

/// The leader dies with WAL that nobody else has, and the next one comes while the archive is still away.
#[test]
fn with_archive_mode_always_an_outage_during_a_fail_over_ends_complete() {
    outage_and_fail_over("always", OLDEST + 1);
}

/// What the leader had not archived, Patroni has it archive before it rewinds it.
#[test]
fn with_archive_mode_on_an_outage_during_a_fail_over_ends_complete() {
    outage_and_fail_over("on", NEWEST);
}

fn outage_and_fail_over(archive_mode: &'static str, version: u32) {
    let mut story = Story::default();
    let wish = Wish { version, archive_mode, bucket: false, synchronous: true };
    let (mut cluster, writers) = without_archive(&wish);
    story.remember(&cluster.nodes[0]);
    cluster.nodes[0].stop_sending();
    sleep(Duration::from_millis(500));
    cluster.nodes[0].kill_nine();
    let leader = cluster.wait_leader();
    story.remember(&cluster.nodes[leader]);
    wait_until("WAL of the new leader that waits", LIMIT, || {
        cluster.nodes[leader].ready_files().len() >= 3
    });
    mode_of_the_archive(&cluster, 0o700);
    cluster.start(0);
    let log = cluster.nodes[0].log();
    assert!(log.contains("running pg_rewind from"), "{log}");
    cluster.wait_all(leader);
    story.wrote(&cluster, writers);
    assert_eq!(story.lost(&cluster.nodes[leader]), BTreeSet::new());
    cluster.nodes[leader].sql("select pg_switch_wal()");
    for node in &cluster.nodes {
        node.wait_archived(LIMIT);
    }
    all_is_well(&cluster);
    story.comes_back(&cluster, leader);
}

/// The archive goes away under load, node 1 hands over to node 2, and the archive comes back.
fn outage(archive_mode: &'static str, version: u32) -> (Cluster, usize) {
    let wish = Wish { version, archive_mode, bucket: false, synchronous: false };
    let (cluster, writers) = without_archive(&wish);
    cluster.switch_over(1);
    let written = cluster.nodes[1].sql("select count(*) from noted");
    wait_until("rows on the new leader", LIMIT, || {
        cluster.nodes[1].sql("select count(*) from noted") != written
    });
    mode_of_the_archive(&cluster, 0o700);
    let acknowledged = writers.stop();
    let there = cluster.nodes[1].sql("select id from noted");
    assert!(acknowledged.iter().all(|id| there.contains(id)), "a switchover lost commits");
    cluster.nodes[1].sql("select pg_switch_wal()");
    (cluster, 1)
}

/// Three nodes under load, the first of which leads and has WAL that it can't archive.
fn without_archive(wish: &Wish) -> (Cluster, Writers) {
    let mut cluster = Cluster::new(wish);
    cluster.base_backup();
    cluster.start(1);
    cluster.start(2);
    if wish.synchronous {
        wait_until("commits to wait for other nodes", LIMIT, || {
            cluster.nodes[1].is("/synchronous") && cluster.nodes[2].is("/synchronous")
        });
    }
    let writers = Writers::start(&cluster);
    let leader = &cluster.nodes[0];
    wait_until("some WAL in the archive", LIMIT, || {
        leader.sql("select archived_count > 4 from pg_stat_archiver") == "t"
    });
    mode_of_the_archive(&cluster, 0o000);
    wait_until("WAL that waits", LIMIT, || leader.ready_files().len() >= 3);
    (cluster, writers)
}

fn mode_of_the_archive(cluster: &Cluster, mode: u32) {
    let archive = cluster.place.join("archive");
    fs::set_permissions(archive, fs::Permissions::from_mode(mode)).expect("our own folder");
}

/// Nothing is missing, and a restore to the end is as the live server.
#[track_caller]
fn is_complete(cluster: &Cluster, leader: usize, name: &str) {
    all_is_well(cluster);
    let mut restored = cluster.restored(name, &[]);
    let expected = cluster.nodes[leader].sql(&rows("true"));
    assert_eq!(restored.sql(&rows("true")), expected, "{}", restored.log());
    restored.stop(Stop::Immediate);
}

#[track_caller]
fn all_is_well(cluster: &Cluster) {
    for (check, state, text) in cluster.check() {
        assert_eq!(state, "ok", "{check}: {text}");
    }
}
