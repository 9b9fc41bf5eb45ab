//! Who may only add objects can't have any deleted: what a description says of its time counts only where the store
//! agrees, and what the store dates within the window stays.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::shows;
use crate::listing::laid::{Laid, OLD, described, key, object, segment_key};
use crate::report::scene::Past;
use crate::support::proxy::{Fault, Proxy, Rule, Said};
use crate::support::run::Outcome;
use crate::support::s3::Kind;

const HOUR: u64 = 3600;
pub const DAY: u64 = 24 * HOUR;

/// So many nightly backups, the last one 9 hours ago, a segment every 2 hours, and all stored when it says so.
fn nightly(nights: u64) -> Past {
    nightly_until(nights, Timestamp::now())
}

pub fn nightly_until(nights: u64, now: Timestamp) -> Past {
    let past = Past::at(now);
    let segments = u32::try_from(nights * 12 + 4).unwrap();
    past.wal(1, 1..=segments, 2 * HOUR, 600);
    for night in 0..nights {
        let ago = night * DAY + 9 * HOUR;
        past.backup(1, u64::from(segments) - ago / (2 * HOUR) - 1, ago, "nightly");
    }
    past
}

fn prune(past: &Past, options: &[&str]) -> Outcome {
    past.laid.basebackup("prune").arg("--yes").args(options).run()
}

fn keys(past: &Past) -> BTreeSet<String> {
    past.laid.store("disk").keys().into_iter().collect()
}

/// A description of a few hundred bytes, said to have ended so long ago and stored now.
pub fn plant(past: &Past, id_ago: u64, segment: u64, standalone: bool) -> String {
    let id = past.ago(id_ago).strftime("%Y%m%dT%H%M%SZ-ffff").to_string();
    let mut fake = described(&id, 1, segment);
    fake.standalone = standalone;
    past.laid.backup("disk", &fake);
    id
}

