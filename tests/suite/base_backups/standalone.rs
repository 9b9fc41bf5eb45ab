//! A standalone base backup has the WAL that it needs inside: it comes back where there is no archive.

use std::path::Path;

use super::base_backup;
use super::sound::{LIMIT, restore};
use crate::archiving::commands::{Seawall, each_version};
use crate::support::place::Place;
use crate::support::postgres::{Installation, Server};
use crate::support::wait::wait_until;

each_version!(a_standalone_backup_comes_back_with_and_without_an_archive);

fn a_standalone_backup_comes_back_with_and_without_an_archive(version: u32) {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let builder = || Server::builder(&place).version(version).segment_mib(1);
    let rows = |name: &str, words: &[&str]| {
        let data = place.join(name);
        restore(&seawall, &data, words).expect(0);
        let mut server = builder().over(data);
        server.start();
        server.wait_promoted(LIMIT);
        let rows = server.sql("select count(*) from t");
        server.kill_nine();
        rows
    };
    let drill = || {
        let programs = Installation::of(version).program("postgres");
        let programs = Path::new(&programs).parent().expect("a folder").to_owned();
        let run = seawall.base_backup_by_hand("drill").limit(LIMIT).arg("--drill-directory");
        run.arg(place.folder("drills")).arg("--drill-postgres-bin").arg(programs).run().expect(0);
    };
    let mut server = builder().init();
    server.start();
    server.sql("create table t as select generate_series(1, 100) i");
    base_backup(&seawall, &server, "create").arg("--standalone").limit(LIMIT).run().expect(0);
    assert_eq!(rows("latest", &[]), "100");
    assert_eq!(rows("immediate", &["--target-immediate"]), "100");
    assert_eq!(rows("current", &["--target-timeline", "current"]), "100");
    drill();
    // Archiving begins behind it: its own segments are in the archive never.
    server.set("archive_mode", "on");
    server.set("archive_command", &seawall.push());
    server.restart();
    server.sql("insert into t select generate_series(101, 200)");
    let segment = server.switch_wal();
    server.wait_archived(&segment, LIMIT);
    wait_until("WAL in the archive", LIMIT, || place.join("archive/postgres").exists());
    assert_eq!(rows("later immediate", &["--target-immediate"]), "100");
    assert_eq!(rows("later", &[]), "200");
    drill();
}
