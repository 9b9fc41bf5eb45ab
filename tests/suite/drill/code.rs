//! A backup may hold code, or settings that run some: whoever forges one finds no key on the host that rehearses it, and
//! what is set for roles and databases changes no verdict.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;

use super::redis::Host;
use super::{LIMIT, Scene, json};
use crate::base_backups::base_backup;
use crate::support::postgres::NEWEST;
use crate::support::redis::Program;

/// A port of this host, and whether somebody has come to it.
fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// It needs Landlock of Linux 6.7: on an older kernel this fails, and says that the host was reached.
#[test]
fn code_out_of_a_backup_finds_no_keys() {
    let scene = Scene::new(NEWEST);
    let secret = scene.place.file("secret", "AGE-SECRET-KEY-1");
    let (listener, port) = listener();
    // It is run as the superuser of the server may run anything: here by an assertion.
    let script = scene.place.file(
        "probe.sh",
        format!(
            "exec 2>/dev/null\n\
             cd \"$1\"\n\
             env >evidence\n\
             cat '{secret}' >>evidence\n\
             cat /proc/[0-9]*/environ >>evidence\n\
             echo evil >'{outside}'\n\
             (exec 3<>/dev/tcp/127.0.0.1/{port}) && echo reached >>evidence\n\
             echo ran >>evidence\n",
            secret = secret.display(),
            outside = scene.place.join("outside").display(),
        ),
    );
    // What it runs lies in the data directory, as all else that a backup brings along.
    let data = scene.server.data().join("probe.sh");
    fs::copy(&script, &data).unwrap();
    crate::support::user::hand_over(&data);
    scene.server.sql(
        "create function probe() returns boolean language plpgsql as $$ begin \
         execute 'copy (select 1) to program ''bash probe.sh .'''; return true; end $$",
    );
    base_backup(&scene.seawall, &scene.server, "create").limit(LIMIT).run().expect(0);
    scene.archived();
    let evidence = |more: &[&str]| {
        let drill = scene.drill().args(["--keep", "--json", "--assert", "select probe()"]);
        let outcome = drill.args(more).env("AWS_SECRET_ACCESS_KEY", "geheim").run();
        let kept = json(outcome.expect(0))["kept"].as_str().expect("a folder").to_owned();
        let evidence = fs::read(Path::new(&kept).join("data/evidence")).unwrap();
        fs::remove_dir_all(kept).unwrap();
        let evidence = String::from_utf8_lossy(&evidence).into_owned();
        assert!(evidence.contains("ran\n"), "{evidence}");
        evidence
    };
    let found = ["geheim", "AGE-SECRET-KEY-1", "reached"];
    let confined = evidence(&[]);
    for found in found {
        assert!(!confined.contains(found), "{found}: {confined}");
    }
    assert!(listener.accept().is_err(), "the host was reached");
    assert!(!scene.place.join("outside").exists());
    // What it would find.
    let free = evidence(&["--unconfined"]);
    found.iter().for_each(|found| assert!(free.contains(found), "{found}: {free}"));
    assert!(listener.accept().is_ok() && scene.place.join("outside").exists());
}

