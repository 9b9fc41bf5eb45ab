//! What `--start` and `--follow` say is said of the server on that directory, whoever else answers.

use std::fs;
use std::path::{Path, PathBuf};

use super::base_backup;
use super::sound::{LIMIT, restoring};
use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::{Installation, NEWEST, Server};
use crate::support::run::Run;

/// A live server with a backup. What is restored of it has its port and its socket's folder, unless told otherwise.
pub struct Live {
    pub place: Place,
    pub seawall: Seawall,
    pub server: Server,
}

impl Live {
    pub fn new() -> Live {
        Live::with(|_| {})
    }

    /// `prepare` is called with the running server right before the backup.
    pub fn with(prepare: impl FnOnce(&Server)) -> Live {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let sockets = place.sockets().display().to_string();
        let builder = Server::builder(&place).version(NEWEST).segment_mib(1);
        let builder = builder.setting("unix_socket_directories", &sockets).setting("port", "6001");
        let mut server = builder.archive_command(&seawall.push()).init();
        server.start();
        server.sql("create table t as select generate_series(1, 100) i");
        prepare(&server);
        base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
        server.sql("insert into t select generate_series(101, 200)");
        server.wait_archived(&server.switch_wal(), LIMIT);
        Live { place, seawall, server }
    }

    pub fn data(&self) -> PathBuf {
        self.place.join("restored")
    }

    /// Told how to reach the live server, as `seawall init` writes it down.
    pub fn restoring(&self, words: &[&str]) -> Run {
        self.restoring_into(&self.data(), words)
    }

    pub fn restoring_into(&self, data: &Path, words: &[&str]) -> Run {
        let (port, sockets) =
            (self.server.sql("show port"), self.place.sockets().display().to_string());
        let connection = format!("host={sockets} port={port} user=postgres");
        let run = restoring(&self.seawall, data);
        let run = run.args(["--postgres-connection", &connection]);
        let program = Installation::of(NEWEST).program("pg_ctl");
        let run = run.arg("--postgres-bin").arg(Path::new(&program).parent().expect("a folder"));
        run.args(words)
    }

    fn pg_ctl(&self, words: &[&str]) -> Run {
        self.pg_ctl_of(&self.data(), words)
    }

    pub fn pg_ctl_of(&self, data: &Path, words: &[&str]) -> Run {
        let pg_ctl = Installation::of(NEWEST).program("pg_ctl");
        Run::new(&self.place, &pg_ctl).server_user().args(words).arg("-D").arg(data)
    }

    /// Asks the restored server, which listens on this port.
    #[track_caller]
    pub fn restored_sql(&self, port: &str, query: &str) -> String {
        let psql = Installation::of(NEWEST).program("psql");
        let run = Run::new(&self.place, &psql).server_user().arg("-h").arg(self.place.sockets());
        let words = ["-p", port, "-U", "postgres", "-d", "postgres", "-XAtc", query];
        run.args(words).run().expect(0).stdout.trim_end().to_owned()
    }

    /// A command for `--after` that starts the restored server on this port.
    pub fn start(&self, port: &str) -> String {
        let (pg_ctl, log) =
            (Installation::of(NEWEST).program("pg_ctl"), self.place.join("hook.log"));
        format!("'{pg_ctl}' start --no-wait -D \"$1\" -l '{}' -o '-p {port}'", log.display())
    }

    #[track_caller]
    pub fn stop(&self) {
        self.pg_ctl(&["stop", "-m", "immediate"]).run().expect(0);
    }

    fn settings(&self) -> String {
        fs::read_to_string(self.data().join("postgresql.auto.conf")).expect("its settings")
    }
}

/// The restored server takes the live one's port, and dies of it.
#[test]
fn the_answer_of_a_live_server_is_no_success() {
    let live = Live::new();
    // The test server is started with other settings than those in the file.
    let sockets = format!(
        "unix_socket_directories = '{}'\nport = {}\n",
        live.place.sockets().display(),
        live.server.sql("show port")
    );
    let conf = live.server.data().join("postgresql.conf");
    let text = fs::read_to_string(&conf).expect("its settings");
    fs::write(&conf, text + &sockets).expect("root or owner");
    base_backup(&live.seawall, &live.server, "create").limit(LIMIT).run().expect(0);
    live.server.wait_archived(&live.server.switch_wal(), LIMIT);
    let outcome = live.restoring(&["--start"]).run();
    outcome
        .expect(11)
        .says("the server stopped during recovery: lock file ")
        .does_not_say("takes writes");
    assert!(live.data().join("recovery.signal").exists());
}

