//! Clients that write all the time, through every change of the leader, and note what was acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use super::cluster::Cluster;
use crate::support::run::Run;

const CLIENTS: usize = 2;

/// About 6 kB of what does not compress to nothing.
const INSERT: &str = "insert into noted (content) \
    select string_agg(md5(random()::text), '') from generate_series(1, 200) returning id \\watch 0.02\n";

pub const TABLE: &str = "create table noted (id uuid primary key default gen_random_uuid(), \
    at timestamptz default clock_timestamp(), content text)";

pub struct Writers {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<BTreeSet<String>>>,
}

impl Writers {
    pub fn start(cluster: &Cluster) -> Writers {
        let over = Arc::new(AtomicBool::new(false));
        let script = cluster.place.file("insert.sql", INSERT);
        let client = |_| {
            let (over, script, seed) = (over.clone(), script.clone(), cluster.client());
            std::thread::spawn(move || {
                let mut acknowledged = BTreeSet::new();
                while !over.load(Ordering::Relaxed) {
                    acknowledged.extend(until(&over, seed().arg("-f").arg(&script)));
                }
                acknowledged
            })
        };
        let clients = (0..CLIENTS).map(client).collect();
        Writers { over, clients }
    }

    /// The rows that were acknowledged.
    pub fn stop(mut self) -> BTreeSet<String> {
        self.over.store(true, Ordering::Relaxed);
        let clients = self.clients.drain(..);
        clients.flat_map(|client| client.join().expect("a client does not panic")).collect()
    }
}

/// A test that fails leaves no client behind, which would keep the servers of its place.
impl Drop for Writers {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let _ = client.join();
        }
    }
}

/// One session, until it ends with its server or is over.
fn until(over: &AtomicBool, psql: Run) -> BTreeSet<String> {
    let mut running = psql.start();
    while !running.ended() && !over.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(20));
    }
    let said = running.kill_nine().stdout;
    sleep(Duration::from_millis(50));
    said.lines().filter(|line| line.len() == 36).map(str::to_owned).collect()
}
