//! Files that can't be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{refused_as_a_whole, refused_file};
use crate::by_hand::{ByHand, says_only};

const READABLE: &str =
    "HINT: It must exist and the user that runs PostgreSQL must be able to read it.";

#[test]
fn a_file_that_was_named_and_is_not_there_is_an_error() {
    let host = ByHand::new();
    let text = format!(
        "ERROR could not use configuration \"/nowhere/seawall.toml\": No such file or directory \
         (os error 2). {READABLE}"
    );
    let words = ["pg_wal/x", host.name(0)];
    let run = host.push().args(["--config", "/nowhere/seawall.toml"]).args(words);
    says_only(&run.run(), 3, &text);
    let run = host.push().env("SEAWALL_CONFIG", "/nowhere/seawall.toml").args(words);
    says_only(&run.run(), 3, &text);
}

#[test]
fn a_file_that_may_not_be_read_is_an_error() {
    let host = ByHand::new();
    let config = host.place.file("closed.toml", "");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o000)).expect("our own file");
    let run = host.push().arg("--config").arg(&config).args(["pg_wal/x", host.name(0)]);
    let text = format!(
        "ERROR could not use configuration {config:?}: Permission denied (os error 13). {READABLE}"
    );
    says_only(&run.run(), 3, &text);
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_nearest_one() {
    let host = ByHand::new();
    for (text, reason) in [
        ("clutser = \"a\"", "line 1: unknown key clutser. HINT: Did you mean cluster?"),
        (
            "# comment\n[wal]\nlookahead = 3",
            "line 3: unknown key wal.lookahead. HINT: Did you mean wal.look_ahead?",
        ),
        (
            "[limit]\nattempts = 3",
            "line 2: unknown key limit.attempts. HINT: Did you mean limits.attempts?",
        ),
        (
            "[[repository]]\nurl = \"/a\"\nend_point = \"http://x\"",
            "line 3: unknown key end_point. HINT: Did you mean endpoint?",
        ),
        (
            "[[repository]]\nxyz = 1",
            "line 2: unknown key xyz. HINT: There are: name, url, encrypt, endpoint, region, \
             addressing, ca_file, checksum, conditional_put, storage_class, sse, kms_key_id, \
             profile, credentials_file.",
        ),
    ] {
        refused_file(&host, text, reason);
    }
}

#[test]
fn a_value_of_the_wrong_type_is_an_error_that_says_what_was_expected() {
    let host = ByHand::new();
    for (text, reason) in [
        ("cluster = 1", "expected a text for cluster, found 1"),
        (
            "wal.look_ahead = \"8\"",
            "expected a whole number from 0 to 1000 for wal.look_ahead, found \"8\"",
        ),
        (
            "wal.look_ahead = 1.5",
            "expected a whole number from 0 to 1000 for wal.look_ahead, found float",
        ),
        (
            "wal.look_ahead = 1001",
            "expected a whole number from 0 to 1000 for wal.look_ahead, found 1001",
        ),
        (
            "wal.look_ahead = -1",
            "expected a whole number from 0 to 1000 for wal.look_ahead, found -1",
        ),
        ("wal.prefetch_size = 5", "expected a size like 64MiB for wal.prefetch_size, found 5"),
        (
            "limits.total_timeout = \"3\"",
            "expected a time like 5s or 3m, at most 1 day for limits.total_timeout, found \"3\"",
        ),
        (
            "wal.gap_wait = \"2 days\"",
            "expected a time like 5s or 3m, at most 1 day for wal.gap_wait, found \"2 days\"",
        ),
        (
            "log.format = \"xml\"",
            "expected one of auto, text, json, journald for log.format, found \"xml\"",
        ),
        (
            "encryption.recipients = \"age1\"",
            "expected a list of texts for encryption.recipients, found \"age1\"",
        ),
        (
            "encryption.recipients = [1]",
            "expected a list of texts for encryption.recipients, found array",
        ),
        (
            "encryption.identity_file = \"key\"",
            "expected an absolute path for encryption.identity_file, found \"key\"",
        ),
        ("wal = 3", "unknown key wal. HINT: Did you mean wal.gap_wait?"),
        (
            "repository = \"/a\"",
            "expected repository to be a list of tables. HINT: Write [[repository]], with two brackets.",
        ),
        ("repository = [\"/a\"]", "expected a table in repository"),
    ] {
        refused_file(&host, text, &format!("line 1: {reason}"));
    }
}

#[test]
fn a_file_that_is_no_toml_is_an_error_with_the_line() {
    let host = ByHand::new();
    for (text, reason) in [
        ("cluster = main", "line 1: string values must be quoted, expected literal string"),
        ("\n\n[wal", "line 3: unclosed table, expected `]`"),
        ("cluster = \"a\"\ncluster = \"b\"", "line 2: duplicate key"),
    ] {
        refused_file(&host, text, reason);
    }
}

#[test]
fn keys_that_contradict_each_other_are_an_error() {
    let host = ByHand::new();
    const IDLE: &str = "has no effect on a folder. HINT: It belongs to a repository whose url begins \
                        with s3://.";
    for (text, reason) in [
        (
            "[[repository]]\nurl = \"s3://b\"\nkms_key_id = \"k\"",
            "repository at {file}:1: kms_key_id has no effect without sse = \"kms\"".to_owned(),
        ),
        (
            "[[repository]]\nurl = \"s3://b\"\nsse = \"s3\"\nkms_key_id = \"k\"",
            "repository at {file}:1: kms_key_id has no effect without sse = \"kms\"".to_owned(),
        ),
        (
            "\n[[repository]]\nurl = \"/a\"\nencrypt = true",
            "repository local has encrypt = true, but there are no recipients. HINT: Set \
             encryption.recipients to the public keys that may read it."
                .to_owned(),
        ),
        (
            "[[repository]]\nurl = \"/a\"\nendpoint = \"http://x\"",
            format!("repository at {{file}}:1: endpoint {IDLE}"),
        ),
        (
            "[[repository]]\nurl = \"/a\"\nstorage_class = \"STANDARD\"",
            format!("repository at {{file}}:1: storage_class {IDLE}"),
        ),
        (
            "cluster = \"a/b\"\n[[repository]]\nurl = \"/a\"",
            "expected letters, digits, '.', '_' and '-' as cluster, found \"a/b\"".to_owned(),
        ),
    ] {
        refused_as_a_whole(&host, text, &reason);
    }
}
