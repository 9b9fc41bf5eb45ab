//! A copy that is killed, at each named place and at random moments: the next one goes on, and nothing that is there half
//! counts for whole.

use std::time::{Duration, Instant};

use super::{S3, Two, content, redis_backup};
use crate::scene::Kind;

/// Every place where a copy alone can die.
pub const POINTS: [&str; 9] = [
    "copy.wal-read",
    "copy.wal-stored",
    "copy.marked",
    "copy.tree-begun",
    "copy.tree-laid",
    "copy.object-read",
    "copy.object-stored",
    "copy.objects-stored",
    "copy.described",
];

#[test]
fn killed_anywhere_the_next_one_goes_on() {
    for kind in [Kind::Local, S3] {
        // The others are of snapshots: see `kinds`.
        let of_snapshots = |point: &&str| !point.contains("tree") && *point != "copy.marked";
        for point in POINTS.into_iter().filter(of_snapshots) {
            let two = Two::new(Kind::Local, kind);
            two.archives(4);
            (1..4).for_each(|number| redis_backup(&two.a, number));
            let outcome = two.copy().env("SEAWALL_FAILPOINT", format!("{point}:1")).run();
            assert_eq!(outcome.signal, Some(9), "it did not die at {point}: {outcome}");
            is_in_order(&two);
            two.copy().run().expect(0);
            assert_eq!(content(&two.b), content(&two.a), "{point}");
            assert_eq!(two.b.leftovers(), [""; 0]);
        }
    }
}

/// What is there is whole; WAL has no hole, and no description comes before what it describes.
#[track_caller]
fn is_in_order(two: &Two) {
    let (a, b) = (content(&two.a), content(&two.b));
    for (key, bytes) in &b {
        assert!(a.get(key) == Some(bytes), "{key} is another one");
    }
    let missing = |key: &&String| !b.contains_key(*key);
    let wal = a.keys().filter(|key| key.starts_with("postgres/"));
    let first = wal.clone().position(|key| missing(&key));
    if let Some(first) = first {
        assert!(wal.skip(first).all(|key| missing(&key)), "a hole in {:?}", b.keys());
    }
    for key in b.keys().filter_map(|key| key.strip_suffix("backup.json")) {
        assert!(b.contains_key(&format!("{key}dump.rdb.zst")), "{key}");
    }
}

const BACKUPS: usize = 980;
const SEGMENTS: usize = 24;
const KILLS: u32 = 50;

/// 2,000 objects: how long a copy lasts is found out on the way, for a busy machine and an idle one.
#[test]
fn killed_fifty_times_at_random_it_ends_equal() {
    let two = Two::new(Kind::Local, Kind::Local);
    two.archives(SEGMENTS);
    (0..BACKUPS).for_each(|number| redis_backup(&two.a, number));
    for number in 0..16 {
        let record = serde_json::json!({
            "seawall": 1, "id": format!("20261122T2030{number:02}Z-4f2a"), "kind": "drill",
            "began": "2026-11-22T20:30:00Z", "ended": "2026-11-22T20:31:00Z", "passed": true, "backups": [],
        });
        let key = format!("history/redis/main/20261122T2030{number:02}Z-4f2a-drill.json");
        two.a.put(&key, record.to_string().as_bytes());
    }
    assert_eq!(two.a.keys().len(), 2 * BACKUPS + SEGMENTS + 16);
    let mut seed = u64::from(std::process::id()) << 16 | 1;
    println!("seed {seed}");
    let mut below = |end: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % end
    };
    let mut killed = 0;
    for _ in 0..KILLS {
        let (mut running, began) = (two.copy().start(), Instant::now());
        let pause = Duration::from_millis(150 + below(400));
        while began.elapsed() < pause && !running.ended() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let ended = running.ended();
        killed += u32::from(running.kill_nine().signal == Some(9));
        is_in_order(&two);
        if ended {
            // It begins anew with what is left of the second half.
            let keys = two.b.keys();
            keys[keys.len() / 2..].iter().for_each(|key| two.b.delete(key));
        }
    }
    assert!(killed >= 10, "only {killed} of {KILLS} were killed before their end");
    two.copy().run().expect(0);
    assert_eq!(content(&two.b), content(&two.a));
    assert_eq!(two.b.leftovers(), [""; 0]);
}
