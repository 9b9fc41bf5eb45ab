//! Command lines that are wrong as such. Their exit status must be one that PostgreSQL understands as
//! a failure, not clap's own.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::refused;
use crate::by_hand::ByHand;
use crate::support::place::Place;
use crate::support::run::Run;

const ALL: &str = "--help shows what there is.";

/// Words and the text about them, with the placeholders of the command left open.
const CASES: [(&[&[u8]], &str); 7] = [
    (&[b"--nonsense", b"A", b"B"], "unexpected argument '--nonsense' found. HINT: Usage: {usage}"),
    (
        &[b"--wal-look-ahed", b"3", b"A", b"B"],
        "unexpected argument '--wal-look-ahed' found. HINT: a similar argument exists: \
         '--wal-look-ahead'.",
    ),
    (&[b"-x", b"A", b"B"], "unexpected argument '-x' found. HINT: Usage: {usage}"),
    (&[b"A", b"B", b"C"], "unexpected argument 'C' found. HINT: Usage: {usage}"),
    (
        &[b"--cluster"],
        "a value is required for '--cluster <TEXT>' but none was supplied. HINT: --help shows what \
         there is.",
    ),
    (
        &[b"--cluster", b"\xff", b"A", b"B"],
        "invalid UTF-8 was detected in one or more arguments. HINT: Usage: {usage}",
    ),
    (
        &[b"--wal-parallel", b"many", b"A", b"B"],
        "expected a whole number from 1 to 64 for --wal-parallel, found \"many\"",
    ),
];

fn words(words: &[&[u8]]) -> Vec<OsString> {
    words.iter().map(|word| OsStr::from_bytes(word).to_owned()).collect()
}

fn check(host: &ByHand, run: impl Fn() -> Run, program: &str, arguments: &str, status: i32) {
    for (given, text) in CASES {
        let usage = format!("{program} [OPTIONS] {arguments}. {ALL}");
        refused(host, run().args(words(given)), status, &text.replace("{usage}", &usage));
    }
    let missing = "the following required arguments were not provided: ";
    let text = format!("{missing}{arguments}. HINT: Usage: {program} {arguments}. {ALL}");
    refused(host, run(), status, &text);
    let last = arguments.split(' ').next_back().expect("two words");
    let text = format!("{missing}{last}. HINT: Usage: {program} {arguments}. {ALL}");
    refused(host, run().arg("A"), status, &text);
}

#[test]
fn a_wrong_command_line_of_wal_push_is_a_failure_to_the_archiver() {
    let host = ByHand::new();
    check(&host, || host.push(), "wal-push", "<PATH> <NAME>", 2);
    let run = host.push().args(words(&[b"pg_wal/x", b"\xff"]));
    let usage = format!("Usage: wal-push [OPTIONS] <PATH> <NAME>. {ALL}");
    let text = format!("invalid UTF-8 was detected in one or more arguments. HINT: {usage}");
    refused(&host, run, 2, &text);
}

#[test]
fn a_wrong_command_line_of_wal_fetch_stops_recovery() {
    let host = ByHand::new();
    host.directory.signal("recovery.signal");
    check(&host, || host.fetch(), "wal-fetch", "<NAME> <PATH>", 202);
}

/// PostgreSQL has removed the signal file by then, and goes down half-way after a higher status.
#[test]
fn a_wrong_command_line_of_wal_fetch_does_not_stop_a_promotion() {
    let host = ByHand::new();
    check(&host, || host.fetch(), "wal-fetch", "<NAME> <PATH>", 2);
}

/// Without a signal file a segment is asked for by `pg_rewind`, a person, or a recovery whose file was removed.
#[test]
fn a_wrong_command_line_stops_who_asks_for_a_segment() {
    let host = ByHand::new();
    let run = || host.fetch().args(["--nonsense", host.name(0), "pg_wal/RECOVERYXLOG"]);
    let text =
        "unexpected argument '--nonsense' found. HINT: Usage: wal-fetch [OPTIONS] <NAME> <PATH>. ";
    refused(&host, run(), 202, &format!("{text}{ALL}"));
}

#[test]
fn a_wrong_command_line_of_wal_fetch_lets_a_standby_ask_again() {
    let host = ByHand::new();
    host.directory.signal("standby.signal");
    check(&host, || host.fetch(), "wal-fetch", "<NAME> <PATH>", 2);
    // PostgreSQL goes by this one where both exist.
    host.directory.signal("recovery.signal");
    check(&host, || host.fetch(), "wal-fetch", "<NAME> <PATH>", 2);
}

#[test]
fn help_goes_to_standard_output_and_are_no_failure() {
    let host = ByHand::new();
    for run in [host.push(), host.fetch(), host.config_show()] {
        let outcome = run.arg("--help").run();
        assert_eq!(outcome.stderr, "", "{outcome}");
        assert!(outcome.expect(0).stdout.contains("SEAWALL_REPOSITORY"), "{outcome}");
    }
}

/// Libraries in C that are linked in, with a version that begins with a digit; those of Rust are in `Cargo.lock`.
#[test]
fn the_version_says_what_is_linked_in() {
    let all = [
        (env!("CARGO_BIN_EXE_wal-push"), &["zstd"][..]),
        (env!("CARGO_BIN_EXE_wal-fetch"), &["zstd"]),
        (env!("CARGO_BIN_EXE_redis-backup"), &["zstd"]),
        (env!("CARGO_BIN_EXE_media-backup"), &["zstd"]),
        (env!("CARGO_BIN_EXE_basebackup"), &["zstd", "libpq", "OpenSSL"]),
        (env!("CARGO_BIN_EXE_seawall"), &["zstd", "libpq", "OpenSSL"]),
    ];
    let place = Place::new();
    for (program, libraries) in all {
        let name = program.rsplit('/').next().unwrap();
        let first = format!("{name} {}", env!("CARGO_PKG_VERSION"));
        let short = Run::new(&place, program).arg("-V").run();
        assert_eq!(short.expect(0).stdout, format!("{first}\n"));
        let long = Run::new(&place, program).arg("--version").run();
        let mut lines = long.expect(0).stdout.lines();
        assert_eq!(lines.next(), Some(first.as_str()));
        let mut named = Vec::new();
        for line in lines {
            let (library, version) = line.split_once(' ').unwrap();
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{line}");
            named.push(library);
        }
        assert_eq!(named, libraries, "{name}");
    }
}
