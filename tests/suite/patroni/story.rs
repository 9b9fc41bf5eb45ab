//! What was written into a cluster and when, to be compared with what comes back from the archive alone.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use super::cluster::{Cluster, LIMIT};
use super::node::Node;
use super::writers::Writers;
use crate::support::postgres::Stop;

const ROW: &str = "insert into noted (content) values ('alone') returning id";

/// What was written, and which moments can be told apart from both sides.
#[derive(Default)]
pub struct Story {
    acknowledged: BTreeSet<String>,
    pub moments: Vec<String>,
}

impl Story {
    /// A row of its own, and the moment behind it.
    pub fn writes(&mut self, cluster: &Cluster) {
        let leader = &cluster.nodes[cluster.wait_leader()];
        self.acknowledged.insert(leader.sql(ROW));
        self.remember(leader);
    }

    pub fn wrote(&mut self, cluster: &Cluster, writers: Writers) {
        let acknowledged = writers.stop();
        assert!(acknowledged.len() > 20, "the load was none: {}", acknowledged.len());
        self.acknowledged.extend(acknowledged);
        self.remember(&cluster.nodes[cluster.wait_leader()]);
    }

    /// A recovery knows a moment by what was committed behind it.
    pub fn remember(&mut self, leader: &Node) {
        sleep(Duration::from_millis(50));
        self.moments.push(leader.sql("select clock_timestamp()"));
        sleep(Duration::from_millis(50));
        self.acknowledged.insert(leader.sql(ROW));
    }

    pub fn lost(&self, leader: &Node) -> BTreeSet<String> {
        let there = leader.sql("select id from noted");
        let there: BTreeSet<String> = there.lines().map(str::to_owned).collect();
        self.acknowledged.difference(&there).cloned().collect()
    }

    /// At the end, and at each moment.
    pub fn comes_back(&self, cluster: &Cluster, leader: usize) {
        let live = |condition: &str| cluster.nodes[leader].sql(&rows(condition));
        let mut end = cluster.restored("end", &[]);
        assert_eq!(end.sql(&rows("true")), live("true"), "{}", end.log());
        end.stop(Stop::Immediate);
        for (at, moment) in self.moments.iter().enumerate() {
            let name = format!("moment{at}");
            let mut there = cluster.restored(&name, &["--target-time", moment]);
            let expected = live(&format!("at <= '{moment}'"));
            assert_eq!(there.sql(&rows("true")), expected, "{moment}\n{}", there.log());
            there.stop(Stop::Immediate);
        }
    }
}

pub fn rows(condition: &str) -> String {
    format!(
        "select count(*), md5(coalesce(string_agg(id::text || md5(content), ',' order by id), '')) from noted where {condition}"
    )
}

/// On no node, and nothing failed on the way.
pub fn nothing_waits(cluster: &Cluster, leader: usize) {
    cluster.nodes[leader].sql("select pg_switch_wal()");
    for node in &cluster.nodes {
        node.wait_archived(LIMIT);
        let log = node.log();
        assert!(!log.contains("archive command failed"), "{}\n{log}", node.name);
    }
}
