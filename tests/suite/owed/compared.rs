//! What repositories hold is compared: debts whose notes are gone, and a repository that was rolled back, are found, and paid as
//! any debt. What a repository never held, what was dropped, and what is of another line is not noted.

use std::time::{Duration, SystemTime};

use super::OneOfTwo;
use super::settling::settle;
use crate::crash_matrix::dies_at;
use crate::scene::{Kind as StoreKind, SHORT_LIMITS, Scene, Store, altered};
use crate::support::proxy::Fault;
use crate::support::run::Run;
use crate::support::user::hand_over;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn compare(scene: &Scene) -> Run {
    settle(scene).arg("--compare")
}

/// What is there was stored yesterday: nothing of it is under way.
fn yesterday(store: &Store) {
    store.date(&|_| SystemTime::now() - DAY);
}

fn forget_notes(both: &OneOfTwo) {
    let notes = both.folder.keys().into_iter().filter(|key| key.starts_with("owed/"));
    notes.for_each(|key| both.folder.delete(&key));
}

/// The first is in both; the bucket lacks the next three, and nobody knows.
fn with_lost_notes(top: &str) -> OneOfTwo {
    let both = OneOfTwo::with(top);
    both.pushes(0..4);
    (1..4).for_each(|number| both.bucket.delete(&both.scene.clear_key(number)));
    yesterday(&both.folder);
    both
}

#[test]
fn a_debt_whose_notes_died_is_found_and_paid() {
    let both = OneOfTwo::new();
    both.pushes([0]);
    both.bucket_does(Fault::Answer(503));
    both.pushes(1..4);
    both.proxy.clear();
    forget_notes(&both);
    // It may be under way.
    compare(&both.scene).run().expect(0).shows("Nothing is owed.");
    yesterday(&both.folder);
    settle(&both.scene).run().expect(0).shows("Nothing is owed.");
    let system = both.scene.wal.system_identifier;
    let words =
        format!("Repository cloud lacks 3 WAL files of system {system} that nobody noted: ");
    let look = compare(&both.scene).arg("--dry-run").run();
    look.expect(0).shows(&format!("{words}they would be noted.\n"));
    assert_eq!(both.owed(&both.folder), [""; 0]);
    let outcome = compare(&both.scene).run();
    outcome.expect(0).shows(&format!("{words}noted now.\n")).shows("3 WAL files");
    both.both_hold(4);
    assert_eq!(both.owed(&both.folder), [""; 0]);
    compare(&both.scene).run().expect(0).shows("Nothing is owed.");
}

/// All are needed, and all had acknowledged it.
#[test]
fn a_repository_that_was_rolled_back_gets_what_it_lost() {
    let both = with_lost_notes("");
    let outcome = compare(&both.scene).arg("--json").run();
    let json: serde_json::Value = serde_json::from_str(&outcome.expect(0).stdout).unwrap();
    let row = &json["compared"][0];
    assert_eq!(
        (row["repository"].as_str(), row["lacked"].as_u64(), row["new"].as_bool()),
        (Some("cloud"), Some(3), Some(false)),
        "{json}"
    );
    assert_eq!(json["owed"][0]["paid"], 3, "{json}");
    both.both_hold(4);
}

#[test]
fn it_may_be_killed_at_any_note() {
    for point in ["owe.before-note", "owe.noted", "owe.noted:2", "settle.carried"] {
        let both = with_lost_notes("needed = 1");
        dies_at(compare(&both.scene), point);
        let rest = compare(&both.scene).run();
        rest.expect(0);
        both.both_hold(4);
        assert_eq!(both.owed(&both.folder), [""; 0], "{point}");
    }
}

/// Before the first one that it holds, it is its own affair.
#[test]
fn what_a_repository_has_only_the_later_part_of_is_no_debt() {
    let both = OneOfTwo::new();
    both.pushes(0..4);
    (0..2).for_each(|number| both.bucket.delete(&both.scene.clear_key(number)));
    yesterday(&both.folder);
    compare(&both.scene).run().expect(0).shows("Nothing is owed.");
}

