//! Where an S3 server is: in the file or in a variable, whole or with the scheme forgotten.

use super::{refused_as_a_whole, with_file};
use crate::by_hand::{ByHand, says_only};

const EXPECTED: &str = "expected a URL that begins with https:// or http:// for";

#[test]
fn an_endpoint_without_a_scheme_is_an_error_that_says_what_was_meant() {
    let host = ByHand::new();
    for (endpoint, meant) in [
        ("minio:9000", "https://minio:9000"),
        ("minio.example.org/storage/v1/s3", "https://minio.example.org/storage/v1/s3"),
        ("htps://minio", "https://minio"),
    ] {
        let text = format!("[[repository]]\nurl = \"s3://b\"\nendpoint = \"{endpoint}\"");
        let reason = format!(
            "repository at {{file}}:1: {EXPECTED} endpoint, found \"{endpoint}\". HINT: Write endpoint = \
             \"{meant}\", or http:// where the store does not speak TLS."
        );
        refused_as_a_whole(&host, &text, &reason);
    }
}

#[test]
fn so_is_one_in_a_variable() {
    let host = ByHand::new();
    for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
        let run = host.push().env("SEAWALL_REPOSITORY", "s3://b").env(name, "minio:9000");
        let text = format!(
            "ERROR repository at SEAWALL_REPOSITORY: {EXPECTED} {name}, found \"minio:9000\". HINT: Write \
             {name}=https://minio:9000, or http:// where the store does not speak TLS."
        );
        says_only(&run.args(["pg_wal/x", host.name(0)]).run(), 3, &text);
    }
}

/// It is looked at where it counts only.
#[test]
fn a_variable_that_nobody_needs_may_be_wrong() {
    let host = ByHand::new();
    let path = host.has(0);
    let run = host.push().env("AWS_ENDPOINT_URL", "minio:9000").args([&path, host.name(0)]);
    run.run().expect(0);
    let text = "[[repository]]\nurl = \"s3://b\"\nendpoint = \"http://127.0.0.1:1\"";
    let show = with_file(&host, host.config_show(), text).env("AWS_ENDPOINT_URL", "minio:9000");
    show.run().expect(0);
}

#[test]
fn one_store_in_two_spellings_is_one_place() {
    let host = ByHand::new();
    let one = "[[repository]]\nurl = \"s3://b\"\nendpoint = \"http://Store.example:80/\"\n";
    let reason = "repository at {file}:4: repository s3 is at the same place, \"s3://b\"";
    refused_as_a_whole(
        &host,
        &format!("{one}[[repository]]\nurl = \"s3://b/\"\nendpoint = \"http://store.example\""),
        reason,
    );
    let run = with_file(&host, host.push(), &format!("{one}[[repository]]\nurl = \"s3://b/\""));
    let run = run.env("AWS_ENDPOINT_URL", "http://store.example");
    let file = host.place.join("seawall.toml").display().to_string();
    let text = format!("ERROR {}", reason.replace("{file}", &file));
    says_only(&run.args(["pg_wal/x", host.name(0)]).run(), 3, &text);
}

#[test]
fn an_at_sign_in_a_prefix_is_no_password() {
    let host = ByHand::new();
    for text in [
        "[[repository]]\nurl = \"s3://bucket/a:b@c\"\nendpoint = \"http://127.0.0.1:1/x:y@z\"",
        "[[repository]]\nurl = \"s3://bucket/backups@home\"\nendpoint = \"http://[::1]:9000/a@b\"",
    ] {
        let show = with_file(&host, host.config_show(), text).run();
        show.expect(0);
        assert!(!show.stdout.contains("not shown"), "{show}");
    }
}

#[test]
fn spaces_in_the_variable_are_explained() {
    let host = ByHand::new();
    for (value, found) in [("/backups/my space", "space"), ("s3://b/my prefix/x", "prefix/x")] {
        let run = host.push().env("SEAWALL_REPOSITORY", value);
        let text = format!(
            "ERROR repository at SEAWALL_REPOSITORY: expected an absolute path or s3://BUCKET/PREFIX as url, \
             found \"{found}\". HINT: Spaces separate repositories in SEAWALL_REPOSITORY; one with a space in it \
             goes into the file, or behind --repository."
        );
        says_only(&run.args(["pg_wal/x", host.name(0)]).run(), 3, &text);
    }
}
