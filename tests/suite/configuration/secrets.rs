//! Whatever goes wrong, no output holds a secret.

use super::with_file;
use crate::by_hand::ByHand;
use crate::support::place::free_port;
use crate::support::run::{Outcome, Run};
use crate::support::s3::{Kind, S3Server};

const SECRET: &str = "Very/Secret+Key";
const TOKEN: &str = "VerySecretToken";

/// Whole, and in the parts that could be cut out of it.
const HIDDEN: [&str; 6] =
    [SECRET, TOKEN, "Secret+Key", "Very/Secret", "Very%2FSecret", "VerySecret"];

#[track_caller]
fn hides_all(outcome: &Outcome) {
    for text in HIDDEN {
        assert!(
            !outcome.stderr.contains(text) && !outcome.stdout.contains(text),
            "{text}: {outcome}"
        );
    }
    let key = outcome.stderr.to_uppercase() + &outcome.stdout.to_uppercase();
    assert!(!key.contains("AGE-SECRET-KEY-19"), "a private key: {outcome}");
}

/// A private key that protects nothing.
const KEY: &str = "AGE-SECRET-KEY-19C83QNG5VP5EHYD2VE47QQYZHGNCF0VKRVWH6Q5L5GRTVDY00PVQU02P9Z";

fn with_secrets(run: Run) -> Run {
    let run = run.env("AWS_ACCESS_KEY_ID", "TESTACCESSKEY").env("AWS_SECRET_ACCESS_KEY", SECRET);
    run.env("AWS_SESSION_TOKEN", TOKEN).env("AWS_EC2_METADATA_DISABLED", "true")
}

#[test]
fn config_show_says_that_secrets_are_set_and_no_more() {
    let host = ByHand::new();
    let key = host.place.file("key", KEY);
    let run = with_secrets(host.config_show()).env("SEAWALL_ENCRYPTION_IDENTITY_FILE", key);
    let outcome = run.env("AWS_ENDPOINT_URL", format!("http://me:{SECRET}@127.0.0.1")).run();
    hides_all(outcome.expect(0));
    let secret = "AWS_SECRET_ACCESS_KEY";
    assert_eq!(super::shown(&outcome, secret), ("(set, not shown)".into(), "environment".into()));
    assert_eq!(super::shown(&outcome, "AWS_SESSION_TOKEN").0, "(set, not shown)");
    assert_eq!(super::shown(&outcome, "AWS_ACCESS_KEY_ID").0, "\"TESTACCESSKEY\"");
    assert_eq!(super::shown(&outcome, "AWS_ENDPOINT_URL").0, "\"http://(not shown)@127.0.0.1\"");
}

#[test]
fn debug_logs_of_good_and_bad_requests_hold_no_secret() {
    let host = ByHand::new();
    let server = S3Server::start(Kind::S3sFs, &host.place);
    let path = host.has(0);
    let key = host.place.file("key", KEY);
    let call = |run: Run, port: u16| {
        let run = with_secrets(run).env("SEAWALL_ENCRYPTION_IDENTITY_FILE", &key);
        let run = run.env("SEAWALL_REPOSITORY", format!("s3://{}", server.bucket()));
        let run = run.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"));
        run.args(["--log-level=debug", "--limits-attempts=1", "--wal-gap-wait=0s"]).run()
    };
    for port in [server.address().port(), free_port()] {
        let pushed = call(host.push().args([&path, host.name(0)]), port);
        hides_all(&pushed);
        assert!(matches!(pushed.status, Some(8 | 9)), "{pushed}");
        let fetched = call(host.fetch().args([host.name(0), "pg_wal/RECOVERYXLOG"]), port);
        hides_all(&fetched);
        assert!(matches!(fetched.status, Some(208 | 209)), "{fetched}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let host = ByHand::new();
    let lower = KEY.to_lowercase();
    for (text, says) in [
        (
            format!("[[repository]]\nurl = \"s3://AKIA:{SECRET}@bucket/prefix\""),
            "expected a url without credentials, found one with",
        ),
        (
            format!("[[repository]]\nurl = \"s3://b\"\nendpoint = \"https://me:{SECRET}@host\""),
            "expected a url without credentials, found one with",
        ),
        (
            format!("[[repository]]\nurl = \"http://me:{SECRET}@host/b\""),
            "http://(not shown)@host/b",
        ),
        (
            format!("[encryption]\nidentity_file = \"{KEY}\""),
            "found \"(a private key, not shown)\"",
        ),
        (format!("[encryption]\nrecipients = \"{lower}\""), "found \"(a private key, not shown)\""),
        (
            format!("[[repository]]\nurl = \"/a\"\n[encryption]\nrecipients = [\"{KEY}\"]"),
            "found a private key",
        ),
        (format!("[encryption]\nsecret_key = \"{KEY}\""), "unknown key encryption.secret_key"),
        (format!("secret_access_key = \"{SECRET}\""), "unknown key secret_access_key"),
        (format!("[[repository]]\nurl = \"/a\"\nname = {SECRET}"), "string values must be quoted"),
    ] {
        let path = host.has(0);
        let outcome = with_file(&host, host.push(), &text).args([&path, host.name(0)]).run();
        hides_all(outcome.expect(3).says(says));
        hides_all(&with_file(&host, host.config_show(), &text).run());
    }
}

#[test]
fn a_credentials_file_is_named_but_not_quoted() {
    let host = ByHand::new();
    for text in [
        format!("[default]\naws_access_key_id = A\naws_secret_access_key {SECRET}\n"),
        format!("[default]\naws_access_key_id = A\naws_secret_access_key = {SECRET}\n[x"),
        format!("[other]\naws_secret_access_key = {SECRET}\n"),
    ] {
        let credentials = host.place.file("credentials", text);
        let config = format!(
            "[[repository]]\nurl = \"s3://bucket\"\nendpoint = \"http://127.0.0.1:{}\"\n\
             credentials_file = {credentials:?}\n[limits]\nattempts = 1\n[log]\nlevel = \"debug\"",
            free_port()
        );
        let path = host.has(0);
        let outcome = with_file(&host, host.push(), &config).args([&path, host.name(0)]).run();
        hides_all(&outcome);
        assert_ne!(outcome.status, Some(0), "{outcome}");
    }
}
