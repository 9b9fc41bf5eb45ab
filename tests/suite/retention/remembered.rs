//! What this host saw before a repository was copied is as old as it was; what a human vouches for too. Nothing else is.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::Timestamp;

use super::planted::{DAY, nightly_until, plant};
use super::shows;
use crate::listing::laid::{OLD, described, key, object};
use crate::report::scene::Past;
use crate::support::run::Outcome;

/// Keeps all that there is.
const ALL: &str = "--retention-keep-last=1000";

fn host(past: &Past) -> PathBuf {
    past.laid.place.folder("state of the host")
}

fn prune(past: &Past, options: &[&str]) -> Outcome {
    past.laid.basebackup("prune").args(options).run()
}

fn backups(past: &Past) -> BTreeSet<String> {
    let keys = past.laid.store("disk").keys().into_iter();
    keys.filter(|key| key.ends_with("/backup.json")).collect()
}

/// As `cp -r` and rclone leave it.
fn copied(past: &Past) {
    past.laid.store("disk").date(&|_| SystemTime::now());
}

fn book(past: &Past) -> PathBuf {
    let folder = host(past).join("basebackup-known");
    let names = fs::read_dir(&folder).expect("notes").flatten().map(|it| it.path());
    let books: Vec<PathBuf> = names.collect();
    assert_eq!(books.len(), 1, "{books:?}");
    books.into_iter().next().expect("one")
}

#[test]
fn what_was_seen_before_a_copy_is_as_old_as_it_was() {
    let now = Timestamp::now();
    let (past, honest) = (nightly_until(40, now), nightly_until(40, now));
    host(&past);
    // Planted before it was seen first, and since then.
    let early = plant(&past, 20 * DAY + 3600, 3, false);
    let before = prune(&past, &[ALL, "--retention-wal-window=365d", "--yes"]);
    assert!(before.expect(0).stdout.ends_with("Nothing is to be deleted.\n"), "{before}");
    copied(&past);
    let late = plant(&past, 25 * DAY + 3600, 3, false);
    let changed = past.ago(30 * DAY + 9 * 3600).strftime("%Y%m%dT%H%M%SZ-4f2a").to_string();
    let description = key(OLD, &format!("{changed}/backup.json"));
    let mut bytes = past.laid.store("disk").get(&description).expect("laid out");
    bytes.push(b'\n');
    past.put(&description, &bytes, 0);
    let dry = prune(&past, &["--dry-run"]);
    let outcome = prune(&past, &["--yes"]);
    shows(
        &outcome,
        "Repository disk gives a new date to 39 backups that this host saw there before: they keep their age.\n",
    );
    assert!(dry.stdout.contains("\ndelete disk "), "{dry}");
    // What is in doubt takes nobody's place: the rules go by what is left, on the last day of a month too.
    honest.laid.store("disk").delete(&description);
    prune(&honest, &["--yes"]).expect(0);
    let mut expected = backups(&honest);
    for doubted in [&early, &late, &changed] {
        expected.insert(key(OLD, &format!("{doubted}/backup.json")));
        shows(&outcome, &format!("keep   disk {doubted} says that it ended at 20"));
    }
    assert_eq!(backups(&past), expected, "{outcome}");
}

