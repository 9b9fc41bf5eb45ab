//! Hosts as Debian's packages make them: `postgresql.conf` lies outside of the data directory and names a file for the number of
//! the server's process, and systemd starts the server. What systemd does is done here by a script;
//! `scripts/test-packages.sh` has the real one.

use std::fs;
use std::path::PathBuf;

use super::{Host, shell};
use crate::documents::{fenced, read};
use crate::support::place::free_port;
use crate::support::postgres::{NEWEST, Stop};
use crate::support::run::Run;
use crate::support::user::hand_over;

/// One more server of a host: where it is, and what systemd calls it.
struct Unit {
    name: &'static str,
    data: PathBuf,
    settings: PathBuf,
    /// What its command line says besides.
    options: String,
}

impl Unit {
    /// Takes the settings out of the data directory.
    fn move_settings(host: &Host, name: &'static str) -> Unit {
        let data = host.server.data().to_owned();
        let from = fs::read_to_string(data.join("postgresql.conf")).expect("settings");
        Unit::new(host, name, data, &from)
    }

    fn new(host: &Host, name: &'static str, data: PathBuf, settings: &str) -> Unit {
        let (hba, ident) = ("pg_hba.conf", "pg_ident.conf");
        let folder = host.place.folder(&format!("etc-{name}"));
        for file in [hba, ident] {
            fs::copy(host.server.data().join(file), folder.join(file)).expect("copied");
        }
        let text = format!(
            "{settings}\ndata_directory = '{}'\nhba_file = '{}'\nident_file = '{}'\nexternal_pid_file = '{}'\n",
            data.display(),
            folder.join(hba).display(),
            folder.join(ident).display(),
            host.place.join(format!("{name}.pid")).display()
        );
        let settings = folder.join("postgresql.conf");
        fs::write(&settings, text).expect("written");
        hand_over(&folder);
        Unit { name, data, settings, options: String::new() }
    }

    /// What stands for `systemctl`, found before the real one.
    fn systemctl(&self, host: &Host) {
        let (bin, data) = (host.bin(), self.data.display().to_string());
        let script = format!(
            "#!/bin/sh\n[ \"$2\" = {} ] || exit 5\ncase $1 in\n\
             start) exec {bin}/pg_ctl start -s -w -D {data} -l {data}.log -o '-c config_file={} {}' ;;\n\
             stop) {bin}/pg_ctl status -D {data} >/dev/null || exit 0; exec {bin}/pg_ctl stop -s -w -m fast -D {data} ;;\n\
             esac\nexit 4\n",
            self.name,
            self.settings.display(),
            self.options,
            bin = bin.display(),
        );
        let ours = host.stand_ins().join("systemctl");
        fs::write(&ours, script).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&ours, mode).expect("its mode");
    }

    fn set_up(&self, host: &Host) -> String {
        let mut values = vec![("VERSION", "no".to_owned()), ("CLUSTER", "matter".to_owned())];
        for (name, value) in host.values() {
            let path = match name {
                "PGDATA" => Some(&self.data),
                "SETTINGS" => Some(&self.settings),
                _ => None,
            };
            if name == "SETTINGS" {
                values.push(("UNIT", self.name.to_owned()));
            }
            values.push((name, path.map_or(value, |path| path.display().to_string())));
        }
        shell::set_up("Debian and Ubuntu", &values)
    }
}

