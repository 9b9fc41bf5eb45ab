//! Histories and backup histories that are none.

use super::refused;
use crate::by_hand::ByHand;

#[track_caller]
fn refused_content(host: &ByHand, content: &[u8], name: &str, reason: &str) {
    let path = host.has_file("input", content);
    let text = format!("could not archive {name}: {reason}");
    refused(host, host.push().args([&path, name]), 6, &text);
}

#[test]
fn a_history_that_postgresql_could_not_read_is_refused() {
    const LINES: &str = "expected lines of a timeline, an LSN and a reason, found ";
    let host = ByHand::new();
    let cases: [(&[u8], String); 7] = [
        (b"", format!("{LINES}no timeline at all")),
        (b"# a comment\n\n", format!("{LINES}no timeline at all")),
        (b"garbage\n", format!("{LINES}the line \"garbage\"")),
        (b"1\t0/5000000\tfirst\n2 -\n", format!("{LINES}the line \"2 -\"")),
        (b"\xff\xfe\x00\x01", format!("{LINES}bytes that are not text")),
        (b"3\t0/1\tx\n", "expected ancestors of timeline 3 only, found timeline 3".to_owned()),
        (
            b"2\t0/1\tx\n1\t0/2\ty\n",
            "expected timelines in rising order, found 1 after a later one".to_owned(),
        ),
    ];
    for (content, reason) in cases {
        refused_content(&host, content, "00000003.history", &reason);
    }
}

#[test]
fn a_backup_history_is_known_by_its_first_words() {
    let host = ByHand::new();
    let name = &host.wal.backup_history.0;
    let reason = "expected a backup history file that begins with \"START WAL LOCATION: \", found \
                  other content";
    for content in [b"".as_slice(), b"START TIME: now\n", &[0; 100]] {
        refused_content(&host, content, name, reason);
    }
}

#[test]
fn a_small_file_that_is_huge_is_refused() {
    let host = ByHand::new();
    let huge = b"1\t0/5000000\tx\n".repeat(150_000);
    let reason = "expected at most 1048576 bytes, found 2100000";
    refused_content(&host, &huge, "00000002.history", reason);
    refused_content(&host, &huge, &host.wal.backup_history.0, reason);
}

/// They carry no system identifier of their own: the data directory says whose they are.
#[test]
fn a_small_file_away_from_a_data_directory_is_refused() {
    let host = ByHand::new();
    let elsewhere = host.place.folder("elsewhere");
    let path = host.place.file("elsewhere/00000002.history", "1\t0/5000000\tx\n");
    let run = host.push().cwd(elsewhere).arg(path).arg("00000002.history");
    let text = "could not archive 00000002.history: neither the file nor the working directory is in a data directory. HINT: Call it as PostgreSQL does: in the data \
                directory, with a path below pg_wal.";
    refused(&host, run, 6, text);
}
