//! Fail-overs that come one after another under load, back to the node that led first, and a member that is made anew out of
//! the archive.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use super::cluster::{Cluster, LIMIT, Wish};
use super::story::{Story, nothing_waits};
use super::writers::Writers;
use crate::doctor::{about, findings};
use crate::support::postgres::OLDEST;
use crate::support::wait::wait_until;

const A_WHILE: Duration = Duration::from_secs(1);

const MADE: &str = "replica has been created using seawall";

/// Node 1 leads timelines 1 and 3, node 2 timeline 2. Commits wait for the other node: none is lost.
#[test]
fn two_fail_overs_lead_back_to_the_first_node_and_a_member_is_made_anew() {
    let (archive_mode, bucket, synchronous) = ("on", false, true);
    let version = OLDEST + 2;
    let mut cluster = Cluster::new(&Wish { version, archive_mode, bucket, synchronous });
    let mut story = Story::default();
    cluster.base_backup();
    cluster.start(1);
    story.writes(&cluster);
    dies_and_comes_back(&mut cluster, &mut story, 0);
    dies_and_comes_back(&mut cluster, &mut story, 1);
    assert_eq!(cluster.wait_leader(), 0);
    let timeline = "select timeline_id from pg_control_checkpoint()";
    wait_until("timeline 3", LIMIT, || {
        cluster.nodes[0].sql("checkpoint");
        cluster.nodes[0].sql(timeline) == "3"
    });

    let writers = Writers::start(&cluster);
    no_node_without_archiving(&mut cluster, &story.moments[1]);
    made_anew(&cluster, 1);
    story.wrote(&cluster, writers);

    assert_eq!(story.lost(&cluster.nodes[0]), BTreeSet::new());
    nothing_waits(&cluster, 0);
    for (check, state, text) in cluster.check() {
        assert_eq!(state, "ok", "{check}: {text}");
    }
    story.comes_back(&cluster, 0);
    doctor_says_what_mends_a_setting(&cluster);
}

/// The leader dies as a whole, with WAL that nobody else has. The other of the two leads, and is followed by the first.
fn dies_and_comes_back(cluster: &mut Cluster, story: &mut Story, leader: usize) {
    let heir = 1 - leader;
    wait_until("commits to wait for the other node", LIMIT, || {
        cluster.nodes[heir].is("/synchronous") && cluster.nodes[leader].leads()
    });
    let writers = Writers::start(cluster);
    sleep(A_WHILE);
    cluster.nodes[leader].stop_sending();
    sleep(Duration::from_millis(500));
    cluster.nodes[leader].kill_nine();
    wait_until("the other node to lead", LIMIT, || cluster.nodes[heir].leads());
    sleep(A_WHILE);
    let before = cluster.nodes[leader].log().len();
    cluster.start(leader);
    let log = cluster.nodes[leader].log();
    assert!(log[before..].contains("running pg_rewind from"), "{}", &log[before..]);
    story.wrote(cluster, writers);
}

/// Whoever forgets `--standby` gets a replica by the next method, whoever forgets `--archive` no copy: neither comes up with
/// archiving off, which Patroni would not see.
fn no_node_without_archiving(cluster: &mut Cluster, moment: &str) {
    let refused = "Patroni called this restore without --standby and without --archive";
    cluster.nodes[2].leave_out(" --standby");
    cluster.start(2);
    let log = cluster.nodes[2].log();
    assert!(log.contains(refused), "{log}");
    assert!(log.contains("replica has been created using basebackup"), "{log}");
    assert_eq!(cluster.nodes[2].sql("show archive_mode"), "on");

    let (mut copy, _) = cluster.copy_to_be(moment);
    copy.leave_out(" --archive");
    copy.start();
    wait_until("the copy to be refused", LIMIT, || copy.log().contains(refused));
    assert!(!copy.data.join("PG_VERSION").exists(), "{}", copy.log());
}

/// By `patronictl reinit`, as an administrator does it.
fn made_anew(cluster: &Cluster, number: usize) {
    let node = &cluster.nodes[number];
    let before = node.log().matches(MADE).count();
    cluster.patronictl(&["reinit", "shop", &node.name, "--force"]).run().expect(0);
    wait_until("the node to be made anew", LIMIT, || {
        node.log().matches(MADE).count() > before && node.streams()
    });
    let settings = node.settings_of_its_own();
    assert!(!settings.contains("archive_mode"), "{settings}");
}

/// `ALTER SYSTEM` would be out of Patroni's hands. The line that is printed is the one that mends it.
fn doctor_says_what_mends_a_setting(cluster: &Cluster) {
    let setting = |value: &str| {
        wait_until("the setting to be there", LIMIT, || {
            cluster.nodes[0].sql("show archive_timeout") == value
        });
    };
    let zero = ["edit-config", "shop", "--pg", "archive_timeout=0", "--force"];
    cluster.patronictl(&zero).run().expect(0);
    setting("0");
    let run = cluster.seawall(env!("CARGO_BIN_EXE_seawall")).args(["doctor", "--json"]).run();
    let all = findings(&run);
    let found = about(&all, "archive_timeout");
    assert!(found.set_in.contains("/data/postgresql.conf, line "), "{found:?}");
    assert!(found.set_in.ends_with(", by Patroni"), "{found:?}");
    assert_eq!(found.mend, "patronictl edit-config shop --pg archive_timeout=60s");
    let fsync = about(&all, "fsync");
    assert!(fsync.set_in.ends_with(", by Patroni from this node's patroni.yml"), "{fsync:?}");
    let of_patroni = cluster.patronictl_folder();
    let line = format!("PATH={}:$PATH {} --force", of_patroni.display(), found.mend);
    let mend = cluster.seawall("/bin/sh").args(["-euc", &line]);
    mend.env("PATRONICTL_CONFIG_FILE", cluster.nodes[0].configuration()).run().expect(0);
    setting("1min");
}
