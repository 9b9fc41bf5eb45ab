//! `docs/restore-by-hand.md`, done as it stands: its blocks one after the other, with the values of its first
//! block set.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::archiving::commands::Seawall;
use crate::base_backups::{backups_in, base_backup};
use crate::documents::{fenced, read};
use crate::scene::KeyPair;
use crate::support::place::Place;
use crate::support::postgres::{Installation, Load, Server};
use crate::support::run::Run;

const PAGE: &str = "docs/restore-by-hand.md";
const LIMIT: Duration = Duration::from_secs(60);
/// Where the restored server listens; it comes with the backup.
const PORT: &str = "6001";

#[test]
fn a_server_comes_back_with_the_page_alone() {
    comes_back(&Place::new(), 15, None);
}

#[test]
fn a_server_comes_back_from_an_encrypted_repository() {
    let place = Place::with_odd_name();
    comes_back(&place, 18, Some(&KeyPair::new(&place)));
}

/// With a tablespace, backed up under load; then the load goes on, a moment is noted, more is written, and a
/// table is dropped.
fn comes_back(place: &Place, version: u32, pair: Option<&KeyPair>) {
    let mut seawall = Seawall::new(place).local("archive");
    if let Some(pair) = pair {
        seawall = seawall.option("--encryption-recipients", &pair.recipient);
    }
    let builder = || Server::builder(place).version(version);
    let sockets = place.sockets().display().to_string();
    let mut server = builder()
        .segment_mib(1)
        .setting("unix_socket_directories", &sockets)
        .setting("port", PORT)
        .archive_command(&seawall.push())
        .init();
    server.start();
    let location = place.folder("tablespace");
    server.sql(&format!("create tablespace elsewhere location '{}'", location.display()));
    server.sql("create table far tablespace elsewhere as select generate_series(1, 10000) i");
    server.pgbench_init(1);
    let load = server.pgbench_start(2, Load::Transactions(500));
    base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
    load.finish().expect(0);
    let contents = server.contents();
    let moment = server.sql("select pg_sleep(0.1); select clock_timestamp(); select pg_sleep(0.1)");
    let moment = moment.lines().find(|line| line.contains(':')).expect("a time");
    server.pgbench(2, Load::Transactions(100));
    server.sql("drop table far");
    server.wait_archived(&server.switch_wal(), LIMIT);
    server.kill_nine();
    server.lose_data();
    fs::remove_dir_all(&location).expect("our own folder");

    let backup = backups_in(&place.join("archive")).pop().expect("the one that was taken");
    let data = place.join("restored");
    let pg_ctl = Installation::of(version).program("pg_ctl");
    let bin = Path::new(&pg_ctl).parent().expect("a folder");
    let nowhere = place.join("no-key");
    let identity = pair.map_or(nowhere.as_path(), |pair| &pair.file);
    let repository = backup.parent().and_then(Path::parent).expect("two folders above");
    let script = script(&[
        ("REPOSITORY", quoted(repository)),
        ("BACKUP", quoted(Path::new(backup.file_name().expect("an id")))),
        ("TARGET_TIME", quoted(Path::new(moment))),
        ("DATA", quoted(&data)),
        ("TABLESPACES", quoted(&place.join("tablespaces"))),
        ("IDENTITY", quoted(identity)),
        ("PATH", format!("{}:$PATH", quoted(bin))),
    ]);
    let run = Run::new(place, "bash").server_user().args(["-c", &script]);
    let connection = [("PGHOST", sockets.as_str()), ("PGPORT", PORT), ("PGUSER", "postgres")];
    let outcome = run.envs(connection).limit(LIMIT).run();
    let stop = Run::new(place, &pg_ctl).server_user().args(["stop", "-m", "fast", "-D"]);
    let stopped = stop.arg(&data).run();
    outcome.expect(0);
    stopped.expect(0);
    for said in ["part-00001.tar.zst", ": OK", "successfully verified", "pg_promote \n", " t\n"] {
        assert!(outcome.stdout.contains(said), "no {said:?} in {outcome}");
    }
    let mut restored = builder().over(data);
    restored.start();
    assert_eq!(restored.sql("show archive_mode"), "off");
    assert_eq!(restored.contents(), contents, "{}", restored.log());
}

/// All blocks of the page. What its first one sets has to be given, and nothing else.
fn script(values: &[(&str, String)]) -> String {
    let mut blocks = fenced(&read(PAGE), "sh");
    let names: Vec<&str> = blocks[0].lines().filter_map(|line| line.split('=').next()).collect();
    let given: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, given, "what {PAGE} sets");
    blocks[0] = values.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    assert!(blocks.len() > 5, "{PAGE} has only {} blocks", blocks.len());
    format!("set -eu\n{}", blocks.concat())
}

/// As one word of bash.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_str().expect("paths of the tests are UTF-8"))
}