/// Two of them, ahead of all WAL, one older than the window and one of now.
#[test]
fn planted_backups_cost_no_wal_of_the_window() {
    let now = Timestamp::now();
    let (past, honest) = (nightly_until(20, now), nightly_until(20, now));
    plant(&past, 7 * DAY + 300, 900, true);
    plant(&past, 60, 901, true);
    let outcome = prune(&past, &[]);
    outcome.expect(0);
    prune(&honest, &[]).expect(0);
    let wal = |past: &Past| -> BTreeSet<String> {
        keys(past).into_iter().filter(|key| key.contains("/wal/")).collect()
    };
    let lost: Vec<String> = wal(&honest).difference(&wal(&past)).cloned().collect();
    assert!(lost.is_empty(), "{lost:?} {outcome}");
    // The same when it lies there for longer than the window: it is ahead of what was taken after it.
    let past = nightly_until(20, now);
    let mut fake =
        described(&past.ago(7 * DAY + 300).strftime("%Y%m%dT%H%M%SZ-ffff").to_string(), 1, 900);
    fake.standalone = true;
    for stored in fake.parts.iter().map(|it| &it.stored).chain([&fake.manifest]) {
        let bytes = vec![b'x'; usize::try_from(stored.stored_size).unwrap()];
        past.put(&object(&fake, &stored.object), &bytes, 7 * DAY + 299);
    }
    past.put(&object(&fake, "backup.json"), &fake.to_json().unwrap(), 7 * DAY + 299);
    prune(&past, &[]).expect(0);
    let lost: Vec<String> = wal(&honest).difference(&wal(&past)).cloned().collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// One for each past day, later on it than the true one.
#[test]
fn planted_backups_take_nobody_s_place() {
    let now = Timestamp::now();
    let (past, honest) = (nightly_until(60, now), nightly_until(60, now));
    let fakes: Vec<String> =
        (0..60).map(|day| plant(&past, day * DAY + 8 * HOUR, 3, false)).collect();
    for options in [&[][..], &["--retention-keep-within=0s", "--retention-wal-window=1s"]] {
        let outcome = prune(&past, options);
        outcome.expect(0);
        prune(&honest, options).expect(0);
        let lost: Vec<String> = keys(&honest).difference(&keys(&past)).cloned().collect();
        assert!(lost.is_empty(), "{options:?}: {lost:?} {outcome}");
        if options.is_empty() {
            shows(&outcome, &format!("keep   disk {} says that it ended at 20", fakes[30]));
            shows(&outcome, ": counts for no rule, stays 7days");
        }
    }
}

/// It is said, and keeps nobody from pruning.
#[test]
fn a_backup_of_the_future_counts_for_nothing() {
    let past = nightly(20);
    past.laid.backup("disk", &described("20990101T030000Z-0009", 1, 11));
    let outcome = prune(&past, &[]);
    let text =
        "20990101T030000Z-0009 says that it ended at 2099-01-01T03:00:05Z, and was stored at 20";
    shows(outcome.expect(0), text);
    assert!(!outcome.stdout.contains("Nothing is to be deleted"), "{outcome}");
    let old = past.ago(17 * DAY + 9 * HOUR).strftime("/%Y%m%d").to_string();
    assert!(!keys(&past).iter().any(|key| key.contains(&old)), "{outcome}");
    // The newest is the newest all the same.
    let newest = past.ago(9 * HOUR).strftime("%Y%m%dT%H%M%SZ-4f2a the newest good one").to_string();
    shows(&outcome, &newest);
}

/// A repository that was copied is young by its store: all stays for one window.
#[test]
fn a_copied_repository_loses_nothing_for_a_window() {
    let past = nightly(20);
    past.laid.store("disk").date(&|_| SystemTime::now());
    let before = keys(&past);
    let outcome = prune(&past, &[]);
    assert!(outcome.expect(0).stdout.contains("Nothing is to be deleted.\n"), "{outcome}");
    assert_eq!(keys(&past), before);
    shows(&outcome, " stored within 7days\n");
    // Then it is judged by what the backups say.
    sleep(Duration::from_millis(1100));
    let short = ["--retention-keep-within=1s", "--retention-wal-window=1s"];
    prune(&past, &short).expect(0);
    let descriptions = keys(&past).into_iter().filter(|key| key.ends_with("backup.json")).count();
    assert!((2..20).contains(&descriptions), "{descriptions} are left");
}

const DATE: Said = Said {
    status: 200,
    headers: "Date: Wed, 01 Jan 2025 00:00:00 GMT\r\n",
    body: "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
};

/// By the clock of the store no time has passed.
#[test]
fn a_host_whose_clock_is_ahead_deletes_nothing_for_it() {
    let laid = Laid::with_bucket(Kind::Moto);
    for (number, segment) in [(1, 2), (2, 5), (3, 9)] {
        let id = format!("202001{number:02}T030000Z-0001");
        laid.backup("s3", &described(&id, 1, segment));
    }
    laid.wal("s3", OLD, 1, 1..=12);
    let proxy = Proxy::start(laid.store("s3").server().address());
    let table = laid.store("s3").table_at("s3", &proxy.endpoint());
    let config = laid.place.file("proxied.toml", table);
    let rules = ["last=1", "daily=0", "weekly=0", "monthly=0", "within=1s"];
    let rules = rules.map(|rule| format!("--retention-keep-{rule}"));
    let prune = || {
        let run = laid.program(env!("CARGO_BIN_EXE_basebackup"), "prune").arg("--config");
        run.arg(&config).args(&rules).args(["--yes", "--retention-wal-window=1s"]).run()
    };
    sleep(Duration::from_millis(2100));
    proxy.add(Rule::new(Fault::Say(DATE)).method("GET").path("max-keys=1"));
    let before = laid.store("s3").keys();
    let outcome = prune();
    shows(outcome.expect(0), " ahead of that of repository s3: the earlier one counts.\n");
    assert!(outcome.stdout.ends_with("Nothing is to be deleted.\n"), "{outcome}");
    assert_eq!(laid.store("s3").keys(), before, "{outcome}");
    proxy.clear();
    let outcome = prune();
    assert!(outcome.expect(0).stdout.ends_with("Deleted 16 objects, 8.5 KiB.\n"), "{outcome}");
}

/// A description that can't be read, planted among many.
#[test]
fn a_planted_description_that_can_not_be_read_does_not_stop_retention() {
    let past = nightly(20);
    let id = past.ago(3 * DAY).strftime("%Y%m%dT%H%M%SZ-ffff").to_string();
    past.put(&key(OLD, &format!("{id}/backup.json")), b"{", 60);
    let outcome = prune(&past, &[]);
    outcome.expect(5);
    let old = past.ago(17 * DAY + 9 * HOUR).strftime("/%Y%m%d").to_string();
    assert!(!keys(&past).iter().any(|key| key.contains(&old)), "{outcome}");
    assert!(!keys(&past).contains(&segment_key(OLD, 1, 3)), "{outcome}");
}