/// What is lost, or what others can write, is not believed: then the dates of the store count, and it is said once.
#[test]
fn without_a_memory_the_dates_of_the_store_count() {
    let past = nightly_until(20, Timestamp::now());
    host(&past);
    prune(&past, &[ALL, "--yes"]).expect(0);
    copied(&past);
    let (all, book) = (backups(&past), book(&past));
    let folder = book.parent().expect("a folder").to_owned();
    let content = fs::read(&book).expect("readable");
    let nothing = |why: &str| {
        let outcome = prune(&past, &["--yes"]);
        assert!(
            outcome.expect(0).stdout.ends_with("Nothing is to be deleted.\n"),
            "{why} {outcome}"
        );
        assert_eq!(backups(&past), all, "{why}");
        shows(
            &outcome,
            "Repository disk dates most of its backups later than they say. If you copied or \
             restored this repository: seawall trust --repository disk\n",
        );
        let warned =
            outcome.stderr.matches("only the dates of the stores tell how old backups are: ");
        assert_eq!(warned.count(), 1, "{why} {outcome}");
        outcome.says(why);
    };
    fs::write(&book, "{\"seawall\":1").expect("our own file");
    nothing("EOF while parsing");
    fs::write(&book, "{\"seawall\":2,\"descriptions\":{}}").expect("our own file");
    nothing("expected format 1, found 2");
    assert_eq!(fs::read(&book).expect("it stays"), b"{\"seawall\":2,\"descriptions\":{}}");
    fs::write(&book, &content).expect("our own file");
    fs::set_permissions(&book, fs::Permissions::from_mode(0o666)).expect("our own file");
    nothing("others may write to it");
    fs::set_permissions(&book, fs::Permissions::from_mode(0o600)).expect("our own file");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("our own folder");
    nothing("expected only its owner to write to ");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("our own folder");
    fs::rename(&folder, folder.with_extension("away")).expect("our own folder");
    std::os::unix::fs::symlink(folder.with_extension("away"), &folder).expect("our own folder");
    nothing("A folder is expected there, and no link to one.");
    fs::remove_file(&folder).expect("our own link");
    fs::rename(folder.with_extension("away"), &folder).expect("our own folder");
    let outcome = prune(&past, &["--yes"]);
    assert!(outcome.expect(0).stdout.contains("Deleted "), "{outcome}");
}

#[test]
fn a_plan_that_is_only_looked_at_is_not_remembered() {
    let past = nightly_until(3, Timestamp::now());
    let host = host(&past);
    prune(&past, &["--dry-run"]).expect(0);
    assert_eq!(fs::read_dir(&host).expect("a folder").count(), 0);
    prune(&past, &["--yes"]).expect(0);
    let mode = |path: &PathBuf| fs::metadata(path).expect("written").permissions().mode() & 0o777;
    assert_eq!((mode(&host.join("basebackup-known")), mode(&book(&past))), (0o700, 0o600));
}

#[test]
fn a_human_can_vouch_for_a_copy() {
    let now = Timestamp::now();
    let (past, honest) = (nightly_until(20, now), nightly_until(20, now));
    let trust = |options: &[&str]| past.laid.seawall("trust").args(options).run();
    let without = trust(&["--repository", "disk", "--yes"]);
    without.expect(3).says("there is no folder state_directory to note it in at ");
    host(&past);
    trust(&["--yes"]).expect(2).says("expected --repository with the one to trust");
    copied(&past);
    let future = described("20990101T030000Z-0009", 1, 11);
    past.laid.backup("disk", &future);
    let plan = trust(&["--repository", "disk", "--dry-run"]);
    shows(plan.expect(0), &format!("\nbase backups of {OLD}  disk  20       20       "));
    let (oldest, newest) = (past.ago(19 * DAY + 9 * 3600), past.ago(9 * 3600));
    for time in [oldest, newest] {
        shows(&plan, &time.strftime("%Y-%m-%dT%H").to_string());
    }
    shows(&plan, "\nLeft out: 1 backup, whose end is in the future.\n");
    shows(&plan, "prune would believe a planted backup too.\n");
    assert_eq!(fs::read_dir(host(&past)).expect("a folder").count(), 0);
    trust(&["--repository", "disk"])
        .expect(2)
        .says("there is no terminal to ask on. HINT: Add --yes.");
    let outcome = trust(&["--repository", "disk", "--yes"]);
    assert!(outcome.expect(0).stdout.ends_with("\nEntered 20 backups.\n"), "{outcome}");
    let again = trust(&["--repository", "disk", "--yes"]);
    assert!(
        again.expect(0).stdout.ends_with("\nNo date is in doubt: there is nothing to note.\n"),
        "{again}"
    );
    let outcome = prune(&past, &["--yes"]);
    outcome.expect(0);
    prune(&honest, &["--yes"]).expect(0);
    let mut expected = backups(&honest);
    expected.insert(object(&future, "backup.json"));
    assert_eq!(backups(&past), expected, "{outcome}");
}
