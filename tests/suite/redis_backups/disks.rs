//! A full disk: where the backup goes, and where the server's files are laid down.

use std::fs;

use super::{folder, redis_backup};
use crate::namespace;
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};

const NO_SPACE: &str =
    "No space left on device (os error 28). HINT: Make room on that file system.";

#[test]
fn it_is_said_and_done_when_there_is_room() {
    let place = Place::new();
    let mut server = RedisServer::start(Program::usual(), &place, &[]);
    server.run(&[
        "EVAL",
        "math.randomseed(1) local t = {} for i = 1, 100000 do t[i] = \
                  string.format('%05x%05x', math.random(0, 1048575), math.random(0, 1048575)) end \
                  redis.call('SET', 'large', table.concat(t))",
        "0",
    ]);
    let digest = server.digest();
    let archive = folder(&place, "archive");
    redis_backup(&server, std::slice::from_ref(&archive), "create").run().expect(0);
    let (disk, out) = (place.folder("disk"), place.folder("steps"));
    let script = "step() { name=$1; shift; status=0
             $as $program \"$@\" --redis-url $url 2>$out/$name.err || status=$?
             echo $status >$out/$name; }
         mount -t tmpfs -o size=300k,mode=0777 tmpfs $disk
         $as mkdir $disk/data
         step create create --repository $disk/full
         find $disk/full -type f >$out/left
         step restore restore --repository $archive --dir $disk/data --yes
         ls -A $disk/data >$out/names
         mount -t tmpfs -o remount,size=30m tmpfs $disk
         step again create --repository $disk/full
         step back restore --repository $disk/full --dir $disk/data --yes
         cp -a $disk/data $out/data";
    let Some(run) = namespace::script(&place, script) else { return };
    let program = place.program(env!("CARGO_BIN_EXE_redis-backup"));
    let run = run.env("program", program).env("out", &out).env("disk", &disk);
    let run = run.env("archive", &archive).env("SEAWALL_LOG_FORMAT", "text");
    run.env("url", format!("redis://127.0.0.1:{}", server.port())).run().expect(0);
    let ended = |name: &str, status: i32, text: &str| {
        let said = fs::read_to_string(out.join(format!("{name}.err"))).unwrap();
        let found = fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(found.trim(), status.to_string(), "{name}: {said}");
        assert!(said.contains(text), "no {text:?} in {said}");
    };
    let start = "ERROR could not back up Redis: could not store the backup in repository local: could not \
                 write \"";
    ended("create", 10, start);
    ended("create", 10, &format!("dump.rdb.zst\": {NO_SPACE}\n"));
    assert_eq!(fs::read_to_string(out.join("left")).unwrap(), "");
    ended("restore", 10, &format!("/disk/data/seawall-restore/0\": {NO_SPACE}\n"));
    assert_eq!(fs::read_to_string(out.join("names")).unwrap(), "");
    ended("again", 0, "Redis backup done");
    ended("back", 0, "restored");
    server.kill();
    let again = RedisServer::start_in(Program::usual(), &place, &out.join("data"), &[]);
    assert_eq!(again.digest(), digest);
}