/// The copy beside must not take the file with the live server's number, nor be started past systemd.
#[test]
fn a_table_comes_back_where_the_settings_lie_outside_of_the_data_directory() {
    let mut host = Host::new(NEWEST);
    host.server.start();
    let folder = host.place.folder("ts");
    host.server.sql(&format!("create tablespace elsewhere location '{}'", folder.display()));
    host.server
        .sql("create table orders tablespace elsewhere as select generate_series(1, 1000) id");
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    let moment =
        host.server.sql("select pg_sleep(0.2); select clock_timestamp(); select pg_sleep(0.2)");
    let moment = moment.lines().find(|line| line.contains(':')).expect("a time").to_owned();
    host.server.sql("delete from orders");
    host.server.stop(Stop::Fast);
    let unit = Unit::move_settings(&host, "postgresql@main");
    fs::remove_file(host.server.data().join("postgresql.conf")).expect("moved");
    unit.systemctl(&host);
    let shell = unit.set_up(&host);
    let start = format!("{shell}PG_START\nPG_RESTART\n");
    let run = |script: &str| {
        let run = Run::new(&host.place, "bash").server_user().args(["-c", script]);
        run.envs(host.server.connection()).env("PATH", host.search_path()).run()
    };
    run(&start).expect(0);
    let pid = fs::read_to_string(host.place.join("postgresql@main.pid")).expect("running");
    let values = [("BEFORE", moment.as_str()), ("DATABASE", "postgres"), ("TABLE", "orders")];
    host.do_page(&shell, "deleted-data", &values).expect(0);
    assert_eq!(host.server.sql("select count(*) from orders"), "1000");
    assert_eq!(fs::read_to_string(host.place.join("postgresql@main.pid")).ok(), Some(pid));
    let left = fs::read_dir(host.place.path()).expect("read").flatten();
    let left = left.map(|entry| entry.file_name().into_string().expect("plain"));
    let left: Vec<String> = left.filter(|name| name.starts_with("scratch")).collect();
    assert!(left.is_empty(), "{left:?}");
    run(&format!("{shell}PG_STOP\n! PG_RUNS\nPG_STOP\n")).expect(0);
}

/// What was there is of another history. It makes room, and the new one follows the primary, and the archive where there is none.
#[test]
fn a_standby_is_made_anew() {
    let mut host = Host::new(NEWEST);
    host.server.start();
    host.server.sql("create table t as select generate_series(1, 1000) i");
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    host.server.sql("insert into t select generate_series(1001, 2000)");
    host.archive_all();
    let [(_, sockets), (_, port), ..] = host.server.connection();
    let own = free_port();
    let settings =
        fs::read_to_string(host.server.data().join("postgresql.conf")).expect("settings");
    let old = host.place.folder("standby");
    fs::write(old.join("PG_VERSION"), "of another history").expect("written");
    hand_over(&old.join("PG_VERSION"));
    let mut unit = Unit::new(&host, "postgresql@standby", old, &settings);
    unit.options = format!("-c port={own}");
    unit.systemctl(&host);
    let primary = format!("host={sockets} port={port} user=postgres");
    host.server.sql("select pg_create_physical_replication_slot('ours')");
    let shell = unit.set_up(&host) + &format!("export PGPORT={own}\n");
    let outcome = host.do_page(&shell, "standby", &[("PRIMARY", &primary), ("SLOT", "ours")]);
    assert!(outcome.expect(0).stdout.contains("streaming"), "{outcome}");
    assert!(host.place.join("key-here").exists(), "it fetches from the archive with the key");
    // What is not in the archive comes over the connection.
    host.server.sql("insert into t select generate_series(2001, 3000)");
    let count = format!(
        "{shell}until [ \"$(psql -XAtc 'select count(*) from t')\" = 3000 ]; do sleep 0.2; done\nPG_STOP\n"
    );
    let run = Run::new(&host.place, "bash").server_user().args(["-c", &count]);
    run.envs(host.server.connection())
        .env("PATH", format!("{}:{}", host.bin().display(), host.search_path()))
        .run()
        .expect(0);
}

/// What the page does for one kind of host it does for all of them.
#[test]
fn each_kind_of_host_has_all_that_the_pages_call() {
    let page = read("docs/runbooks/README.md");
    let every = &fenced(&page, "sh")[0];
    let called = ["PG_RUNS", "PG_STOP", "PG_START", "PG_RESTART", "PG_WAIT", "PG_ASIDE", "PG_OLD"];
    for name in called.iter().chain(&["PG_SCRATCH_START", "PG_SCRATCH_STOP"]) {
        assert!(every.contains(&format!("\n{name}() {{")), "{name}: {every}");
    }
    for name in ["corruption", "deleted-data", "lost-server", "major-upgrade", "lost-key"] {
        let text = fenced(&read(format!("docs/runbooks/{name}.md")), "sh").concat();
        assert!(
            !text.contains("pg_ctl") && !text.contains("systemctl start post"),
            "{name}: {text}"
        );
    }
}
