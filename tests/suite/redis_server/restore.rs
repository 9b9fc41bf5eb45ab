//! What was taken is laid down, and a server that starts there has the same data.

use std::fs;
use std::path::Path;

use seawall::redis_backup::server_files;

use super::{connect, lay_rdb, lay_set, read, snapshot, target};
use crate::support::place::Place;
use crate::support::redis::{LIMITS, Program, RedisServer};

const APPENDONLY: [(&str, bool); 2] = [("no", false), ("yes", true)];

/// Starts a server on what was laid down: it has the data, and they stay after another start.
#[track_caller]
fn has_the_data(program: &Program, place: &Place, folder: &Path, appendonly: &str, digest: &str) {
    let settings = [("appendonly", appendonly)];
    let mut server = RedisServer::start_in(program, place, folder, &settings);
    assert_eq!(server.digest(), digest, "{program:?} appendonly {appendonly}\n{}", server.log());
    server.run(&["SET", "more", "after the restore"]);
    if appendonly == "yes" {
        let digest = server.digest();
        server.kill();
        server.restart();
        assert_eq!(server.digest(), digest, "{}", server.log());
    }
}

/// A folder in which a server has left other data, both ways.
fn used_folder(program: &Program, place: &Place) -> std::path::PathBuf {
    let mut server = RedisServer::start(program, place, &[("appendonly", "yes")]);
    server.run(&["SET", "old", "must not come back"]);
    server.save();
    server.kill();
    server.folder.clone()
}

#[test]
fn a_snapshot_is_loaded_whether_appendonly_or_not() {
    for program in Program::all() {
        for diskless in ["yes", "no"] {
            let place = Place::new();
            let source = RedisServer::start(program, &place, &[("repl-diskless-sync", diskless)]);
            source.fill();
            let (digest, keys) = (source.digest(), source.keys());
            let (rdb, received) = snapshot(&source.config()).unwrap();
            assert_eq!(received.rdb.keys.as_ref(), Some(&keys), "{program:?}");
            assert_eq!(received.bytes, rdb.len() as u64);
            let on_disk = source.folder.join("dump.rdb").exists();
            assert_eq!(on_disk, diskless == "no", "{program:?} diskless {diskless}");
            for (appendonly, is_on) in APPENDONLY {
                let fresh = place.folder(&format!("fresh-{appendonly}"));
                for folder in [fresh, used_folder(program, &place)] {
                    lay_rdb(&target(&folder, is_on, program), &rdb).unwrap();
                    has_the_data(program, &place, &folder, appendonly, &digest);
                }
            }
        }
    }
}

/// As when a site moves from an old server to a new one.
#[test]
fn data_of_redis_6_are_loaded_by_redis_7() {
    let place = Place::new();
    for old in Program::with_multi_part(false) {
        let source = RedisServer::start(old, &place, &[("appendonly", "yes")]);
        source.fill();
        let digest = source.digest();
        let mut server = connect(&source);
        let aof = server_files::append_only(&mut server, None, LIMITS.total, &mut |_| {}).unwrap();
        let aof: Vec<_> = aof.into_iter().map(read).collect();
        assert_eq!(
            aof.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["appendonly.aof"]
        );
        let (rdb, _) = snapshot(&source.config()).unwrap();
        for new in Program::all() {
            let folder = place.folder(&format!("set-{}", place.next_number()));
            lay_set(&target(&folder, true, new), &aof).unwrap();
            has_the_data(new, &place, &folder, "yes", &digest);
            let folder = place.folder(&format!("rdb-{}", place.next_number()));
            lay_rdb(&target(&folder, true, new), &rdb).unwrap();
            has_the_data(new, &place, &folder, "yes", &digest);
        }
    }
}

/// Nothing says which version it will be: both take a single file.
#[test]
fn an_unknown_version_reads_it_too() {
    let place = Place::new();
    let source = RedisServer::start(Program::usual(), &place, &[]);
    source.fill();
    let (rdb, _) = snapshot(&source.config()).unwrap();
    let folder = place.folder("unknown");
    let conf = place.file("redis.conf", format!("dir {folder:?}\nappendonly yes\n"));
    let target =
        seawall::redis_backup::RedisTarget::read(Some(&conf), &Default::default()).unwrap();
    lay_rdb(&target, &rdb).unwrap();
    assert!(folder.join("appendonly.aof").exists());
    has_the_data(Program::usual(), &place, &folder, "yes", &source.digest());
}

#[test]
fn a_folder_that_a_server_uses_is_refused() {
    let place = Place::new();
    let mut server = RedisServer::start(Program::usual(), &place, &[]);
    let folder = server.folder.clone();
    let target = target(&folder, false, Program::usual());
    assert!(target.is_of(&connect(&server).persistence().unwrap().unwrap()));
    let name = fs::read_to_string(format!("/proc/{}/comm", server.pid())).unwrap();
    assert_eq!(
        target.begin().err().unwrap().to_string(),
        format!(
            "a server is running on {folder:?}, {} (process {}). HINT: Stop it first; at its \
             end it would write its own data over them.",
            name.trim(),
            server.pid()
        )
    );
    server.kill();
    target.begin().unwrap();
    let other = place.folder("other");
    assert!(!super::target(&other, false, Program::usual()).is_of(
        &seawall::redis_backup::Persistence {
            dir: folder,
            dbfilename: "dump.rdb".into(),
            appendonly: false,
            appendfilename: "appendonly.aof".into(),
            appenddirname: None,
        }
    ));
}
