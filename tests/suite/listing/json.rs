//! What programs read.

use serde_json::{Value, json};

use super::laid::{Laid, OLD, described, history, history_key, key, object};
use crate::scene::Store;
use crate::support::run::Outcome;

const ONE: &str = "20261121T203000Z-0001";
const TWO: &str = "20261122T203000Z-0002";
const THREE: &str = "20261123T203000Z-0003";
const FOUR: &str = "20261124T203000Z-0004";

#[track_caller]
fn is(outcome: &Outcome, expected: &Value) {
    let found: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert!(found == *expected, "expected\n{expected:#}\nfound\n{found:#}\n{outcome}");
}

/// Two backups, one unfinished and one broken, a timeline that was left, and a gap.
fn laid_out() -> Laid {
    let laid = Laid::with_folder();
    laid.backup("disk", &described(ONE, 1, 2));
    laid.put("disk", &key(OLD, &format!("{ONE}/pin.json")), b"{}");
    laid.backup("disk", &described(TWO, 2, 6));
    laid.put("disk", &object(&described(THREE, 2, 6), "part-00001.tar.zst"), b"half");
    laid.put("disk", &key(OLD, &format!("{FOUR}/backup.json")), b"{}");
    laid.wal("disk", OLD, 1, 1..=4);
    laid.wal("disk", OLD, 2, 7..=8);
    laid.put("disk", &history_key(OLD, 2, ""), &history(2, "1\t0/5800000\tx\n"));
    laid
}

fn backup(
    id: &str,
    timeline: u32,
    lsns: [&str; 2],
    restorable: &str,
    reason: Option<&str>,
) -> Value {
    let day = &id[6..8];
    json!({
        "id": id,
        "label": "nightly",
        "postgres_version": 180_006,
        "wal_segment_size": 16_777_216,
        "start": {"lsn": lsns[0], "timeline": timeline, "time": format!("2026-11-{day}T20:30:00Z")},
        "stop": {"lsn": lsns[1], "timeline": timeline, "time": format!("2026-11-{day}T20:30:05Z")},
        "from_standby": false,
        "checksum_failures": false,
        "standalone": false,
        "size": 12_000,
        "pinned": id == ONE,
        "restorable": restorable,
        "reason": reason,
        "copies": [{
            "repository": "disk",
            "encrypted": false,
            "stored_size": 3125,
            "pinned": id == ONE,
            "fault": null,
        }],
    })
}

fn one() -> Value {
    backup(ONE, 1, ["0/2000028", "0/2000120"], "yes", None)
}

#[test]
fn the_list_has_all_that_is_known() {
    let laid = laid_out();
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    let lacks = Some("WAL segment 000000020000000000000006 is missing");
    let window = json!({
        "from_lsn": "0/2000120",
        "from_time": "2026-11-21T20:30:05Z",
        "to_lsn": "0/5000000",
        "first_backup": ONE,
        "last_backup": ONE,
        "later_than": "2026-11-21T20:30:05Z",
    });
    let stretch = |gaps: Value| json!({"start_lsn": "0/1000000", "end_lsn": "0/5000000", "window": window, "gaps": gaps});
    let missing = json!({
        "first": "000000020000000000000005",
        "last": "000000020000000000000006",
        "segments": 2,
        "not_kept": false,
    });
    let stranded =
        json!({"start_lsn": "0/7000000", "end_lsn": "0/9000000", "window": null, "gaps": []});
    let broken = format!(
        "could not read base backup {FOUR} in repository disk: expected a description of a backup: missing \
         field `seawall` at line 1 column 2. HINT: {}",
        seawall::storage::DAMAGED
    );
    let expected = json!({
        "version": 1,
        "cluster": "main",
        "repositories": [{"name": "disk", "place": root, "error": null}],
        "systems": [{
            "system_identifier": OLD,
            "wal_segment_size": 16_777_216,
            "backups": [one(), backup(TWO, 2, ["0/6000028", "0/6000120"], "no", lacks)],
            "unfinished": [{"id": THREE, "repository": "disk", "objects": 1, "stored_size": 4}],
            "broken": [{"id": FOUR, "repository": "disk", "error": broken}],
            "timelines": [
                {
                    "timeline": 1,
                    "branched": null,
                    "followed": true,
                    "error": null,
                    "wal": [stretch(json!([]))],
                },
                {
                    "timeline": 2,
                    "branched": {"timeline": 1, "lsn": "0/5800000"},
                    "followed": true,
                    "error": null,
                    "wal": [stretch(json!([missing])), stranded],
                },
            ],
            "dropped": [],
            "owed": [],
        }],
    });
    is(laid.list().arg("--json").run().expect(5), &expected);
}

#[test]
fn a_backup_is_shown_with_its_description() {
    let laid = laid_out();
    let description = described(ONE, 1, 2);
    laid.store("disk").delete(&object(&description, "part-00002.tar.zst"));
    let fault = "part-00002.tar.zst is missing";
    let mut backup = one();
    backup["restorable"] = "no".into();
    backup["reason"] = "no repository has all of it".into();
    backup["copies"][0]["fault"] = fault.into();
    let (first, last) = ("000000010000000000000002", "000000010000000000000002");
    let wal = json!({"repository": "disk", "complete": true, "first_missing": null});
    let expected = json!({
        "version": 1,
        "system_identifier": OLD,
        "backup": backup,
        "wal": {"first": first, "last": last, "repositories": [wal]},
        "copies": [{"repository": "disk", "faults": [fault], "description": description}],
    });
    is(laid.basebackup("show").args([ONE, "--json"]).run().expect(0), &expected);
}

#[test]
fn nothing_at_all_is_json_too() {
    let laid = Laid::with_folder();
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    let error = format!(
        "could not list repository disk: the folder {root:?} does not exist. HINT: Is the disk mounted?"
    );
    let expected = json!({
        "version": 1,
        "cluster": "main",
        "repositories": [{"name": "disk", "place": root, "error": error}],
        "systems": [],
    });
    is(laid.list().arg("--json").run().expect(8), &expected);
}
