//! `basebackup show`.

use super::laid::{Laid, OLD, described, key, object};
use crate::by_hand::says_only;
use crate::scene::Store;

const ID: &str = "20261122T203000Z-4f2a";

#[test]
fn shows_all_there_is_to_know() {
    let laid = Laid::with_folder_and_bucket();
    let mut backup = described(ID, 1, 2);
    backup.stop.lsn = "0/4000060".to_owned();
    backup.stop.time = "2026-11-22T21:35:10.25Z".to_owned();
    laid.backup("disk", &backup);
    backup.encrypted = true;
    for part in &mut backup.parts {
        part.stored.object += ".age";
        part.stored.stored_size += 200;
    }
    laid.backup("s3", &backup);
    laid.store("s3").delete(&object(&backup, "part-00001.tar.zst.age"));
    laid.put("disk", &key(OLD, &format!("{ID}/pin.json")), b"{}");
    laid.wal("disk", OLD, 1, 2..=4);
    laid.wal("s3", OLD, 1, 2..=2);
    laid.wal("s3", OLD, 1, 4..=4);
    let outcome = laid.basebackup("show").arg("20261122").run();
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    let place = root.display();
    let expected = format!(
        "\
Base backup       20261122T203000Z-4f2a
Label             nightly
System identifier 7711021090723955933
PostgreSQL        18.6
Began             2026-11-22T20:30:00Z at 0/2000028 on timeline 1
Ended             2026-11-22T21:35:10.25Z at 0/4000060 on timeline 1
Took              1h 5m
Taken from        a primary
Page checksums    the server found none wrong
Size              11.7 KiB
Pinned            yes
Restorable        yes
WAL needed        000000010000000000000002 to 000000010000000000000004, 3 segments of 16 MiB
                  in repository disk: all there
                  in repository s3: 000000010000000000000003 is missing

In repository disk ({place}): 3.1 KiB, in the clear, pinned
Tablespace 16385  /ts
All objects are there with their sizes.
OBJECT               SIZE     STORED   ENTRIES  TABLESPACE
part-00001.tar.zst   3.9 KiB  1000 B   3        /ts
part-00002.tar.zst   7.8 KiB  2.0 KiB  9
backup_manifest.zst  500 B    125 B

In repository s3 (s3://seawall-tests/): 3.4 KiB, encrypted
Tablespace 16385  /ts
Damaged: part-00001.tar.zst.age is missing
OBJECT                  SIZE     STORED   ENTRIES  TABLESPACE
part-00001.tar.zst.age  3.9 KiB  1.2 KiB  3        /ts
part-00002.tar.zst.age  7.8 KiB  2.1 KiB  9
backup_manifest.zst     500 B    125 B
"
    );
    assert!(outcome.expect(0).stdout == expected, "expected\n{expected}\nfound {outcome}");
}

#[test]
fn an_id_may_be_cut_short_but_not_be_a_riddle() {
    let laid = Laid::with_folder();
    for id in ["20261121T203000Z-0001", "20261122T203000Z-0002", ID, "20261123T203000Z-0003"] {
        laid.backup("disk", &described(id, 1, 2));
    }
    laid.put("disk", &object(&described("20261124T203000Z-0004", 1, 2), "part-00001.tar.zst"), b"");
    laid.wal("disk", OLD, 1, 1..=4);
    let show = |id: &str| laid.basebackup("show").arg(id).run();
    assert!(show("20261122T203000Z-4").expect(0).stdout.contains(ID));
    let text = "ERROR expected one base backup with an id that begins with \"20261122\", found 2: \
                20261122T203000Z-0002, 20261122T203000Z-4f2a. HINT: Give more of the id.";
    says_only(&show("20261122"), 2, text);
    let text = "ERROR there is no base backup with an id that begins with \"20261122T203000Z-4f2b\". HINT: \
                The nearest are 20261122T203000Z-4f2a, 20261122T203000Z-0002, 20261123T203000Z-0003.";
    says_only(&show("20261122T203000Z-4f2b"), 2, text);
    let text = "ERROR base backup 20261124T203000Z-0004 in repository disk is unfinished. HINT: It is \
                being taken now, or was cut short: then it restores nothing.";
    says_only(&show("20261124"), 2, text);
    let none = Laid::with_folder();
    none.wal("disk", OLD, 1, 1..=4);
    let text = "ERROR there is no base backup with an id that begins with \"2026\". HINT: There is none \
                at all; `basebackup create` takes one.";
    says_only(&none.basebackup("show").arg("2026").run(), 2, text);
}
