//! What is unfinished, damaged or out of reach is said, and the rest is shown.

use super::laid::{Laid, OLD, described, encrypted_history, history, history_key, object};
use crate::scene::{KeyPair, error};
use crate::support::run::Outcome;

/// The lines between the table and the windows.
fn remarks(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.stdout.lines().skip_while(|line| !line.starts_with("ID "));
    let lines = lines.skip_while(|line| !line.is_empty());
    let lines = lines.take_while(|line| !line.starts_with("A recovery to"));
    lines.filter(|line| !line.is_empty()).collect()
}

/// The first and the last column of the table.
fn verdicts(outcome: &Outcome) -> Vec<(&str, &str)> {
    let lines = outcome.stdout.lines().filter(|line| line.starts_with("2026"));
    let table = lines.filter(|line| line.contains("nightly"));
    table.filter_map(|line| Some((line.split_once(' ')?.0, line.rsplit_once(' ')?.1))).collect()
}

/// For a server that does not answer.
const LIMITS: [&str; 3] =
    ["--limits-connect-timeout=500ms", "--limits-total-timeout=6s", "--limits-attempts=2"];

const ONE: &str = "20261121T203000Z-0001";
const TWO: &str = "20261122T203000Z-0002";

#[test]
fn an_unfinished_backup_is_counted_only() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described(ONE, 1, 2));
    laid.wal("disk", OLD, 1, 1..=4);
    let unfinished = described(TWO, 1, 4);
    laid.put("disk", &object(&unfinished, "part-00001.tar.zst"), b"half");
    let outcome = laid.list().run();
    assert_eq!(verdicts(outcome.expect(0)), [(ONE, "yes")]);
    assert_eq!(
        remarks(&outcome),
        ["1 unfinished base backup in repository disk: being taken now, or cut short"]
    );
}

#[test]
fn where_all_are_unfinished_there_is_no_backup() {
    let laid = Laid::with_folder();
    for id in [ONE, TWO] {
        laid.put("disk", &object(&described(id, 1, 4), "part-00001.tar.zst"), b"half");
    }
    let expected = format!(
        "There is no base backup of cluster main yet. Looked into {}. `basebackup create` takes one.\n\
         System {OLD} has no base backup, and its WAL alone restores nothing\n\n\
         2 unfinished base backups in repository disk: being taken now, or cut short\n\n",
        laid.resolved().repositories[0].url
    );
    assert_eq!(laid.list().run().expect(0).stdout, expected);
}

#[test]
fn a_broken_description_is_reported_and_the_rest_is_shown() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described(ONE, 1, 2));
    laid.wal("disk", OLD, 1, 1..=4);
    let broken = described(TWO, 1, 3);
    laid.backup("disk", &broken);
    let key = object(&broken, "backup.json");
    let bytes = laid.store("disk").get(&key).expect("it is there");
    let cases: [(&[u8], &str); 4] = [
        (b"", "expected a description of a backup: EOF while parsing a value at line 1 column 0"),
        (
            br#"{"seawall":2}"#,
            "expected backup format 1, found 2. HINT: A newer Seawall wrote it: use that one.",
        ),
        (
            &bytes[..300],
            "expected a description of a backup: EOF while parsing a value at line 14 column 11",
        ),
        (
            &described(ONE, 1, 2).to_json().unwrap(),
            "expected the description of 20261122T203000Z-0002 of system 7711021090723955933, found that of \
             20261121T203000Z-0001 of system 7711021090723955933",
        ),
    ];
    for (bytes, reason) in cases {
        laid.put("disk", &key, bytes);
        let outcome = laid.list().run();
        assert_eq!(verdicts(outcome.expect(5)), [(ONE, "yes")]);
        assert_eq!(
            remarks(&outcome),
            [format!("{TWO} in repository disk can't be read: see the error")]
        );
        let text = format!("could not read base backup {TWO} in repository disk: {reason}");
        let hinted = format!("{text}. HINT: {}", seawall::storage::DAMAGED);
        assert_eq!(error(&outcome), if reason.contains("HINT: ") { text } else { hinted });
    }
}

#[test]
fn missing_and_cut_objects_make_a_backup_worthless_where_they_are() {
    let laid = Laid::with_folder_and_bucket();
    let one = described(ONE, 1, 2);
    for store in ["disk", "s3"] {
        laid.backup(store, &one);
        laid.wal(store, OLD, 1, 1..=4);
    }
    laid.store("disk").delete(&object(&one, "part-00002.tar.zst"));
    let outcome = laid.list().run();
    assert_eq!(verdicts(outcome.expect(0)), [(ONE, "yes")]);
    assert_eq!(
        remarks(&outcome),
        [format!("{ONE} is damaged in repository disk: part-00002.tar.zst is missing")]
    );
    laid.store("s3").damage(&object(&one, "part-00001.tar.zst"), |bytes| bytes.truncate(10));
    laid.store("s3").damage(&object(&one, "backup_manifest.zst"), Vec::clear);
    let outcome = laid.list().run();
    assert_eq!(verdicts(outcome.expect(0)), [(ONE, "no")]);
    assert_eq!(
        remarks(&outcome),
        [
            format!("{ONE} can't be restored: no repository has all of it"),
            format!("{ONE} is damaged in repository disk: part-00002.tar.zst is missing"),
            format!(
                "{ONE} is damaged in repository s3: expected part-00001.tar.zst with 1000 bytes, found 10, and \
                 1 more"
            ),
        ]
    );
}

