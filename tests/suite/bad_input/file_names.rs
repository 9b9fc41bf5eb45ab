//! Names that PostgreSQL does not make.

use super::refused;
use crate::by_hand::ByHand;

/// What both commands say of a wrong name, without their own hint.
fn not_a_name(verb: &str, name: &str) -> String {
    format!(
        "could not {verb}: expected a WAL file name (24 upper-case hexadecimal digits, perhaps \
         .partial or .XXXXXXXX.backup, or 8 digits and .history), found {name:?}. "
    )
}

const NAMES: [&str; 10] = [
    "",
    "00000001000000000000000a",
    "00000001000000000000001",
    "000000010000000000000001.zst",
    "pg_wal/000000010000000000000001",
    "../000000010000000000000001",
    "/etc/passwd",
    "000000010000000000000001\n",
    "00000002.History",
    "%f",
];

#[test]
fn a_name_that_postgresql_does_not_make_is_not_archived() {
    let host = ByHand::new();
    let path = host.has(0);
    for name in NAMES {
        let text = not_a_name("archive", name) + "HINT: Write archive_command = 'wal-push %p %f'.";
        refused(&host, host.push().args([&path, name]), 6, &text);
    }
}

#[test]
fn a_name_that_postgresql_does_not_make_stops_recovery() {
    let host = ByHand::new();
    host.directory.signal("recovery.signal");
    for name in NAMES {
        let text =
            not_a_name("fetch", name) + "HINT: Write restore_command = 'wal-fetch %f \"%p\"'.";
        refused(&host, host.fetch().args([name, "pg_wal/RECOVERYXLOG"]), 202, &text);
    }
}

/// The arguments the wrong way round are the likeliest mistake of all.
#[test]
fn exchanged_arguments_are_a_wrong_name() {
    let host = ByHand::new();
    let path = host.has(0);
    let text = not_a_name("archive", &path) + "HINT: Write archive_command = 'wal-push %p %f'.";
    refused(&host, host.push().args([host.name(0), &path]), 6, &text);
    host.directory.signal("recovery.signal");
    let text = not_a_name("fetch", &path) + "HINT: Write restore_command = 'wal-fetch %f \"%p\"'.";
    refused(&host, host.fetch().args([&path, host.name(0)]), 202, &text);
}
