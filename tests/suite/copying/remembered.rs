//! What a copy leaves out by time, and what this host remembers of what it copied.

use std::time::{Duration, SystemTime};

use super::{LIMIT, Two, redis_backup};
use crate::scene::Kind;
use crate::support::run::Run;

fn redis(two: &Two, verb: &str) -> Run {
    two.scene.run(env!("CARGO_BIN_EXE_redis-backup"), verb).args(["--repository", "b"]).limit(LIMIT)
}

/// The store dates copies anew; the host that copied them knows better, and another one does not.
#[test]
fn prune_counts_the_age_that_backups_had_in_the_source() {
    for remembers in [true, false] {
        let two = Two::new(Kind::Local, Kind::Local);
        (1..=3).for_each(|number| redis_backup(&two.a, number));
        // Stored at the second of its id.
        let stored: SystemTime = "2026-11-01T00:00:05Z".parse::<jiff::Timestamp>().unwrap().into();
        two.a.date(&|_| stored);
        let state = two.scene.place.folder("notes");
        let noted = if remembers { state } else { two.scene.place.folder("others") };
        let noted = format!("--state-directory={}", noted.display());
        two.copy().arg(&noted).run().expect(0);
        let here = format!("--state-directory={}", two.scene.place.folder("notes").display());
        let keep = ["--redis-keep-within=0s", "--redis-keep-last=1", "--redis-keep-daily=0"];
        let prune = redis(&two, "prune").args(keep).arg("--dry-run");
        let outcome = prune.arg(&here).run();
        let known = "Repository b gives a new date to 3 backups that this host saw there before";
        let doubted = "Repository b dates most of its backups later than they say.";
        outcome.expect(0).shows(if remembers { known } else { doubted });
    }
}

/// The newest one before the moment restores it; what is older is not needed.
#[test]
fn what_is_older_than_a_moment_is_left_out() {
    let two = Two::new(Kind::Local, Kind::Local);
    (1..=3).for_each(|number| redis_backup(&two.a, number));
    for (id, time) in
        [(1, "2026-11-01T00:00:01Z"), (2, "2026-11-02T00:00:01Z"), (3, "2026-11-03T00:00:01Z")]
    {
        let key = format!("redis/main/20261101T00000{id}Z-0000/backup.json");
        let text = String::from_utf8(two.a.get(&key).unwrap()).unwrap();
        two.a.put(&key, text.replace("2026-11-01T00:00:01Z", time).as_bytes());
    }
    two.copy().args(["--since", "2026-11-02 12:00:00Z"]).run().expect(0).shows("Copied 4 objects");
    let first = |key: &String| key.contains("20261101T000001Z");
    assert!(!two.b.keys().iter().any(first), "{:?}", two.b.keys());
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() / 2;
    let age = format!("{}s", age.max(Duration::from_secs(1)).as_secs());
    two.copy().args(["--since", &age]).run().expect(0).shows("Copied 2 objects");
    assert_eq!(two.b.keys(), two.a.keys());
}
