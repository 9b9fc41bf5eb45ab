//! What is whole, what is chosen, gaps, and a repository that does not answer.

use super::{Story, faults, lsn, segment_name};
use crate::scene::{Store, error};

#[test]
fn all_is_well() {
    let story = Story::new();
    let outcome = story.verify(&story.both, &[]);
    let lines: Vec<&str> = outcome.expect(0).stdout.lines().collect();
    assert_eq!(lines.len(), 1, "{outcome}");
    assert!(lines[0].starts_with("read 2 base backups with 12 objects ("), "{outcome}");
    assert!(lines[0].ends_with("): all is well"), "{outcome}");
    let outcome = story.verify(&story.both, &["--quick"]);
    let beginning = "looked at names and sizes only: 2 base backups with 12 objects, and ";
    assert!(outcome.expect(0).stdout.starts_with(beginning), "{outcome}");
    assert!(outcome.stdout.ends_with(" WAL files: all is well\n"), "{outcome}");
}

#[test]
fn some_can_be_chosen() {
    let story = Story::new();
    let read = |arguments: &[&str]| {
        let outcome = story.verify(&story.both, &[arguments, &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&outcome.expect(0).stdout).unwrap();
        assert_eq!((json["version"].as_u64(), json["well"].as_bool()), (Some(1), Some(true)));
        ["backups", "objects", "wal_files"].map(|key| json["read"][key].as_u64().unwrap())
    };
    let ([all, old], newest) = ([&[][..], &[&*story.backups[0]]].map(read), read(&["--newest"]));
    assert_eq!((all[..2].to_vec(), old[..2].to_vec()), (vec![2, 12], vec![1, 6]));
    // What can be recovered from the old one is all there is.
    assert_eq!(old[2], all[2]);
    assert_eq!(newest[..2], [1, 6]);
    assert!(newest[2] < all[2]);
    assert_eq!(read(&[&story.backups[1]]), newest);
    let outcome = story.verify(&story.both, &["1999"]);
    let hint = "HINT: The nearest are ";
    outcome.expect(2).says("there is no base backup with an id that begins with \"1999\". ");
    outcome.says(hint);
}

#[test]
fn gaps_are_faults() {
    let story = Story::new();
    let [local, far] = &story.sides;
    let (first, last) = (story.between, story.between + 1);
    let [id, newest] = &story.backups;
    for number in [first, last] {
        local.delete(&story.segment(number));
    }
    let gap = format!(
        "{} to {}: 2 WAL segments are missing; no recovery beyond {} on timeline 1 from base backup {id}",
        segment_name(first),
        segment_name(last),
        lsn(first)
    );
    for arguments in [&[][..], &["--quick"]] {
        let outcome = story.verify(&story.both, arguments);
        assert_eq!(faults(outcome.expect(5)), [format!("local: {gap}; repository s3 has it")]);
        outcome.says("verification found 1 fault. HINT: Each is a line of standard output.");
    }
    for number in [first, last] {
        far.delete(&story.segment(number));
    }
    let outcome = story.verify(&story.both, &[]);
    assert_eq!(faults(outcome.expect(5)), [format!("local: {gap}"), format!("s3: {gap}")]);
    // Nobody asks about what the newest does not need.
    story.verify(&story.both, &["--newest"]).expect(0);

    let json: serde_json::Value =
        serde_json::from_slice(&local.get(&story.description(1)).unwrap()).unwrap();
    let start = json["start"]["lsn"].as_str().unwrap();
    let number = u64::from_str_radix(start.strip_prefix("0/").unwrap(), 16).unwrap() >> 20;
    local.delete(&story.segment(number));
    let outcome = story.verify(&local.seawall, &["--newest"]);
    assert_eq!(
        faults(outcome.expect(5)),
        [format!(
            "local: {}: a WAL segment is missing; base backup {newest} can't be restored from \
             repository local",
            segment_name(number)
        )]
    );
}

/// What retention leaves between an old base backup and the one that the WAL window begins with.
#[test]
fn holes_that_retention_leaves_are_no_faults() {
    let story = Story::new();
    let lost = [story.between, story.between + 1];
    for side in &story.sides {
        lost.iter().for_each(|number| side.delete(&story.segment(*number)));
    }
    let window = |window: &str, arguments: &[&str]| {
        let run = story.both.base_backup_by_hand("verify").args(arguments);
        let environment = story.sides[1].store.server().environment();
        run.envs(environment)
            .env("SEAWALL_RETENTION_WAL_WINDOW", window)
            .limit(crate::verify::LIMIT)
            .run()
    };
    let line = format!(
        "{} to {}: not kept, 2 WAL segments before the WAL window; no recovery beyond {} on timeline 1 from base \
         backup {}",
        segment_name(lost[0]),
        segment_name(lost[1]),
        lsn(lost[0]),
        story.backups[0]
    );
    for arguments in [&[][..], &["--quick"]] {
        let outcome = window("0s", arguments);
        assert_eq!(
            faults(outcome.expect(0)),
            [format!("local: {line}"), format!("s3: {line}")],
            "{outcome}"
        );
        assert!(outcome.stdout.ends_with(": all is well\n"), "{outcome}");
    }
    // What an old base backup needs itself is a fault, however old it is.
    let json = story.sides[0].get(&story.description(0)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let start = json["start"]["lsn"].as_str().unwrap();
    let number = u64::from_str_radix(start.strip_prefix("0/").unwrap(), 16).unwrap() >> 20;
    story.sides[0].delete(&story.segment(number));
    let outcome = window("0s", &[]);
    let fault = format!("base backup {} can't be restored from repository local", story.backups[0]);
    assert!(outcome.expect(5).stdout.contains(&fault), "{outcome}");
    outcome.says("verification found 1 fault.");
    // Within the window it is one: nothing mends it, and the newest base backup needs nothing of it.
    window("7d", &[]).expect(5);
    let record = story.last_record();
    assert_eq!(record["passed"], false);
    let found = record["found"].as_array().unwrap();
    assert!(found.iter().any(|it| it.as_str().unwrap().contains(&fault)), "{record}");
}

/// As each night's verification of what was just stored, while an older backup is damaged.
#[test]
fn the_newest_alone_hides_no_fault_of_the_others() {
    let story = Story::new();
    story.verify(&story.both, &["--newest"]).expect(0);
    assert_eq!(story.last_record()["passed"], true);
    let (part, side) = (story.part(0), &story.sides[0]);
    let content = side.get(&part).unwrap();
    side.delete(&part);
    story.verify(&story.both, &[]).expect(5);
    let failed = story.last_record();
    assert_eq!(failed["passed"], false);
    let outcome = story.verify(&story.both, &["--newest"]);
    outcome.expect(0).says("only one of all says that it is gone");
    assert_eq!(story.last_record(), failed);
    side.put(&part, &content);
    story.verify(&story.both, &[]).expect(0);
    assert_eq!(story.last_record()["passed"], true);
}

#[test]
fn a_repository_that_does_not_answer_does_not_hide_the_others() {
    let mut story = Story::new();
    let limits = ["--limits-attempts=1", "--limits-total-timeout=5s"];
    let environment = story.sides[1].store.server().environment();
    let Store::Bucket(server) = &mut story.sides[1].store else { panic!("it is a bucket") };
    server.stop();
    let verify = || {
        let run = story.both.base_backup_by_hand("verify").args(limits);
        run.envs(environment.clone()).run()
    };
    let outcome = verify();
    assert!(outcome.expect(8).stdout.starts_with("read 2 base backups with 6 objects ("));
    assert!(outcome.stdout.ends_with("): no fault in what could be read\n"), "{outcome}");
    assert!(error(&outcome).starts_with("could not verify all of repository s3: "), "{outcome}");
    // What is known to be wrong comes first.
    story.sides[0].delete(&story.part(0));
    let outcome = verify();
    assert_eq!(faults(outcome.expect(5)).len(), 1);
    outcome.says("could not verify all of repository s3: ");
}
