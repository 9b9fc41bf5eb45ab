//! After an outage that was longer than the window nobody copies WAL that the next prune would delete: it is written down, and
//! not owed any more.

use std::time::SystemTime;

use seawall::debts::creditor_of;
use seawall::repository::open_all;

use crate::crash_matrix::dies_at;
use crate::listing::laid::{OLD, segment_key};
use crate::report::scene::Past;
use crate::retention::planted::{DAY, nightly_until};
use crate::scene::{Kind, Store};

/// Backups of twenty nights in a repository, of which retention has kept some; another one notes what it is owed: two segments
/// of 16 days ago that are pruned there, and one of the last hours.
fn long_outage() -> (Past, Store) {
    let past = nightly_until(20, jiff::Timestamp::now());
    past.laid.basebackup("prune").arg("--yes").run().expect(0);
    let near = Store::start(Kind::Local, &past.laid.place);
    let id = creditor_of(&open_all(&past.laid.resolved(), None).unwrap()[0]);
    past.laid.configure(&near.table("near"));
    for (number, days) in [(50, 16), (51, 16), (243, 0)] {
        let key = segment_key(OLD, 1, number);
        if days == 0 {
            past.laid.store("disk").delete(&key);
        }
        assert!(past.laid.store("disk").get(&key).is_none(), "{key} was not pruned");
        let name = key.rsplit('/').next().unwrap().trim_end_matches(".zst");
        let note = format!(
            "{{\"seawall\":1,\"repository\":\"disk\",\"place\":\"x\",\"size\":16777216,\"blake3\":\"{}\",\
             \"since\":\"2026-11-01T00:00:00Z\",\"host\":\"db1\"}}",
            "0".repeat(64)
        );
        near.put(&format!("owed/{id}/postgres/main/{OLD}/wal/{name}.json"), note.as_bytes());
    }
    near.date(&|key| {
        let days = if key.contains("F3.json") { 0 } else { 16 };
        SystemTime::now() - std::time::Duration::from_secs(days * DAY)
    });
    (past, near)
}

fn name(number: u32) -> String {
    let key = segment_key(OLD, 1, number);
    key.rsplit('/').next().unwrap().trim_end_matches(".zst").to_owned()
}

fn notes(near: &Store) -> Vec<String> {
    let keys = near.keys().into_iter().filter(|key| key.starts_with("owed/"));
    keys.map(|key| key.rsplit_once('/').unwrap().1.trim_end_matches(".json").to_owned()).collect()
}

#[test]
fn what_no_rule_keeps_is_written_down_and_not_paid() {
    let (past, near) = long_outage();
    let look = past.laid.seawall("settle").arg("--dry-run").run();
    let words = "Repository disk does not get 2 WAL files that it was owed: no rule of [retention] keeps that WAL any more.";
    look.expect(0).shows(words);
    assert_eq!(notes(&near).len(), 3);
    // There is no good copy of the young one.
    let outcome = past.laid.seawall("settle").run();
    outcome.expect(11).shows(words);
    assert_eq!(notes(&near), [name(243)]);
    let gap = format!("postgres/main/{OLD}/gaps/{}-{}.json", name(50), name(51));
    let gap = past.laid.store("disk").get(&gap).expect("it is written down");
    let gap: serde_json::Value = serde_json::from_slice(&gap).unwrap();
    assert_eq!(gap["by_retention"], true, "{gap}");
}

#[test]
fn killed_between_it_is_written_down_and_owed() {
    for point in ["drop.stored", "drop.gave-up"] {
        let (past, near) = long_outage();
        dies_at(past.laid.seawall("settle"), point);
        assert!(notes(&near).len() >= 2, "{point}");
        past.laid.seawall("settle").run().expect(11);
        assert_eq!(notes(&near), [name(243)], "{point}");
        let gap = format!("postgres/main/{OLD}/gaps/{}-{}.json", name(50), name(51));
        assert!(past.laid.store("disk").get(&gap).is_some(), "{point}");
    }
}
