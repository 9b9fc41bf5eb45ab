//! A server that can't run its `archive_command`: the archiver dies of it, and `pg_stat_archiver` never tells.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::Watched;
use crate::support::postgres::shell_word;

impl Watched {
    /// Has the server archive by another command from now on.
    pub(super) fn archives_by(&self, command: &str) {
        self.server
            .sql(&format!("alter system set archive_command = '{}'", command.replace('\'', "''")));
        self.server.sql("select pg_reload_conf()");
        std::thread::sleep(Duration::from_millis(500));
    }

    #[track_caller]
    fn archives_nothing(&self, command: &str, why: &str) {
        self.archives_by(command);
        let found = self.finds(2, &[]);
        found.only(&["archiving"]);
        found.says(
            "postgresql main, archiving",
            "critical",
            &format!("archive_command = '{command}' archives nothing: {why}; … was archived … ago"),
            &self.archives_again(),
        );
    }
}

#[test]
fn a_program_that_is_not_there_is_said_at_once() {
    let watched = Watched::with_folder();
    watched.archives_nothing(
        "/usr/bin/wal-pusch \"%p\" %f",
        "the server does not find \"/usr/bin/wal-pusch\"",
    );
    watched.archives_nothing("wal-pusch %p %f", "the server does not find \"wal-pusch\"");
    let gone = watched.place.join("gone/wal-push");
    watched.archives_nothing(
        &format!("nice -n 5 {} %p %f", gone.display()),
        &format!("the server does not find {gone:?}"),
    );
    // When more is lost than was promised, the hint does not lead to where nothing is seen.
    std::thread::sleep(Duration::from_secs(1));
    watched.server.sql("create table t as select 1");
    watched.server.sql("select pg_switch_wal()");
    let found = watched.finds(2, &["--objectives-rpo=0s"]);
    found.says(
        "postgresql main, RPO now in disk",
        "critical",
        "…; expected at most 0s",
        "The server can't run its archive_command",
    );
}

#[test]
fn a_program_that_is_not_executable_is_said_at_once() {
    let watched = Watched::with_folder();
    let program = watched.place.file("wal-push", "#!/bin/sh\nexit 0\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o644)).unwrap();
    watched.archives_nothing(
        &format!("{} %p %f", shell_word(&program)),
        &format!("the user … may not execute {program:?}"),
    );
}

/// The role of `basebackup create` sees no more than the replication protocol tells.
#[test]
fn a_role_for_replication_sees_it_too() {
    let watched = Watched::with_folder();
    watched.server.sql("create role sender login replication");
    watched.archives_by("/usr/bin/wal-pusch %p %f");
    let run = watched.check().env("PGUSER", "sender").env("PGDATABASE", "");
    let found = super::Found::of(&run.args(["--format", "json"]).run(), 2);
    found.says(
        "postgresql main, archiving",
        "critical",
        "archive_command = '/usr/bin/wal-pusch %p %f' archives nothing: the server does not find \"/usr/bin/wal-pusch\"; …",
        &watched.archives_again(),
    );
}
