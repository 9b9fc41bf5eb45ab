//! The disk of `pg_wal` is full because the archive refuses everything: the server is down, and comes back.

use std::fs;

use super::LIMIT;
use crate::namespace;
use crate::support::place::Place;
use crate::support::postgres::{Installation, NEWEST, Server, shell_word};

const SCRIPT: &str = "\
mount -t tmpfs -o size=16m,mode=0777 tmpfs $disk
$as cp -a $data/pg_wal $disk/pg_wal
$as mv $data/pg_wal $data/pg_wal-before
$as ln -s $disk/pg_wal $data/pg_wal
$as dd if=/dev/zero of=$disk/filler bs=1M count=3 2>/dev/null
$as $bin/pg_ctl start -D $data -w -l $out/log >/dev/null
row() { $as $bin/psql -Xqc \"insert into t values ($1)\" -c \"select pg_logical_emit_message(true, 'x', repeat('x', 900000))\"; }
written=0
while row $((written + 1)) >/dev/null 2>&1; do written=$((written + 1)); done
echo $written >$out/written
waits() { ls $data/pg_wal/archive_status | sed -n 's/\\.ready$//p' | sort; }
waits >$out/waited
last=$(waits | tail -n 1)
drop() { $as $seawall drop-wal --config $config --data-directory $data --until $last --yes; }
head -c 1m /dev/zero >>$disk/filler 2>/dev/null || true
drop >$out/full 2>$out/full.err && exit 1
rm $disk/filler
drop >$out/dropped 2>$out/dropped.err
$as $bin/pg_ctl status -D $data >/dev/null || $as $bin/pg_ctl start -D $data -w -l $out/log >/dev/null
for i in $(seq 60); do
    $as $bin/psql -Xqc 'select pg_reload_conf()' >/dev/null 2>&1 || true
    [ $(waits | grep -c -v -x -F -f $out/waited) = $(waits | wc -l) ] && break
    sleep 0.5
done
$as $bin/psql -Xqc checkpoint
for number in 101 102 103 104; do row $number >/dev/null; done
$as $bin/psql -XAtqc 'select count(*) from t where i < 100' >$out/rows
waits >$out/waits
$as $bin/pg_ctl stop -D $data -m immediate >/dev/null
";

#[test]
fn a_server_that_went_down_goes_on_with_every_row() {
    let place = Place::new();
    let refusing = place.file("refusing", "");
    let text = format!("[[repository]]\nurl = {refusing:?}\n");
    let config = place.file("seawall.toml", text);
    let push = shell_word(&place.program(env!("CARGO_BIN_EXE_wal-push")));
    let push = format!("{push} --config {} %p %f", shell_word(&config));
    let builder = Server::builder(&place).version(NEWEST).segment_mib(1);
    let mut server = builder.archive_command(&push).init();
    server.start();
    server.sql("create table t (i int)");
    server.kill_nine();
    // `pg_ctl` starts it as the test does.
    let [(_, sockets), (_, port), ..] = server.connection();
    server.set("unix_socket_directories", &sockets);
    server.set("port", &port);
    let (disk, out) = (place.folder("disk"), place.folder("out"));
    let Some(run) = namespace::script(&place, SCRIPT) else { return };
    let bin = Installation::of(NEWEST).program("postgres");
    let bin = std::path::Path::new(&bin).parent().expect("a program lies in a folder");
    let run = run.env("data", server.data()).env("disk", &disk).env("out", &out).env("bin", bin);
    let run =
        run.env("config", &config).env("seawall", place.program(env!("CARGO_BIN_EXE_seawall")));
    let outcome = run.envs(server.connection()).limit(2 * LIMIT).run();
    let said = |name: &str| fs::read_to_string(out.join(name)).unwrap_or_default();
    let log = said("log");
    assert_eq!(outcome.status, Some(0), "{outcome}\n{}{log}", said("dropped.err"));
    assert!(log.contains("No space left on device"), "{log}");
    let full = said("full.err");
    assert!(full.contains("ERROR nothing was dropped: could not "), "{full}");
    assert!(full.contains("HINT: Make room on that file system."), "{full}");
    let waited = said("waited").lines().count();
    assert!(waited > 5, "{waited} files waited");
    assert!(
        said("dropped").contains(&format!("Dropped {waited} segments.")),
        "{}",
        said("dropped")
    );
    // A row that was written as the disk got full may be there.
    let number = |name: &str| said(name).trim().parse::<u32>().unwrap();
    let (written, rows) = (number("written"), number("rows"));
    assert!(written > 3 && (written..=written + 1).contains(&rows), "{written} {rows}");
    let waits = said("waits");
    assert!(waits.lines().all(|name| !said("waited").contains(name)), "{waits}");
}
