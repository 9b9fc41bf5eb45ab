//! What a push does while a repository is away, and once it is back.

use std::time::Duration;

use super::OneOfTwo;
use crate::scene::{SHORT, SHORT_LIMITS, altered, error, side_by_side};
use crate::support::proxy::Fault;

#[test]
fn a_push_succeeds_with_one_copy_and_notes_what_the_other_one_is_owed() {
    let faults = [
        Fault::Answer(500),
        Fault::Answer(503),
        Fault::Answer(403),
        Fault::Hang,
        Fault::CutBeforeAnswer,
    ];
    side_by_side(&faults, |&fault| {
        let both = OneOfTwo::new();
        both.bucket_does(fault);
        let outcome = both.scene.has(0).push(0).args(SHORT_LIMITS).run();
        assert!(outcome.status == Some(0) && outcome.took < SHORT, "{fault:?}: {outcome}");
        outcome.says("it is owed to this repository, and tried again in a minute");
        outcome.says("repositories=\"cloud\"").says("owed");
        both.folder.holds(&both.scene.clear_key(0), both.scene.bytes(0));
        assert_eq!(both.owed(&both.folder), [both.scene.name(0)]);
        // It is left out: nobody waits for it.
        let asked = both.proxy.requests().len();
        both.scene.has(1).push(1).args(SHORT_LIMITS).run().expect(0);
        assert_eq!(both.proxy.requests().len(), asked, "{fault:?}");
        assert_eq!(both.owed(&both.folder), [both.scene.name(0), both.scene.name(1)]);
        assert_eq!(both.bucket.keys(), [""; 0]);
    });
}

/// The answer does not wait for the requests to the one that hangs: with the limits of everyday these go on for minutes.
#[test]
fn with_the_usual_limits_nobody_waits_long_for_one_that_hangs() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Hang);
    let outcome = both.scene.has(0).push(0).limit(Duration::from_secs(300)).run();
    outcome.expect(0).says("it is owed to this repository, and tried again in a minute");
    assert!(outcome.took < Duration::from_secs(100), "{outcome}");
    assert_eq!(both.owed(&both.folder), [both.scene.name(0)]);
}

#[test]
fn where_all_are_needed_a_push_fails_as_before() {
    for top in ["", "needed = \"all\"", "needed = 2"] {
        let both = OneOfTwo::with(top);
        both.bucket_does(Fault::Answer(500));
        both.scene.has(0).push(0).args(SHORT_LIMITS).run().expect(8);
        assert_eq!(both.owed(&both.folder), [""; 0]);
    }
}

#[test]
fn a_required_repository_is_not_made_up_for() {
    let both = OneOfTwo::new();
    let table = format!("{}required = true\n", both.tables[1]);
    let scene = crate::scene::Scene::in_place(&both.scene.place)
        .with("needed = 1")
        .with(&both.tables[0])
        .with(&table);
    both.bucket_does(Fault::Answer(500));
    scene.has(0).push(0).args(SHORT_LIMITS).run().expect(8);
    assert_eq!(both.owed(&both.folder), [""; 0]);
}

#[test]
fn two_repositories_that_are_away_fail_a_push() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(500));
    std::fs::remove_dir(both.folder.folder().parent().expect("a parent")).expect("empty");
    let outcome = both.scene.has(0).push(0).args(SHORT_LIMITS).run();
    assert!([Some(8), Some(10)].contains(&outcome.status), "{outcome}");
}

/// A few with each push, oldest first; while any is owed the newest is owed too.
#[test]
fn later_pushes_pay_when_it_is_back() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(503));
    both.pushes(0..7);
    assert_eq!(both.owed(&both.folder).len(), 7);
    both.proxy.clear();
    // Within the minute nobody asks it.
    both.pushes([7]);
    assert_eq!(both.bucket.keys(), [""; 0]);
    both.a_minute_later();
    both.pushes([8]);
    let keys = |numbers: std::ops::Range<usize>| -> Vec<String> {
        numbers.map(|number| both.scene.clear_key(number)).collect()
    };
    assert_eq!(both.wal(&both.bucket), keys(0..5), "five, and the oldest first");
    let owed: Vec<&str> = (5..9).map(|number| both.scene.name(number)).collect();
    assert_eq!(both.owed(&both.folder), owed);
    both.pushes([9]);
    assert_eq!(both.wal(&both.bucket), keys(0..10));
    assert_eq!(both.owed(&both.folder), [""; 0]);
    // Now it takes part again.
    both.pushes([10]);
    assert_eq!(both.wal(&both.bucket), keys(0..11));
    for number in 0..11 {
        both.bucket.holds(&both.scene.clear_key(number), both.scene.bytes(number));
    }
}

