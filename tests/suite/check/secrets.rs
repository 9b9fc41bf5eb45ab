//! What takes a key or a password: the private key of this host, and a Redis that is asked.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use seawall::history::{RecordKind, RecordSubject};
use seawall::postgres::SystemIdentifier;

use super::{Found, record};
use crate::listing::laid::{Laid, OLD, described};
use crate::scene::KeyPair;
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;

fn laid() -> Laid {
    let laid = Laid::with_folder();
    let system = SystemIdentifier(OLD.parse().unwrap());
    let id = super::laid_out::id(super::laid_out::HOUR);
    laid.backup("disk", &described(&id, 1, 2));
    laid.wal("disk", OLD, 1, 2..=4);
    record(laid.store("disk"), &RecordSubject::postgres("main", system), RecordKind::Drill, true);
    laid
}

fn check(laid: &Laid) -> Run {
    let run = laid.seawall("check").args(["--format", "json", "--objectives-rpo=1h"]);
    run.arg("--objectives-free-space=0")
}

#[test]
fn a_private_key_that_is_missing_or_none_is_said() {
    let laid = laid();
    let gone = laid.place.join("gone.key");
    let run = || check(&laid).arg("--encryption-identity-file");
    let found = Found::of(&run().arg(&gone).run(), 1);
    found.only(&["access"]);
    found.says(
        "repository disk, access",
        "warning",
        &format!(
            "… answers; encrypted objects can't be read on this host: could not read identity file {gone:?}: No such file or \
             directory (os error 2)"
        ),
        "The user that runs this must be able to read it.",
    );
    let empty = laid.place.file("empty.key", "# created\n");
    fs::set_permissions(&empty, Permissions::from_mode(0o600)).unwrap();
    Found::of(&run().arg(&empty).run(), 1).says(
        "repository disk, access",
        "warning",
        "…: the file has no AGE-SECRET-KEY-1… line",
        "Make one with `age-keygen -o FILE`.",
    );
    let pair = KeyPair::new(&laid.place);
    Found::of(&run().arg(&pair.file).run(), 0).only(&[]);
}

/// Where nobody said where it is, its backups alone count.
#[test]
fn a_redis_that_was_named_is_asked() {
    let laid = laid();
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("requirepass", "right")]);
    let url = format!("redis://127.0.0.1:{}", server.port());
    let run = |words: &[&str]| check(&laid).arg(format!("--redis-url={url}")).args(words);
    let says = |run: Run, state: &str, text: &str, hint: &str| {
        let found = Found::of(&run.run(), 2);
        found.only(&["server", "backup"]);
        found.says("redis main, server", state, &text.replace("URL", &url), hint);
    };
    says(run(&[]).env("REDISCLI_AUTH", "right"), "ok", "URL answers", "");
    says(run(&[]), "ok", "URL answers, and asks for a password", "");
    let hint = crate::redis_server::access::LOGIN_HINT.trim_start_matches("HINT: ");
    says(
        run(&[]).env("REDISCLI_AUTH", "mistaken"),
        "warning",
        "could not be asked: could not log in to URL: the server says: WRONGPASS …",
        hint,
    );
    if crate::support::user::server_account().is_some() {
        let closed = place.file("password", "right");
        chown(&closed, Some(0), Some(0)).unwrap();
        let closed = format!("--redis-password-file={}", closed.display());
        fs::set_permissions(place.join("password"), Permissions::from_mode(0o600)).unwrap();
        let text = "not asked: redis.password_file is closed to the user of this check";
        says(run(&[&closed]), "ok", text, "");
    }
    drop(server);
    says(
        run(&["--limits-connect-timeout=2s"]),
        "warning",
        "could not be asked: could not connect to URL: …",
        "Is the server running, and is redis.url right?",
    );
    let found = Found::of(&check(&laid).arg("--redis-name=main").run(), 2);
    assert!(
        found.all().iter().all(|it| it["check"] != "server" || it["subject"]["service"] != "redis")
    );
}
