//! Files that can't be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{refused_as_a_whole, refused_file};
use crate::by_hand::{ByHand, says_only};
use crate::namespace;
use crate::support::place::Place;
use crate::support::user::server_account;

const READABLE: &str = "HINT: It must exist and the user that runs this must be able to read it.";

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
    let outcome = run.run();
    let start =
        format!("could not use configuration {config:?}: Permission denied (os error 13). HINT: ");
    let path = config.display();
    outcome.expect(3).says(&format!("{start}{path} is "));
    outcome
        .says(", mode 0000, and this is ")
        .says(&format!(". Make it readable: chmod u+rX {path}.\n"));
}

/// Root's folder, as the package makes it. Who may look into it differs from host to host.
#[test]
fn a_folder_that_is_closed_says_who_may_enter_it() {
    let Some(account) = server_account() else { return };
    let place = Place::new();
    let passwd = format!(
        "root:x:0:0:::\noperator:x:{}:{}:::\nstore:x:4242:4242:::\n",
        account.uid, account.gid
    );
    let passwd = place.file("passwd", passwd);
    let group = place.file("group", "root:x:0:\nstore:x:4242:\nadmins:x:4343:\n");
    let seawall = place.program(env!("CARGO_BIN_EXE_seawall"));
    for (owner, mode, told) in [
        (
            "0:0",
            "0750",
            "group root, mode 0750, and this is operator. Let PostgreSQL's user in: sudo chgrp postgres /etc/seawall \
             && sudo chmod g+rx /etc/seawall.",
        ),
        (
            "0:4242",
            "0750",
            "group store, mode 0750, and this is operator. Run it as that user: sudo -u store seawall …",
        ),
        (
            "0:4343",
            "0750",
            "group admins, mode 0750, and this is operator. Add operator to the group admins, or run it as root: sudo \
             seawall …",
        ),
        (
            "0:4242",
            "0700",
            "group store, mode 0700, and this is operator. Let PostgreSQL's user in: sudo chgrp",
        ),
    ] {
        let script =
            "mount -t tmpfs -o mode=0755 tmpfs /etc; cp $passwd /etc/passwd; cp $group /etc/group
             mkdir /etc/seawall; chown $owner /etc/seawall; chmod $mode /etc/seawall
             exec $as $seawall check";
        let Some(run) = namespace::script(&place, script) else { return };
        let run = run.env("passwd", &passwd).env("group", &group).env("seawall", &seawall);
        let outcome = run.env("owner", owner).env("mode", mode).run();
        let start = "no repository is configured. HINT: /etc/seawall/seawall.toml could not be looked for: Permission \
                     denied (os error 13): /etc/seawall is root's, ";
        outcome.expect(3).says(&format!("{start}{told}"));
    }
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
            "line 2: unknown key xyz. HINT: There are: name, url, encrypt, required, endpoint, region, \
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