/// First the folder is away and then the bucket: the folder does not get the newest file without the one before.
#[test]
fn two_outages_one_after_the_other_leave_no_hole() {
    let both = OneOfTwo::new();
    both.pushes([0]);
    let root = both.folder.folder().to_owned();
    let aside = root.with_file_name("aside");
    std::fs::rename(&root, &aside).expect("our own folder");
    std::fs::write(&root, "no folder").expect("a file");
    both.pushes([1]);
    std::fs::remove_file(&root).expect("our own file");
    std::fs::rename(&aside, &root).expect("our own folder");
    both.bucket_does(Fault::Answer(503));
    let notes = || both.scene.files_in("pg_wal/seawall/away").len();
    assert_eq!(notes(), 1);
    // The folder is owed the one before, and nobody can give it.
    let outcome = both.scene.has(2).push(2).args(SHORT_LIMITS).run();
    assert_ne!(outcome.status, Some(0), "{outcome}");
    both.proxy.clear();
    both.a_minute_later();
    both.pushes([2, 3]);
    assert_eq!(notes(), 0);
    for number in 0..4 {
        both.folder.holds(&both.scene.clear_key(number), both.scene.bytes(number));
        both.bucket.holds(&both.scene.clear_key(number), both.scene.bytes(number));
    }
}

/// The one that is away may be the folder.
#[test]
fn a_disk_that_is_not_mounted_is_owed_what_it_misses() {
    let both = OneOfTwo::new();
    let parent = both.folder.folder().parent().expect("a parent").to_owned();
    std::fs::remove_dir(&parent).expect("empty");
    both.pushes([0, 1]);
    assert_eq!(both.owed(&both.bucket), [both.scene.name(0), both.scene.name(1)]);
    crate::support::user::hand_over_alone(both.scene.place.path());
    std::fs::create_dir(&parent).expect("a folder");
    crate::support::user::hand_over_alone(&parent);
    both.a_minute_later();
    both.pushes([2, 3]);
    assert_eq!(both.owed(&both.bucket), [""; 0]);
    for number in 0..4 {
        both.folder.holds(&both.scene.clear_key(number), both.scene.bytes(number));
    }
}

/// Whoever wants all again gets the debts paid before anything else.
#[test]
fn with_all_needed_again_the_debts_come_first() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(503));
    both.pushes(0..7);
    let push =
        |number: usize| both.scene.has(number).push(number).args(SHORT_LIMITS).arg("--needed=all");
    push(7).run().expect(8);
    both.proxy.clear();
    push(7).run().expect(0);
    assert_eq!(both.owed(&both.folder), [""; 0]);
    for number in 0..8 {
        both.bucket.holds(&both.scene.clear_key(number), both.scene.bytes(number));
    }
}

/// What is in a repository that was away is compared when it is back: the first conflict stops its timeline.
#[test]
fn two_lines_are_noticed_at_the_first_file_that_is_paid() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(503));
    both.pushes([0, 1, 2]);
    both.proxy.clear();
    // Another server archived there meanwhile.
    let other = crate::scene::Scene::in_place(&both.scene.place).with(&both.tables[1]);
    other.directory.put(other.name(1), &altered(other.bytes(1)));
    other.push(1).args(SHORT_LIMITS).run().expect(0);
    both.a_minute_later();
    let outcome = both.scene.has(3).push(3).args(SHORT_LIMITS).run();
    outcome.expect(0);
    assert!(
        error(&outcome).contains("nothing later of timeline 1 goes into repository cloud"),
        "{outcome}"
    );
    let owed: Vec<&str> = (1..4).map(|number| both.scene.name(number)).collect();
    assert_eq!(both.owed(&both.folder), owed);
    assert_eq!(both.wal(&both.bucket), [both.scene.clear_key(0), both.scene.clear_key(1)]);
}

/// A note that was left by a crash, and one of a host that may not delete, are no debts.
#[test]
fn a_debt_is_paid_when_the_file_is_there() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(503));
    both.pushes([0]);
    let note = both.folder.keys().into_iter().find(|key| key.starts_with("owed/")).expect("a note");
    let content = both.folder.get(&note).expect("a note");
    both.proxy.clear();
    both.a_minute_later();
    both.pushes([1]);
    assert_eq!(both.owed(&both.folder), [""; 0]);
    both.folder.put(&note, &content);
    both.pushes([2, 3]);
    both.bucket.holds(&both.scene.clear_key(3), both.scene.bytes(3));
}
