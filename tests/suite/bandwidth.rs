//! `limits.bandwidth`: what takes backups keeps to it, in all repositories together, and nothing else knows it.
//!
//! A slow machine makes everything slower, so nothing here is measured against a time that is short.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::archiving::commands::Seawall;
use crate::base_backups::base_backup;
use crate::media_backups::story::Story;
use crate::redis_backups::{folder, redis_backup};
use crate::scene::{Kind as StoreKind, SHORT_LIMITS, Scene, Store, error};
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Outcome;
use crate::support::s3::{Kind, S3Server};
use crate::support::user::hand_over;

const LIMIT: Duration = Duration::from_secs(300);

/// What is saved up before the first byte goes, and what a clock may be off.
const SAVED: f64 = 0.2;

/// Time limits that a transfer under the limit exceeds by far.
const SHORT_REQUESTS: [&str; 3] =
    ["--limits-request-timeout=1s", "--limits-total-timeout=2s", "--limits-attempts=1"];

/// Bytes that no compression makes fewer.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    noise
}

/// It took as long as so many bytes take at that rate, and not several times as long.
#[track_caller]
fn took(outcome: &Outcome, bytes: u64, rate: u64) {
    let least = bytes as f64 / rate as f64;
    let took = outcome.took.as_secs_f64();
    assert!(took >= least - SAVED, "{took} s for {bytes} bytes, of at least {least} s: {outcome}");
    assert!(took < 2.0 * least + 20.0, "{took} s for {bytes} bytes, {least} s: {outcome}");
}

fn bytes_below(folder: &Path) -> u64 {
    let sizes = fs::read_dir(folder).unwrap().flatten().map(|entry| {
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() { bytes_below(&entry.path()) } else { metadata.len() }
    });
    sizes.sum()
}

#[test]
fn a_base_backup_goes_into_a_folder_and_a_bucket_within_it() {
    const RATE: u64 = 1 << 20;
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let seawall = Seawall::new(&place).local("archive").s3(&s3);
    let mut server = Server::builder(&place).segment_mib(1).init();
    server.start();
    let create = |more: &[&str]| {
        let run = base_backup(&seawall, &server, "create").arg("--standalone");
        run.args(more).envs(s3.environment()).limit(LIMIT).run()
    };
    let outcome = create(&["--limits-bandwidth", "1MiB"]);
    outcome.expect(0);
    assert!(s3.keys().iter().any(|key| key.ends_with("/backup.json")), "{outcome}");
    let stored = bytes_below(&place.join("archive"));
    took(&outcome, 2 * stored, RATE);
    // The same without it takes a fraction of that.
    let unlimited = create(&[]);
    unlimited.expect(0);
    assert!(unlimited.took * 2 < outcome.took, "{unlimited} {outcome}");
}

#[test]
fn media_files_go_into_a_tree_and_into_packs_and_no_slow_transfer_is_taken_for_a_dead_one() {
    const RATE: u64 = 64 << 10;
    const BYTES: usize = 400 << 10;
    let story = Story::of(0, false);
    let path = story.source.join("film");
    fs::write(&path, noise(BYTES)).unwrap();
    hand_over(&path);
    let create = story.run(&["create", "--limits-bandwidth=64KiB"]);
    let outcome = create.args(SHORT_REQUESTS).limit(LIMIT).run();
    outcome.expect(0);
    took(&outcome, 2 * BYTES as u64, RATE);
    // Without the limit none of it takes a second.
    let verify =
        story.run(&["verify"]).args(SHORT_REQUESTS).env("SEAWALL_LIMITS_BANDWIDTH", "64KiB");
    let verified = verify.limit(LIMIT).run();
    verified.expect(0);
    assert!(verified.took < Duration::from_secs(2 * BYTES as u64 / RATE), "{verified}");
}

#[test]
fn a_backup_of_a_redis_goes_within_it() {
    const RATE: u64 = 128 << 10;
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    let value = noise(300 << 10);
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    server.run(&["SET", "noise", &hex]);
    let repositories = [folder(&place, "one"), folder(&place, "other")];
    let outcome = redis_backup(&server, &repositories, "create")
        .env("SEAWALL_LIMITS_BANDWIDTH", "128KiB")
        .limit(LIMIT)
        .run();
    outcome.expect(0);
    let stored: u64 = repositories.iter().map(|it| bytes_below(Path::new(it))).sum();
    assert!(stored > 600 << 10, "{stored}");
    took(&outcome, stored, RATE);
}

/// What is not archived yet is lost with the host, and whoever restores is in a hurry.
#[test]
fn a_push_and_a_fetch_wait_for_nothing() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
    let folder = Store::start(StoreKind::Local, &place);
    let scene = Scene::in_place(&place).with("[limits]\nbandwidth = \"64KiB\"");
    let scene = scene.with(&folder.table("local")).with(&store.table("s3"));
    scene.has_ready(4);
    let pushed = scene.push(0).run();
    pushed.expect(0);
    let stored = (0..4).map(|it| folder.get(&scene.clear_key(it)).map_or(0, |it| it.len()));
    let seconds = (2 * stored.sum::<usize>()) as f64 / f64::from(64 << 10);
    assert!(seconds > 4.0, "too little to tell: {seconds} s");
    assert!(pushed.took.as_secs_f64() < seconds / 2.0, "{pushed}");
    let fetched = scene.fetch(0).args(SHORT_LIMITS).run();
    fetched.expect(0);
    assert!(fetched.took.as_secs_f64() < seconds / 4.0, "{fetched}");
}

#[test]
fn who_does_not_keep_to_it_has_no_option_for_it_and_too_little_is_refused() {
    let place = Place::new();
    let scene = Scene::in_place(&place);
    let outcome = scene.push(0).arg("--limits-bandwidth=1MiB").run();
    assert!(
        error(outcome.expect(2)).contains("unexpected argument '--limits-bandwidth"),
        "{outcome}"
    );
    let seawall = Seawall::new(&place).local("archive");
    let outcome = seawall.base_backup_by_hand("create").arg("--limits-bandwidth=10KiB").run();
    let said = "expected a size (for each second) like 10MiB, at least 64KiB for \
                --limits-bandwidth, found \"10KiB\"";
    assert!(error(outcome.expect(2)).contains(said), "{outcome}");
}
