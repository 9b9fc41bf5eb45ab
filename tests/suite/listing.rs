//! `basebackup list` and `basebackup show` on repositories laid out by hand, compared word by word.

mod json;
pub mod laid;
pub mod many;
mod narrow;
mod one_backup;
mod trouble;
mod windows;

use self::laid::{Laid, OLD, described};
use crate::support::run::Outcome;

#[test]
fn without_a_backup_it_says_what_to_do() {
    let laid = Laid::with_folder();
    let outcome = laid.list().run();
    outcome.expect(8);
    assert_eq!(
        outcome.stdout,
        format!(
            "There is no base backup of cluster main in the repositories that answered. Looked into {}. `basebackup create` \
             takes one.\n",
            laid.resolved().repositories[0].url
        )
    );
    laid.wal("disk", OLD, 1, 1..=3);
    let outcome = laid.list().run();
    let expected = format!(
        "There is no base backup of cluster main yet. Looked into {}. `basebackup create` takes one.\n\
         System {OLD} has no base backup, and its WAL alone restores nothing\n\n",
        laid.resolved().repositories[0].url
    );
    assert_eq!(outcome.expect(0).stdout, expected, "{outcome}");
}

/// A wrong name looks like an empty repository.
#[test]
fn other_clusters_are_named() {
    let laid = Laid::with_folder_and_bucket();
    laid.backup("disk", &described("20261122T203000Z-4f2a", 1, 2));
    for (store, cluster) in [("disk", "a"), ("s3", "a"), ("s3", "b")] {
        laid.put(store, &format!("postgres/{cluster}/{OLD}/wal/00000002.history.zst"), b"x");
    }
    let has =
        |outcome: &Outcome, text: &str| assert!(outcome.stdout.contains(text), "{text} {outcome}");
    let others = "The repository has other clusters: ";
    let outcome = laid.list().env("SEAWALL_CLUSTER", "mian").run();
    has(
        outcome.expect(0),
        "`basebackup create` takes one.\nThe repository has other clusters: a in disk,s3; b in s3; main in disk. Name \
         the right one with `cluster`.\n",
    );
    let outcome = laid.list().run();
    assert!(!outcome.expect(0).stdout.contains(others), "{outcome}");
    for number in 0..20 {
        laid.put("s3", &format!("postgres/c{number:02}/{OLD}/wal/00000002.history.zst"), b"x");
    }
    let outcome = laid.list().env("SEAWALL_CLUSTER", "mian").run();
    has(&outcome, "; c07 in s3, and more. Name the right one with `cluster`.\n");
}

#[test]
fn backups_of_two_repositories_are_one_list() {
    let laid = Laid::with_folder_and_bucket();
    laid.backup("disk", &described("20261122T203000Z-4f2a", 1, 2));
    laid.backup("s3", &described("20261122T203000Z-4f2a", 1, 2));
    laid.backup("s3", &described("20261123T203000Z-00aa", 1, 5));
    laid.wal("disk", OLD, 1, 2..=4);
    laid.wal("s3", OLD, 1, 4..=7);
    laid.put("s3", &laid::key(OLD, "20261123T203000Z-00aa/pin.json"), b"{}");
    let outcome = laid.list().run();
    shows(
        outcome.expect(0),
        "\
System 7711021090723955933, PostgreSQL 18.6, WAL segments of 16 MiB

ID                     LABEL    BEGAN                 TOOK  SIZE   STORED  TL  START..STOP           PIN  IN       OK
20261122T203000Z-4f2a  nightly  2026-11-22T20:30:00Z  5s    11.7K  3.1K    1   0/2000028..0/2000120       disk,s3  yes
20261123T203000Z-00aa  nightly  2026-11-23T20:30:00Z  5s    11.7K  3.1K    1   0/5000028..0/5000120  yes  s3       yes

20261122T203000Z-4f2a can't be restored from s3 alone: it lacks 000000010000000000000002

A recovery to
  timeline 1   [B=============================B=============================] 0/2000120 to 0/8000000
    0/2000120 (2026-11-22T20:30:05Z) to 0/8000000 (later than 2026-11-23T20:30:05Z)

",
    );
}

/// More than are read at the same time.
#[test]
fn a_bucket_may_hold_many() {
    let laid = Laid::with_folder_and_bucket();
    laid.wal("disk", OLD, 1, 0..=40);
    for number in 0..40 {
        let id = format!("20261101T20{number:02}00Z-0000");
        laid.backup("s3", &described(&id, 1, number));
    }
    let outcome = laid.list().run();
    let found = outcome.expect(0).stdout.lines().filter(|line| line.ends_with("  s3  yes"));
    let ids: Vec<&str> = found.filter_map(|line| line.split(' ').next()).collect();
    let expected: Vec<String> =
        (0..40).map(|number| format!("20261101T20{number:02}00Z-0000")).collect();
    assert_eq!(ids, expected, "{outcome}");
}

/// What stands below every list.
const LEGEND: &str = "\
B base backup; x or ? one that can't, or perhaps can't, be restored to this timeline; = a recovery can end here;
- the same on WAL of an older timeline; . WAL that no base backup leads to; blank between them: missing.
";

/// Panics unless standard output is this and the legend, and nobody needs a wide terminal to see it.
#[track_caller]
fn shows(outcome: &Outcome, expected: &str) {
    let expected = format!("{expected}{LEGEND}");
    assert!(outcome.stdout == expected, "expected\n{expected}\nfound {outcome}");
    let wide = outcome.stdout.lines().find(|line| line.chars().count() > 120);
    assert_eq!(wide, None);
}
