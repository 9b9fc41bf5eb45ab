//! Fail-overs that come one after another under load, back to the node that led first, and a member that is made anew out of
//! the archive.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use super::cluster::{Cluster, LIMIT, Wish};
use super::story::{Story, nothing_waits};
use super::writers::Writers;
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
    cluster.start(2);
    assert_eq!(cluster.nodes[2].log().matches(MADE).count(), 1, "{}", cluster.nodes[2].log());
    made_anew(&cluster, 1);
    story.wrote(&cluster, writers);

    assert_eq!(story.lost(&cluster.nodes[0]), BTreeSet::new());
    nothing_waits(&cluster, 0);
    for (check, state, text) in cluster.check() {
        assert_eq!(state, "ok", "{check}: {text}");
    }
    story.comes_back(&cluster, 0);
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
    story.remember(&cluster.nodes[heir]);
    sleep(A_WHILE);
    let before = cluster.nodes[leader].log().len();
    cluster.start(leader);
    let log = cluster.nodes[leader].log();
    assert!(log[before..].contains("running pg_rewind from"), "{}", &log[before..]);
    story.wrote(cluster, writers);
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
