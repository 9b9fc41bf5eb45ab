//! The files of a server on this host.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use seawall::error::{Class, Result};
use seawall::redis_backup::{RdbCheck, server_files};

use super::{Content, connect, lay_rdb, lay_set, read, target};
use crate::support::place::Place;
use crate::support::redis::{LIMITS, Program, RedisServer, query};

fn save(server: &RedisServer) -> Result<Vec<u8>> {
    server_files::save(&mut connect(server), None, LIMITS.request, &mut |_| {})
        .map(|file| read(file).1)
}

fn append_only(server: &RedisServer) -> Result<Vec<Content>> {
    let files = server_files::append_only(&mut connect(server), None, LIMITS.request, &mut |_| {})?;
    Ok(files.into_iter().map(read).collect())
}

#[test]
fn each_save_is_a_new_one_even_within_a_second() {
    for program in Program::all() {
        let place = Place::new();
        let server = RedisServer::start(program, &place, &[]);
        server.fill();
        for number in 0..5 {
            let key = format!("new{number}");
            server.run(&["SET", &key, "x"]);
            let begun = Instant::now();
            let rdb = save(&server).unwrap();
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
            assert!(rdb.windows(key.len()).any(|bytes| bytes == key.as_bytes()), "{number}");
            let mut check = RdbCheck::new();
            check.write(&rdb).unwrap();
            assert_eq!(check.finish().unwrap().keys, Some(server.keys()));
        }
        let folder = place.folder("restored");
        lay_rdb(&target(&folder, true, program), &save(&server).unwrap()).unwrap();
        let restored = RedisServer::start_in(program, &place, &folder, &[("appendonly", "yes")]);
        assert_eq!(restored.digest(), server.digest());
    }
}

/// One that is under way is of an older moment.
#[test]
fn a_save_under_way_is_not_taken_for_ours() {
    for program in Program::all() {
        let place = Place::new();
        let server = RedisServer::start(program, &place, &[("rdb-key-save-delay", "20000")]);
        server.fill();
        server.run(&["BGSAVE"]);
        server.run(&["SET", "written after it began", "x"]);
        let rdb = save(&server).unwrap();
        assert!(rdb.windows(23).any(|bytes| bytes == b"written after it began\x01"));
    }
}

#[test]
fn a_save_that_fails_is_said() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("dbfilename", "a.rdb")]);
    server.fill();
    let blocking = server.folder.join("a.rdb");
    std::fs::create_dir(&blocking).unwrap();
    std::fs::write(blocking.join("x"), "x").unwrap();
    let error = save(&server).unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    assert_eq!(
        error.to_string(),
        format!(
            "could not have {} save its data: its BGSAVE failed. HINT: The server's log says why: no room, \
             a folder that is read-only, or no memory to fork.",
            server.config().address
        )
    );
}

/// The server goes on reporting `ok`.
#[test]
fn a_save_that_is_called_off_is_said() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("rdb-key-save-delay", "50000")]);
    server.fill();
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            while !server.ask::<String>(&["INFO", "persistence"]).contains("bgsave_in_progress:1") {
                thread::yield_now();
            }
            server.run(&["FLUSHALL"]);
        });
        save(&server).unwrap_err()
    });
    let text = error.to_string();
    assert!(
        text.contains(" has saved, and ") && text.contains(" is the same file as before"),
        "{text}"
    );
}

#[test]
fn a_folder_that_is_not_the_servers_is_noticed() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let other = place.folder("other");
    let saved =
        server_files::save(&mut connect(&server), Some(&other), LIMITS.request, &mut |_| {});
    let text = saved.err().unwrap().to_string();
    assert_eq!(
        text,
        format!(
            "{} has saved, and {:?} is the same file as before. HINT: Is it the folder that the server has \
             as dir? A save is also called off by FLUSHALL; then try again.",
            server.config().address,
            other.join("dump.rdb")
        )
    );
}

#[test]
fn an_append_only_file_that_is_off_is_an_error() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    let error = append_only(&server).unwrap_err();
    assert_eq!(error.class(), Class::Configuration);
    assert_eq!(
        error.to_string(),
        format!(
            "{} has no append-only file: appendonly is no. HINT: Take its RDB file.",
            server.config().address
        )
    );
}

/// A transaction writes two keys; rewrites go on; each backup has the keys from the first to some moment, and both
/// of each pair.
#[test]
fn an_append_only_file_is_consistent_under_load_and_rewrites() {
    for program in Program::all() {
        let place = Place::new();
        let settings = [("appendonly", "yes"), ("aof-use-rdb-preamble", "yes")];
        let server = RedisServer::start(program, &place, &settings);
        server.fill();
        let ended = AtomicBool::new(false);
        let taken: Vec<Vec<Content>> = thread::scope(|scope| {
            scope.spawn(|| {
                let mut connection = server.connect();
                let mut rewritten = Instant::now();
                for number in 0.. {
                    if ended.load(Ordering::Relaxed) {
                        break;
                    }
                    let mut pair = redis::pipe();
                    pair.atomic();
                    pair.cmd("SET").arg(format!("a{number}")).arg("x".repeat(200)).ignore();
                    pair.cmd("SET").arg(format!("b{number}")).arg("y".repeat(200)).ignore();
                    pair.exec(&mut connection).expect("it writes");
                    if rewritten.elapsed() > Duration::from_secs(1) {
                        rewritten = Instant::now();
                        let _ = redis::cmd("BGREWRITEAOF").exec(&mut connection);
                    }
                }
            });
            let taken = (0..4).map(|_| {
                thread::sleep(Duration::from_millis(400));
                append_only(&server)
            });
            let taken: Result<Vec<_>> = taken.collect();
            ended.store(true, Ordering::Relaxed);
            taken.unwrap()
        });
        for files in &taken {
            let folder = place.folder(&format!("restored-{}", place.next_number()));
            lay_set(&target(&folder, true, program), files).unwrap();
            // It must not need to mend anything.
            let settings = [("appendonly", "yes"), ("aof-load-truncated", "no")];
            let restored = RedisServer::start_in(program, &place, &folder, &settings);
            restored.digest();
            whole_pairs(&restored);
        }
    }
}

#[track_caller]
fn whole_pairs(server: &RedisServer) {
    let mut connection = server.connect();
    let mut has = |key: String| query::<bool>(&mut connection, &["EXISTS", &key]);
    let count = (0..).find(|number| !has(format!("a{number}"))).expect("it ends");
    assert!(count > 0);
    assert!((0..count).all(|number| has(format!("b{number}"))));
    assert!(
        (count..count + 1000)
            .all(|number| !has(format!("a{number}")) && !has(format!("b{number}")))
    );
}

#[test]
fn a_set_of_files_comes_with_its_manifest_last() {
    for program in Program::with_multi_part(true) {
        let place = Place::new();
        let server = RedisServer::start(program, &place, &[("appendonly", "yes")]);
        server.fill();
        server.run(&["BGREWRITEAOF"]);
        let files = append_only(&server).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof", "appendonly.aof.manifest"]
        );
        let folder = place.folder("restored");
        lay_set(&target(&folder, true, program), &files).unwrap();
        let restored = RedisServer::start_in(program, &place, &folder, &[("appendonly", "yes")]);
        assert_eq!(restored.digest(), server.digest());
    }
}
