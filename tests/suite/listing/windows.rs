//! What can be recovered, drawn: gaps, timelines and systems.

use super::laid::{Laid, NEW, OLD, described, history, history_key};
use super::shows;
use crate::support::run::Outcome;

#[test]
fn a_gap_is_drawn_named_and_spoils_the_backup_in_it() {
    let laid = Laid::with_folder();
    for (id, segment) in
        [("20261121T203000Z-0001", 2), ("20261122T203000Z-0002", 6), ("20261123T203000Z-0003", 9)]
    {
        laid.backup("disk", &described(id, 1, segment));
    }
    laid.wal("disk", OLD, 1, 1..=5);
    laid.wal("disk", OLD, 1, 8..=10);
    laid.wal("disk", OLD, 1, 12..=12);
    let outcome = laid.list().run();
    shows(
        outcome.expect(0),
        "\
System 7711021090723955933, PostgreSQL 18.6, WAL segments of 16 MiB

ID                     LABEL    BEGAN                 TOOK  SIZE   STORED  TL  START..STOP           PIN  IN    OK
20261121T203000Z-0001  nightly  2026-11-21T20:30:00Z  5s    11.7K  3.1K    1   0/2000028..0/2000120       disk  yes
20261122T203000Z-0002  nightly  2026-11-22T20:30:00Z  5s    11.7K  3.1K    1   0/6000028..0/6000120       disk  no
20261123T203000Z-0003  nightly  2026-11-23T20:30:00Z  5s    11.7K  3.1K    1   0/9000028..0/9000120       disk  yes

20261122T203000Z-0002 can't be restored: WAL segment 000000010000000000000006 is missing

A recovery to
  timeline 1   [.....B===================x         .....B=========     .....] 0/2000120 to 0/B000000 with gaps
    0/2000120 (2026-11-21T20:30:05Z) to 0/6000000
    gap: 2 segments missing, 000000010000000000000006 to 000000010000000000000007
    0/9000120 (2026-11-23T20:30:05Z) to 0/B000000
    gap: 1 segment missing, 00000001000000000000000B
    0/C000000 to 0/D000000: no base backup leads to it

",
    );
}

/// What retention leaves between older backups is told from what was lost.
#[test]
fn what_is_not_kept_is_no_gap() {
    let has =
        |outcome: &Outcome, text: &str| assert!(outcome.stdout.contains(text), "{text} {outcome}");
    let laid = Laid::with_folder();
    for (id, segment) in
        [("20200105T030000Z-0001", 2), ("20200106T030000Z-0002", 6), ("20200107T030000Z-0003", 12)]
    {
        laid.backup("disk", &described(id, 1, segment));
    }
    laid.wal("disk", OLD, 1, 1..=3);
    laid.wal("disk", OLD, 1, 6..=12);
    laid.wal("disk", OLD, 1, 14..=15);
    let outcome = laid.list().run();
    let not_kept = "    not kept: 2 segments before the WAL window, 000000010000000000000004 to 000000010000000000000005\n";
    has(outcome.expect(0), not_kept);
    has(&outcome, "    gap: 1 segment missing, 00000001000000000000000D\n");
    let outcome = laid.list().arg("--json").run();
    let json: serde_json::Value = serde_json::from_str(&outcome.expect(0).stdout).expect("JSON");
    let wal = &json["systems"][0]["timelines"][0]["wal"];
    let gaps = [0, 1].map(|at| wal[at]["gaps"][0]["not_kept"].as_bool());
    assert_eq!(gaps, [Some(true), Some(false)], "{outcome}");
    // Within the window nothing is given up.
    let outcome = laid.list().env("SEAWALL_RETENTION_WAL_WINDOW", "36500d").run();
    has(outcome.expect(0), "    gap: 2 segments missing, 000000010000000000000004 to ");
}

#[test]
fn a_recovery_to_the_next_timeline_passes_through_the_one_before() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described("20261121T203000Z-0001", 1, 2));
    laid.backup("disk", &described("20261122T203000Z-0002", 2, 8));
    laid.wal("disk", OLD, 1, 1..=4);
    laid.wal("disk", OLD, 2, 5..=11);
    let outcome = laid.list().run();
    shows(
        outcome.expect(0),
        "\
System 7711021090723955933, PostgreSQL 18.6, WAL segments of 16 MiB

ID                     LABEL    BEGAN                 TOOK  SIZE   STORED  TL  START..STOP           PIN  IN    OK
20261121T203000Z-0001  nightly  2026-11-21T20:30:00Z  5s    11.7K  3.1K    1   0/2000028..0/2000120       disk  yes
20261122T203000Z-0002  nightly  2026-11-22T20:30:00Z  5s    11.7K  3.1K    2   0/8000028..0/8000120       disk  yes

A recovery to
  timeline 1   [.....B================                                      ] 0/2000120 to 0/5000000
    0/2000120 (2026-11-21T20:30:05Z) to 0/5000000
  timeline 2   [                     .................B=====================] 0/8000120 to 0/C000000
    what leads to timeline 2 is not known: there is no 00000002.history
    0/8000120 (2026-11-22T20:30:05Z) to 0/C000000

",
    );
    laid.put("disk", &history_key(OLD, 2, ""), &history(2, "1\t0/5800000\tx\n"));
    let outcome = laid.list().run();
    shows(
        outcome.expect(0),
        "\
System 7711021090723955933, PostgreSQL 18.6, WAL segments of 16 MiB

ID                     LABEL    BEGAN                 TOOK  SIZE   STORED  TL  START..STOP           PIN  IN    OK
20261121T203000Z-0001  nightly  2026-11-21T20:30:00Z  5s    11.7K  3.1K    1   0/2000028..0/2000120       disk  yes
20261122T203000Z-0002  nightly  2026-11-22T20:30:00Z  5s    11.7K  3.1K    2   0/8000028..0/8000120       disk  yes

A recovery to
  timeline 1   [.....B================                                      ] 0/2000120 to 0/5000000
    0/2000120 (2026-11-21T20:30:05Z) to 0/5000000
  timeline 2   [.....B------------------==============B=====================] 0/2000120 to 0/C000000
    it left timeline 1 at 0/5800000
    0/2000120 (2026-11-21T20:30:05Z) to 0/C000000 (later than 2026-11-22T20:30:05Z)

",
    );
}