#[test]
fn a_server_on_a_port_of_its_own_is_followed_beside_the_live_one() {
    let live = Live::new();
    let outcome = live.restoring(&["--after", &live.start("6007"), "--follow"]).run();
    let signal = live.data().join("recovery.signal").exists();
    live.stop();
    outcome.expect(0).says("the server takes writes");
    outcome.says(
        "archiving is off in it: ALTER SYSTEM SET archive_mode = 'on' and a restart turn it on",
    );
    assert!(!signal, "it was still recovering");
    // It does not recover again, nor do standbys that are made of it.
    let settings = live.settings();
    assert!(settings.contains("archive_mode = 'off'"), "{settings}");
    for gone in ["restore_command", "recovery_", "archive_cleanup_command"] {
        assert!(!settings.contains(gone), "{settings}");
    }
}

/// `data_directory` in the configuration leads to the old, perhaps damaged directory.
#[test]
fn start_starts_what_was_restored() {
    let mut live = Live::with(|server| {
        let conf = server.data().join("postgresql.conf");
        let text = fs::read_to_string(&conf).expect("its settings");
        let line = format!(
            "data_directory = '{}'\nexternal_pid_file = '{}.external'\n",
            server.data().display(),
            server.data().display()
        );
        fs::write(&conf, text + &line).expect("root or owner");
    });
    let old = live.server.data().to_owned();
    let external = old.with_extension("external");
    fs::write(&external, "of the live server").expect("our own folder");
    crate::support::user::hand_over(&external);
    let arguments = live.restoring(&["--start"]);
    live.server.kill_nine();
    let pid_file = fs::read(old.join("postmaster.pid")).expect("killed");
    let outcome = arguments.run();
    live.stop();
    let warning = format!(
        "has the setting data_directory = '{}': a server that is started with this setting uses that path",
        old.display()
    );
    outcome.expect(0).says("the server takes writes").says(&warning);
    assert!(!live.data().join("recovery.signal").exists());
    assert_eq!(fs::read(old.join("postmaster.pid")).expect("left alone"), pid_file);
    assert_eq!(fs::read(&external).expect("left alone"), b"of the live server");
}

/// Neither a server that went down nor one that never came is waited for.
#[test]
fn a_followed_server_that_is_not_there_ends_the_wait() {
    let live = Live::new();
    let words = ["--target-name", "nowhere", "--after", &live.start("6007"), "--follow"];
    live.restoring(&words).run().expect(11).says("the server stopped during recovery");
    let outcome =
        live.restoring(&["--delta", "--after", "true", "--follow", "--timeout", "3s"]).run();
    outcome.expect(11).says(&format!("no server came up on {:?}. HINT: ", live.data()));
    live.restoring(&["--timeout", "3s"]).run().expect(2).says("--start");
}

/// It came, and then nothing of it moves any more.
#[test]
fn a_server_that_stands_still_is_not_waited_for_for_ever() {
    let live = Live::new();
    let start = format!(
        "{}; until pid=$(head -n 1 \"$1/postmaster.pid\" 2> /dev/null) && [ -n \"$pid\" ]; do :; done; kill -STOP \"$pid\"",
        live.start("6007")
    );
    let words = ["--after", &start, "--follow", "--timeout", "4s"];
    let outcome = live.restoring(&words).run();
    let pid_file = fs::read_to_string(live.data().join("postmaster.pid")).expect("it came");
    let pid = pid_file.lines().next().expect("its number").to_owned();
    Run::new(&live.place, "kill").server_user().args(["-CONT", &pid]).run().expect(0);
    live.stop();
    outcome.expect(8).says(&format!(
        "the server on {:?} made no progress within 4 s. HINT: Its log and the list of its processes say what \
         it waits for. --timeout gives it longer.",
        live.data()
    ));
}

/// `pg_hba.conf` lets nobody in: the files tell how it went.
#[test]
fn a_server_that_lets_nobody_in_is_followed_all_the_same() {
    let live = Live::with(|server| {
        // Read at the next start.
        fs::write(
            server.data().join("pg_hba.conf"),
            "local replication all trust\nlocal all all reject\n",
        )
        .expect("root or owner");
    });
    let outcome = live.restoring(&["--after", &live.start("6007"), "--follow"]).run();
    live.stop();
    outcome
        .expect(0)
        .says("can't be asked: ")
        .says("pg_hba.conf rejects connection")
        .says("the server takes writes");
    assert!(!live.data().join("recovery.signal").exists());
    // A pause shows on no disk.
    let pause = [
        "--delta",
        "--target-immediate",
        "--target-action",
        "pause",
        "--after",
        &live.start("6007"),
        "--follow",
    ];
    let outcome = live.restoring(&pause).limit(LIMIT * 3).run();
    live.stop();
    outcome.expect(9).says(" refuses the connection that asks for its position: ");
}
