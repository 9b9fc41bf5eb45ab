//! What goes wrong while a server sends its data.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use seawall::config::{Limits, RedisConfig};
use seawall::error::{Class, Error};
use seawall::redis_backup::{RdbChecksum, Snapshot};

use super::{lay_rdb, snapshot, target};
use crate::support::place::Place;
use crate::support::redis::{LIMITS, Program, RedisServer, query};
use crate::support::user::server_account;

const HINT: &str = "HINT: The server's log says why: a failed save, repl-timeout, or client-output-buffer-limit replica.";

/// Receives until `at` bytes came, does something to the server, and goes on.
fn disturbed(config: &RedisConfig, limits: &Limits, at: usize, mut disturb: impl FnMut()) -> Error {
    let mut came = 0;
    let mut sink = |bytes: &[u8]| {
        if came < at && came + bytes.len() >= at {
            disturb();
        }
        came += bytes.len();
        Ok(())
    };
    let snapshot = Snapshot::begin(config, limits, &mut |_| {});
    let received = snapshot.and_then(|snapshot| snapshot.read(&mut sink, &mut |_| {}));
    received.expect_err("a part is no success")
}

#[test]
fn two_hundred_mebibytes_arrive_and_are_loaded() {
    let place = Place::new();
    let mut source = RedisServer::start(Program::usual(), &place, &[]);
    source.fill_mebibytes(200);
    let digest = source.digest();
    let (rdb, received) = snapshot(&source.config()).unwrap();
    assert!(
        received.bytes > 200 << 20 && received.rdb.checksum == RdbChecksum::Good,
        "{received:?}"
    );
    source.kill();
    let folder = place.folder("restored");
    lay_rdb(&target(&folder, false, Program::usual()), &rdb).unwrap();
    assert_eq!(RedisServer::start_in(Program::usual(), &place, &folder, &[]).digest(), digest);
}

#[test]
fn a_server_that_is_killed_in_the_middle_is_no_backup() {
    for (diskless, came) in [("yes", "bytes without the mark of the end"), ("no", " bytes")] {
        let place = Place::new();
        let mut source =
            RedisServer::start(Program::usual(), &place, &[("repl-diskless-sync", diskless)]);
        source.fill_mebibytes(40);
        let config = source.config();
        let error = disturbed(&config, &LIMITS, 1 << 20, || source.kill());
        assert_eq!(error.class(), Class::Unreachable);
        let text = error.to_string();
        let start = format!(
            "could not receive the data of {}: the server closed the connection, ",
            config.address
        );
        assert!(text.starts_with(&start) && text.ends_with(HINT), "{text}");
        assert!(text.contains(came), "{text}");
    }
}

#[test]
fn a_server_that_stops_is_waited_for_no_longer_than_the_limit() {
    let place = Place::new();
    let mut source = RedisServer::start(Program::usual(), &place, &[("repl-diskless-sync", "no")]);
    source.fill_mebibytes(40);
    let limits = Limits { request: Duration::from_millis(500), ..LIMITS };
    let begun = Instant::now();
    let error = disturbed(&source.config(), &limits, 1 << 20, || source.signal(Signal::STOP));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(error.to_string().contains(": nothing more came for 500ms, "), "{error}");
}

#[test]
fn a_reader_that_fails_ends_it_at_once() {
    let place = Place::new();
    let source = RedisServer::start(Program::usual(), &place, &[]);
    source.fill_mebibytes(10);
    let mut sink = |_: &[u8]| Err(Error::new(Class::LocalFile, "the disk is full"));
    let snapshot = Snapshot::begin(&source.config(), &LIMITS, &mut |_| {}).unwrap();
    let error = snapshot.read(&mut sink, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "the disk is full");
    super::snapshot(&source.config()).unwrap();
}

#[test]
fn a_save_that_the_server_cannot_do_is_an_error() {
    let place = Place::new();
    let source = RedisServer::start(Program::usual(), &place, &[("repl-diskless-sync", "no")]);
    source.fill();
    // A folder of that name: not even root could write the file.
    std::fs::create_dir(source.folder.join("dump.rdb")).unwrap();
    if server_account().is_some() {
        crate::support::user::hand_over(&source.folder);
    }
    std::fs::write(source.folder.join("dump.rdb/x"), "x").unwrap();
    let error = snapshot(&source.config()).unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    assert_eq!(
        error.to_string(),
        format!(
            "could not receive the data of {}: the server closed the connection, no data yet. {HINT}",
            source.config().address
        )
    );
}

/// Keep-alives come, data don't.
#[test]
fn a_save_that_takes_too_long_is_given_up() {
    let place = Place::new();
    let settings = [("repl-diskless-sync", "no"), ("rdb-key-save-delay", "1000000")];
    let source = RedisServer::start(Program::usual(), &place, &settings);
    source.fill();
    let mut config = source.config();
    config.save_timeout = Duration::from_secs(2);
    let mut told = Vec::new();
    let snapshot = Snapshot::begin(&config, &LIMITS, &mut |_| {}).unwrap();
    assert_eq!(snapshot.start.as_ref().map(|start| start.replication_id.len()), Some(40));
    let error = snapshot.read(&mut |_| Ok(()), &mut |waited| told.push(waited)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} did not begin to send within 2s. HINT: Is its disk slow, or another save under way? \
             redis.save_timeout is the wait.",
            config.address
        )
    );
    assert!(!told.is_empty() && told.is_sorted(), "{told:?}");
}

/// What was written before the request is in it, and what it counts is what a server loads from it.
#[test]
fn under_write_load_it_is_of_one_moment() {
    for program in Program::all() {
        let place = Place::new();
        let source = RedisServer::start(program, &place, &[]);
        source.fill();
        let ended = AtomicBool::new(false);
        let (rdb, received) = thread::scope(|scope| {
            scope.spawn(|| {
                let mut connection = source.connect();
                for number in 0.. {
                    if ended.load(Ordering::Relaxed) {
                        break;
                    }
                    query::<u64>(&mut connection, &["INCR", "counter"]);
                    query::<redis::Value>(&mut connection, &["SET", &format!("n{number}"), "x"]);
                }
            });
            while !source.ask::<bool>(&["EXISTS", "n1000"]) {
                thread::yield_now();
            }
            let taken = snapshot(&source.config());
            ended.store(true, Ordering::Relaxed);
            taken.unwrap()
        });
        let folder = place.folder("restored");
        lay_rdb(&target(&folder, false, program), &rdb).unwrap();
        let restored = RedisServer::start_in(program, &place, &folder, &[]);
        restored.digest();
        assert_eq!(received.rdb.keys, Some(restored.keys()));
        let counter: u64 = restored.ask(&["GET", "counter"]);
        assert!(counter > 1000 && restored.ask::<bool>(&["EXISTS", &format!("n{}", counter - 2)]));
        assert!(!restored.ask::<bool>(&["EXISTS", &format!("n{counter}")]), "it is from later");
    }
}

#[test]
fn a_checksum_that_is_switched_off_is_told() {
    let place = Place::new();
    let source = RedisServer::start(Program::usual(), &place, &[("rdbchecksum", "no")]);
    source.fill();
    let (_, received) = snapshot(&source.config()).unwrap();
    assert_eq!(received.rdb.checksum, RdbChecksum::SwitchedOff);
    assert_eq!(received.rdb.keys, Some(source.keys()));
}