#[test]
fn a_repository_that_is_down_is_an_error_and_the_other_one_is_shown() {
    let mut laid = Laid::with_folder_and_bucket();
    laid.backup("disk", &described(ONE, 1, 2));
    laid.backup("s3", &described(ONE, 1, 2));
    laid.backup("disk", &described(TWO, 1, 5));
    laid.wal("disk", OLD, 1, 1..=4);
    laid.wal("s3", OLD, 1, 1..=6);
    laid.stop("s3");
    let outcome = laid.list().args(LIMITS).run();
    assert_eq!(verdicts(outcome.expect(8)), [(ONE, "yes"), (TWO, "?")]);
    assert_eq!(
        remarks(&outcome),
        [format!(
            "{TWO} perhaps can't be restored: WAL segment 000000010000000000000005 is missing, as far as the \
             repositories that answered show"
        )]
    );
    let found = error(&outcome);
    assert!(found.starts_with("could not list repository s3: "), "{found}");
    let outcome = laid.basebackup("show").args(LIMITS).arg(ONE).run();
    assert!(outcome.expect(8).stdout.contains("in repository s3: not known"), "{outcome}");
    let outcome = laid.basebackup("show").args(LIMITS).arg("2027").run();
    let found = error(outcome.expect(8));
    let missing =
        "there is no base backup with an id that begins with \"2027\" in the other repositories: ";
    assert!(found.starts_with(missing), "{found}");
}

#[test]
fn without_the_private_key_timelines_are_not_followed_and_that_is_said() {
    let laid = Laid::with_folder();
    let pair = KeyPair::new(&laid.place);
    laid.backup("disk", &described(ONE, 1, 2));
    laid.wal("disk", OLD, 1, 1..=4);
    laid.wal("disk", OLD, 2, 5..=8);
    let history = encrypted_history(2, "1\t0/5800000\tx\n", &pair);
    laid.put("disk", &history_key(OLD, 2, ".age"), &history);
    let lost = "    what leads to timeline 2 is not known: could not fetch 00000002.history from repository \
                disk: it is encrypted and there is no identity file. HINT: Set encryption.identity_file to \
                the file with the private key.";
    let outcome = laid.list().run();
    assert!(outcome.expect(0).stdout.lines().any(|line| line == lost), "{outcome}");
    assert_eq!(outcome.stderr, "");
    laid.configure(&pair.recipients_and_identity(&[&pair]));
    let outcome = laid.list().run();
    let followed = "    it left timeline 1 at 0/5800000";
    assert!(outcome.expect(0).stdout.lines().any(|line| line == followed), "{outcome}");
    // A key that can't be read is said to be just that.
    std::fs::remove_file(&pair.file).expect("made above");
    let outcome = laid.list().run();
    let lost = format!(
        "    what leads to timeline 2 is not known: could not read identity file {:?}: No such file or \
         directory (os error 2). HINT: The user that runs this must be able to read it.",
        pair.file
    );
    assert!(outcome.expect(0).stdout.lines().any(|line| line == lost), "{outcome}");
}

#[test]
fn a_damaged_history_is_an_error() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described(ONE, 1, 2));
    laid.wal("disk", OLD, 1, 1..=4);
    laid.put("disk", &history_key(OLD, 2, ""), &history(2, "1\t0/5800000\tx\n")[..120]);
    let outcome = laid.list().run();
    assert_eq!(verdicts(outcome.expect(5)), [(ONE, "yes")]);
    let found = error(&outcome);
    assert!(
        found.starts_with("could not fetch 00000002.history from repository disk: "),
        "{found}"
    );
}

/// Two hosts began within one second, and each reached another repository.
#[test]
fn two_backups_with_one_id_are_not_taken_for_one() {
    let laid = Laid::with_folder_and_bucket();
    laid.backup("disk", &described(ONE, 1, 2));
    laid.backup("s3", &described(ONE, 1, 3));
    laid.wal("disk", OLD, 1, 1..=4);
    let outcome = laid.list().run();
    assert_eq!(verdicts(outcome.expect(7)), [(ONE, "yes")]);
    assert_eq!(
        error(&outcome),
        format!(
            "expected base backup {ONE} in repository s3 to be the one in repository disk, found one that \
             started at 0/3000028 and not at 0/2000028. HINT: To see it, name repository s3 alone with \
             --repository."
        )
    );
}