#[test]
fn a_new_repository_is_owed_nothing_and_how_to_fill_it_is_said() {
    let both = OneOfTwo::new();
    let new = Store::start(StoreKind::Local, &both.scene.place);
    std::fs::create_dir_all(new.folder()).unwrap();
    hand_over(new.folder());
    both.pushes(0..2);
    yesterday(&both.folder);
    let scene = Scene::in_place(&both.scene.place)
        .with("needed = 1")
        .with(&both.tables[0])
        .with(&both.tables[1])
        .with(&new.table("third"));
    let outcome = compare(&scene).run();
    outcome.expect(0).shows("Repository third has nothing of system ");
    assert!(outcome.stdout.contains("seawall copy --from "), "{outcome}");
    assert!(outcome.stdout.contains(" --to third\n"), "{outcome}");
    assert_eq!((both.owed(&both.folder), new.keys()), (vec![], vec![]));
}

#[test]
fn what_was_given_up_stays_given_up() {
    let both = OneOfTwo::new();
    both.pushes([0]);
    both.bucket_does(Fault::Answer(503));
    both.pushes(1..3);
    both.proxy.clear();
    let words = ["--repository", "cloud", "--until", both.scene.name(1), "--yes"];
    both.scene.seawall("drop-wal").args(words).run().expect(0);
    settle(&both.scene).run().expect(0);
    yesterday(&both.folder);
    compare(&both.scene).run().expect(0).shows("Nothing is owed.");
    assert!(both.bucket.get(&both.scene.clear_key(1)).is_none());
}

/// Neither of two servers that archived into one repository each is noted to the other.
#[test]
fn what_is_of_another_line_is_not_noted() {
    let both = with_lost_notes("needed = 1");
    let other = Scene::in_place(&both.scene.place).with(&both.tables[1]);
    other.directory.put(other.name(0), &altered(other.bytes(0)));
    both.bucket.delete(&both.scene.clear_key(0));
    other.push(0).args(SHORT_LIMITS).run().expect(0);
    let outcome = compare(&both.scene).run();
    outcome.expect(7).says("; nothing of timeline 1 is noted");
    assert_eq!(both.owed(&both.folder), [""; 0]);
    assert!(both.bucket.get(&both.scene.clear_key(1)).is_none());
}

#[test]
fn once_a_day_where_the_host_remembers() {
    let both = OneOfTwo::new();
    let state = both.scene.place.folder("state of the host");
    both.pushes(0..4);
    settle(&both.scene).run().expect(0).shows("Nothing is owed.");
    let note = state.join("compared/main.json");
    let text = std::fs::read_to_string(&note).expect("it was compared");
    both.bucket.delete(&both.scene.clear_key(3));
    yesterday(&both.folder);
    settle(&both.scene).run().expect(0).shows("Nothing is owed.");
    assert_eq!(std::fs::read_to_string(&note).unwrap(), text);
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    old["when"] = "2026-01-01T00:00:00Z".into();
    std::fs::write(&note, old.to_string()).unwrap();
    settle(&both.scene).run().expect(0).shows("lacks 1 WAL file of system ");
    both.both_hold(4);
}

/// It is back: was that all?
#[test]
fn after_the_last_debt_it_is_looked_what_else_is_lacking() {
    let both = with_lost_notes("needed = 1");
    both.bucket_does(Fault::Answer(503));
    both.pushes([4]);
    both.proxy.clear();
    let outcome = settle(&both.scene).run();
    outcome.expect(0).shows("1 WAL file").shows("Repository cloud lacks 3 WAL files of system ");
    assert_eq!(both.owed(&both.folder).len(), 3);
    settle(&both.scene).run().expect(0);
    both.both_hold(5);
}
