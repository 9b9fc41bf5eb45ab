use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{about, doctor, doctor_of_stores, findings};
use crate::support::place::Place;
use crate::support::postgres::Server;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn secrets_that_others_can_read_are_named_with_the_command() {
    let place = Place::new();
    let files = ["identity", "password", "key", "credentials"].map(|name| place.file(name, "x"));
    let [identity, password, key, credentials] = &files;
    let folder = place.folder("disk").join("repository");
    let config = place.file(
        "seawall.toml",
        format!(
            "[encryption]\nidentity_file = {identity:?}\n\
             [redis]\nurl = \"rediss://db\"\npassword_file = {password:?}\ncert_file = \"/c\"\nkey_file = {key:?}\n\
             [[repository]]\nurl = {folder:?}\n\
             [[repository]]\nname = \"off\"\nurl = \"s3://b\"\nendpoint = \"http://127.0.0.1:1\"\ncredentials_file = {credentials:?}\n"
        ),
    );
    let whats = [
        "encryption.identity_file",
        "redis.password_file",
        "redis.key_file",
        "credentials_file of off",
    ];
    let run = || {
        let run = doctor_of_stores(&place, &config).arg("--json").arg("--limits-attempts=1");
        findings(&run.run())
    };
    files.iter().for_each(|file| mode(file, 0o604));
    mode(&config, 0o666);
    let all = run();
    for (what, file) in whats.iter().zip(&files) {
        let found = about(&all, what);
        assert_eq!(
            (found.verdict.as_str(), found.found.clone(), found.mend.clone()),
            (
                "problem",
                format!("0604: everybody on this host can get at {file:?}"),
                format!("chmod o= {}", file.display())
            )
        );
    }
    let file = about(&all, "configuration file");
    assert_eq!(file.verdict, "problem");
    assert_eq!(file.mend, format!("chmod go-w {}", config.display()));

    files.iter().for_each(|file| mode(file, 0o600));
    mode(&config, 0o644);
    let all = run();
    for what in whats.iter().chain(&["configuration file"]) {
        assert_eq!(about(&all, what).verdict, "ok");
    }
    fs::remove_file(password).unwrap();
    assert_eq!(about(&run(), "redis.password_file").verdict, "problem");
}

#[test]
fn the_private_key_does_not_belong_on_the_database_host() {
    let place = Place::new();
    let identity = place.file("identity", "x");
    mode(&identity, 0o600);
    let folder = place.folder("disk").join("repository");
    let config = place.file(
        "seawall.toml",
        format!("[encryption]\nidentity_file = {identity:?}\n[[repository]]\nurl = {folder:?}\n"),
    );
    let mut server = Server::builder(&place).init();
    server.start();
    let outcome = doctor(&place, &config).envs(server.connection()).run();
    let expected = format!(
        "  WARNING  encryption.identity_file: the private key {identity:?} is on the database host"
    );
    assert!(outcome.stdout.contains(&expected), "{outcome}");
    let outcome = doctor_of_stores(&place, &config).run();
    assert!(!outcome.stdout.contains("database host:"), "{outcome}");
}
