//! How a wrong configuration ends each command, and what is known only when it is used.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::by_hand::{ByHand, says_only};
use crate::support::run::Run;

/// The same mistake in `wal-push`, in `wal-fetch` of a server that recovers or does not, and in that
/// of a standby.
#[track_caller]
fn ends_with(run: impl Fn(Run) -> Run, push: i32) {
    let host = ByHand::new();
    let name = host.name(0);
    let path = host.has(0);
    run(host.push().args([path.as_str(), name])).run().expect(push);
    assert!(host.stored().is_empty());
    let fetch = || run(host.fetch().args([name, "pg_wal/RECOVERYXLOG"])).run();
    fetch().expect(200 + push);
    host.directory.signal("recovery.signal");
    fetch().expect(200 + push);
    host.directory.signal("standby.signal");
    fetch().expect(push);
}

#[test]
fn a_wrong_flag_is_a_usage_error() {
    ends_with(|run| run.args(["--wal-parallel", "0"]), 2);
    ends_with(|run| run.arg("--nonsense"), 2);
}

#[test]
fn a_wrong_file_or_variable_is_a_configuration_error() {
    ends_with(|run| run.env("SEAWALL_WAL_PARALLEL", "0"), 3);
    ends_with(|run| run.env("SEAWALL_NONSENSE", "1"), 3);
    ends_with(|run| run.env("SEAWALL_CONFIG", "/nowhere"), 3);
    ends_with(|run| run.env("SEAWALL_REPOSITORY", ""), 3);
}

/// A Service called `seawall` puts its own variables into every container beside it.
#[test]
fn what_kubernetes_makes_of_a_service_is_passed_over() {
    let host = ByHand::new();
    let (path, name) = (host.has(0), host.name(0));
    let run = host.push().args([path.as_str(), name]).envs([
        ("SEAWALL_SERVICE_HOST", "10.96.0.7"),
        ("SEAWALL_PORT", "tcp://10.96.0.7:5432"),
        ("SEAWALL_PORT_5432_TCP_ADDR", "10.96.0.7"),
    ]);
    run.run().expect(0).says(
        "WARN ignored SEAWALL_PORT, SEAWALL_PORT_5432_TCP_ADDR, SEAWALL_SERVICE_HOST: Kubernetes sets",
    );
    assert_eq!(host.stored().len(), 1);
}

#[test]
fn an_invalid_recipient_is_a_configuration_error() {
    ends_with(|run| run.env("SEAWALL_ENCRYPTION_RECIPIENTS", "age1nonsense"), 3);
    let host = ByHand::new();
    let path = host.has(0);
    let run = host.push().env("SEAWALL_ENCRYPTION_RECIPIENTS", "age1nonsense");
    let text = "ERROR expected an age recipient like age1…, found \"age1nonsense\": invalid Bech32 \
                encoding. HINT: `age-keygen -y IDENTITY_FILE` prints the recipient of an identity.";
    says_only(&run.args([&path, host.name(0)]).run(), 3, text);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
    let file = host.place.file("recipients", format!("# ours\n{key}\n"));
    let run = host.push().env("SEAWALL_ENCRYPTION_RECIPIENTS_FILE", file);
    run.args([&path, host.name(0)]).run().expect(3).says(&format!("found \"{key}\""));
    let run = host.config_show().env("SEAWALL_ENCRYPTION_RECIPIENTS", "age1nonsense");
    run.run().expect(3).says("found \"age1nonsense\"");
}

#[test]
fn a_recipients_file_that_is_not_there_is_a_configuration_error() {
    let host = ByHand::new();
    let run = host.push().env("SEAWALL_ENCRYPTION_RECIPIENTS_FILE", "/nowhere/recipients");
    let text = "ERROR could not read recipients file \"/nowhere/recipients\": No such file or \
                directory (os error 2)";
    says_only(&run.args(["pg_wal/x", host.name(0)]).run(), 3, text);
}

/// Who only archives needs no private key, and none of it is looked at.
#[test]
fn an_unreadable_identity_file_stops_fetching_but_not_pushing() {
    let host = ByHand::new();
    let key = host.place.file("key", "AGE-SECRET-KEY-1QQQ");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o000)).expect("our own file");
    let path = host.has(0);
    let name = host.name(0);
    let run = host.push().env("SEAWALL_ENCRYPTION_IDENTITY_FILE", &key);
    run.args([&path, name]).run().expect(0);
    let fetch = || {
        let run = host.fetch().env("SEAWALL_ENCRYPTION_IDENTITY_FILE", &key);
        run.args([name, "pg_wal/RECOVERYXLOG"]).run()
    };
    let text = format!(
        "ERROR could not read identity file {key:?}: Permission denied (os error 13). HINT: The user \
         that runs this must be able to read it."
    );
    says_only(&fetch(), 203, &text);
    let not_an_identity = |text: &str, reason: &str| {
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("our own file");
        host.place.file("key", text);
        let text = format!(
            "ERROR could not read identity file {key:?}: {reason}. HINT: Make one with `age-keygen \
             -o FILE`."
        );
        says_only(&fetch(), 203, &text);
    };
    not_an_identity("# none\n", "the file has no AGE-SECRET-KEY-1… line");
    not_an_identity("# x\nAGE-SECRET-KEY-1QQQ\n", "expected an AGE-SECRET-KEY-1… in line 2");
}

/// `config show` prints what there is even when it can't be used, and says so.
#[test]
fn config_show_fails_for_what_the_commands_would_refuse() {
    let host = ByHand::new();
    let outcome = host.config_show().env("SEAWALL_REPOSITORY", "relative").run();
    assert!(outcome.expect(3).stdout.contains("\"relative\""), "{outcome}");
    host.config_show().arg("--nonsense").run().expect(2);
    let seawall = || Run::new(&host.place, env!("CARGO_BIN_EXE_seawall"));
    let outcome = seawall().run();
    let text = "ERROR 'seawall' requires a subcommand but one was not provided [subcommands: ";
    outcome
        .expect(2)
        .says(text)
        .says(". HINT: Usage: seawall <COMMAND>. --help shows what there is.");
    let text = "ERROR unrecognized subcommand 'conf'. HINT: a similar subcommand exists: 'config'.";
    says_only(&seawall().arg("conf").run(), 2, text);
}
