//! Retention deletes an older base backup and its WAL while both are verified: they count as pruned.

use std::time::Duration;

use super::{LIMIT, Side, Story, segment_number};
use crate::scene::Store;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::run::Outcome;
use crate::support::wait::poll;

struct Slow<'a> {
    story: &'a Story,
    far: &'a Side,
    proxy: Proxy,
}

impl Slow<'_> {
    /// Deletes something while a segment that only the older backup needs is being read.
    fn verify_while(&self, meanwhile: impl FnOnce()) -> Outcome {
        let Store::Bucket(s3) = &self.far.store else { panic!("a bucket") };
        self.proxy.clear();
        let segment = self.story.segment(self.story.between);
        let before = self.proxy.count("GET", &segment);
        self.proxy
            .add(Rule::new(Fault::Delay(Duration::from_secs(2))).method("GET").path(&segment));
        let verify = self.far.seawall.base_backup_by_hand("verify");
        let verify = verify.envs(self.proxy.environment(s3)).limit(LIMIT).start();
        let asked = || (self.proxy.count("GET", &segment) > before).then_some(());
        poll(LIMIT, asked).expect("it is read");
        meanwhile();
        verify.finish()
    }

    /// What `prune` deletes with the older backup, in its order: descriptions before all else, WAL last.
    fn prune(&self, with_backup: bool) {
        let old = self.story.description(0);
        let folder = old.trim_end_matches("backup.json");
        let keys = self.story.keys(self.far);
        if with_backup {
            self.far.delete(&old);
            let rest = keys.iter().filter(|key| key.starts_with(folder) && **key != old);
            rest.for_each(|key| self.far.delete(key));
        }
        let newer = self.far.get(&self.story.description(1)).expect("a description");
        let newer: serde_json::Value = serde_json::from_slice(&newer).expect("JSON");
        let start = newer["start"]["lsn"].as_str().expect("a place").strip_prefix("0/");
        let first = u64::from_str_radix(start.expect("a low one"), 16).expect("a number") >> 20;
        let number = |key: &str| {
            let name = key.rsplit('/').next().expect("a name");
            name.starts_with("00000001").then(|| segment_number(&name[..24]))
        };
        let wal = keys.iter().filter(|key| key.contains("/wal/00000001"));
        let older: Vec<&String> =
            wal.filter(|key| number(key).is_some_and(|it| it < first)).collect();
        assert!(older.len() > 3, "{older:?}");
        older.into_iter().for_each(|key| self.far.delete(key));
    }
}

#[test]
fn wal_that_is_pruned_while_it_is_verified_is_no_fault() {
    let story = Story::new();
    let far = &story.sides[1];
    let Store::Bucket(s3) = &far.store else { panic!("a bucket") };
    let slow = Slow { story: &story, far, proxy: Proxy::start(s3.address()) };
    let outcome = slow.verify_while(|| slow.prune(true));
    assert!(outcome.expect(0).stdout.ends_with(": all is well\n"), "{outcome}");
}

/// The same without the backup's going: nobody pruned that WAL.
#[test]
fn wal_that_is_lost_while_it_is_verified_is_a_fault() {
    let story = Story::new();
    let far = &story.sides[1];
    let Store::Bucket(s3) = &far.store else { panic!("a bucket") };
    let slow = Slow { story: &story, far, proxy: Proxy::start(s3.address()) };
    let outcome = slow.verify_while(|| slow.prune(false));
    let fault = format!("base backup {} can't be restored", story.backups[0]);
    assert!(outcome.expect(5).stdout.contains(&fault), "{outcome}");
}