/// `pg_amcheck` evaluates no expression of an index; who has one evaluated runs code out of the backup, and that finds nothing
/// either.
#[test]
fn the_function_of_an_index_finds_no_keys() {
    let scene = Scene::new(NEWEST);
    let secret = scene.place.file("secret", "AGE-SECRET-KEY-1");
    let (listener, port) = listener();
    let outside = scene.place.join("outside");
    let script = format!(
        "exec 2>/dev/null\n(cat '{}'; env) >evidence\necho evil >'{}'\n\
         (exec 3<>/dev/tcp/127.0.0.1/{port}) && echo reached >>evidence\necho ran >>evidence\n",
        secret.display(),
        outside.display()
    );
    let data = scene.server.data().join("probe.sh");
    fs::write(&data, script).unwrap();
    crate::support::user::hand_over(&data);
    // On the real server, which archives, it does nothing. What is immutable may call what is not.
    scene.server.sql(
        "create extension amcheck; \
         create function act() returns void language plpgsql as $$ begin \
         if current_setting('archive_mode') = 'off' then \
         execute 'copy (select 1) to program ''bash probe.sh'''; end if; end $$; \
         create function probe(i int) returns int immutable language plpgsql as $$ begin \
         perform public.act(); return i; end $$; \
         create table probed as select 1 i; create index by_probe on probed (probe(i))",
    );
    base_backup(&scene.seawall, &scene.server, "create").limit(LIMIT).run().expect(0);
    scene.archived();
    let evidence = |more: &[&str]| {
        let outcome = scene.drill().args(["--keep", "--json"]).args(more).run();
        let kept = json(outcome.expect(0))["kept"].as_str().expect("a folder").to_owned();
        let evidence = fs::read_to_string(Path::new(&kept).join("data/evidence")).ok();
        fs::remove_dir_all(kept).unwrap();
        evidence
    };
    assert_eq!(evidence(&[]), None, "pg_amcheck ran it");
    let evaluated = ["--assert", "select bt_index_check('by_probe', true)::text is not null"];
    let confined = evidence(&evaluated).expect("it ran");
    assert!(confined.contains("ran\n"), "{confined}");
    assert!(!confined.contains("AGE-SECRET") && !confined.contains("reached"), "{confined}");
    assert!(listener.accept().is_err() && !outside.exists());
    let free = evidence(&[&evaluated[..], &["--unconfined"]].concat()).expect("it ran");
    assert!(free.contains("AGE-SECRET") && free.contains("reached"), "{free}");
    assert!(listener.accept().is_ok() && outside.exists());
}

/// Libraries that are not there fail a session that would load them; the rest fails what a drill does.
#[test]
fn settings_of_roles_and_databases_change_no_verdict() {
    let scene = Scene::new(NEWEST);
    scene.server.sql("create role nobody_here");
    let settings = [
        ("session_preload_libraries", "no-such-library"),
        ("local_preload_libraries", "no-such-library"),
        ("role", "nobody_here"),
        ("statement_timeout", "1ms"),
        ("lock_timeout", "1ms"),
        ("idle_session_timeout", "1ms"),
        ("idle_in_transaction_session_timeout", "1ms"),
        ("transaction_timeout", "1ms"),
        ("default_transaction_read_only", "on"),
        ("default_transaction_isolation", "serializable"),
        ("search_path", "nowhere"),
        ("enable_seqscan", "off"),
    ];
    // Behind the base backup: from the next session on these two databases can't be used any more.
    let mut all = String::new();
    for (name, value) in settings {
        for whose in ["database %", "role current_user in database %"] {
            for database in ["postgres", "shop"] {
                let whose = whose.replace('%', database);
                all += &format!("alter {whose} set {name} = '{value}'; ");
            }
        }
    }
    scene.server.sql(&all);
    assert!(scene.server.try_sql("select 1").is_err());
    let segment = "select pg_walfile_name(pg_switch_wal())";
    scene.server.wait_archived(&scene.server.sql_in("template1", segment), LIMIT);
    scene.drill().args(["--assert", "select count(*) = 501 from t"]).run().expect(0);
    scene.nothing_is_left();
}

/// A forged append-only file makes the server of a drill reach nobody.
#[test]
fn a_redis_of_a_drill_reaches_nobody() {
    for program in Program::all() {
        let host = Host::new(program, &[("appendonly", "yes")]);
        let create = || {
            host.run("create").args(["--source", "aof"]).run().expect(0);
            std::thread::sleep(std::time::Duration::from_millis(1100));
        };
        create();
        host.drill(program).run().expect(0);
        let (listener, port) = listener();
        let port = port.to_string();
        let length = port.len();
        let forged = format!("*3\r\n$7\r\nSLAVEOF\r\n$9\r\n127.0.0.1\r\n${length}\r\n{port}\r\n");
        append(&host.server.folder, &forged);
        create();
        let outcome = host.drill(program).run();
        assert!(outcome.status != Some(0), "{program:?}: {outcome}");
        assert!(listener.accept().is_err(), "{program:?} reached the host");
    }
}

/// To the newest append-only file of a server.
fn append(folder: &Path, text: &str) {
    let several = folder.join("appendonlydir");
    let files = fs::read_dir(if several.is_dir() { &several } else { folder }).unwrap().flatten();
    let files = files.map(|file| file.path());
    let is_one = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.ends_with(".incr.aof") || name == "appendonly.aof"
    };
    let path = files.filter(is_one).max().expect("an append-only file");
    let mut file = fs::File::options().append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