#[test]
fn after_a_pg_upgrade_there_are_two_systems() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described("20261121T203000Z-0001", 1, 2));
    laid.wal("disk", OLD, 1, 1..=4);
    let mut new = described("20261122T203000Z-0002", 1, 1);
    new.system_identifier = NEW.to_owned();
    new.label =
        "a \u{1b}[31mlabel that is longer than any sensible one, with an é in it".to_owned();
    laid.backup("disk", &new);
    laid.wal("disk", NEW, 1, 1..=2);
    let outcome = laid.list().run();
    shows(
        outcome.expect(0),
        "\
System 7711021090723955933, PostgreSQL 18.6, WAL segments of 16 MiB

ID                     LABEL    BEGAN                 TOOK  SIZE   STORED  TL  START..STOP           PIN  IN    OK
20261121T203000Z-0001  nightly  2026-11-21T20:30:00Z  5s    11.7K  3.1K    1   0/2000028..0/2000120       disk  yes

A recovery to
  timeline 1   [...............B============================================] 0/2000120 to 0/5000000
    0/2000120 (2026-11-21T20:30:05Z) to 0/5000000

System 7722021090723955944, PostgreSQL 18.6, WAL segments of 16 MiB

ID                    LABEL                  BEGAN                TOOK SIZE  STORED TL START..STOP          PIN IN   OK
20261122T203000Z-0002 a \\u{1b}[31mlabel tha… 2026-11-22T20:30:00Z 5s   11.7K 3.1K   1  0/1000028..0/1000120     disk yes

A recovery to
  timeline 1   [B===========================================================] 0/1000120 to 0/3000000
    0/1000120 (2026-11-22T20:30:05Z) to 0/3000000

",
    );
}

/// The WAL of the new one is archived, and nobody has taken a base backup of it.
#[test]
fn a_system_without_a_backup_is_not_passed_over() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described("20261121T203000Z-0001", 1, 2));
    laid.wal("disk", OLD, 1, 1..=4);
    laid.wal("disk", NEW, 1, 1..=4);
    let outcome = laid.list().run();
    let expected = format!("System {NEW} has no base backup, and its WAL alone restores nothing");
    assert!(outcome.expect(0).stdout.lines().any(|line| line == expected), "{outcome}");
}

#[test]
fn a_standalone_backup_needs_no_wal() {
    let laid = Laid::with_folder();
    let mut alone = described("20261121T203000Z-0001", 1, 2);
    alone.standalone = true;
    laid.backup("disk", &alone);
    let outcome = laid.list().run();
    shows(
        outcome.expect(0),
        "\
System 7711021090723955933, PostgreSQL 18.6, WAL segments of 16 MiB

ID                     LABEL    BEGAN                 TOOK  SIZE   STORED  TL  START..STOP           PIN  IN    OK
20261121T203000Z-0001  nightly  2026-11-21T20:30:00Z  5s    11.7K  3.1K    1   0/2000028..0/2000120       disk  yes

A recovery to
  timeline 1   [                                                           B] the end of a backup only

",
    );
    let outcome = laid.basebackup("show").arg("2026").run();
    let wal = "WAL needed        000000010000000000000002, 1 segment of 16 MiB\n                  \
               all of it inside the backup\n";
    assert!(outcome.expect(0).stdout.contains(wal), "{outcome}");
}

/// `pg_resetwal --wal-segsize` on a cluster that was shut down.
#[test]
fn backups_from_before_a_change_of_the_segment_size_are_told() {
    let laid = Laid::with_folder();
    let mut before = described("20261121T203000Z-0001", 1, 2);
    before.wal_segment_size = 64 << 20;
    laid.backup("disk", &before);
    laid.backup("disk", &described("20261122T203000Z-0002", 1, 3));
    laid.wal("disk", OLD, 1, 3..=4);
    let outcome = laid.list().run();
    shows(
        outcome.expect(0),
        "\
System 7711021090723955933, PostgreSQL 18.6, WAL segments of 16 MiB

ID                     LABEL    BEGAN                 TOOK  SIZE   STORED  TL  START..STOP           PIN  IN    OK
20261121T203000Z-0001  nightly  2026-11-21T20:30:00Z  5s    11.7K  3.1K    1   0/2000028..0/2000120       disk  ?
20261122T203000Z-0002  nightly  2026-11-22T20:30:00Z  5s    11.7K  3.1K    1   0/3000028..0/3000120       disk  yes

20261121T203000Z-0001 perhaps can't be restored: the WAL segment size has changed since, so its WAL is not known

A recovery to
  timeline 1   [?                  .B=======================================] 0/3000120 to 0/5000000
    0/3000120 (2026-11-22T20:30:05Z) to 0/5000000

",
    );
}
