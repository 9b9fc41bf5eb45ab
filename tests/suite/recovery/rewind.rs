//! `pg_rewind`, which calls `restore_command` in a folder of its own choice.

use std::path::Path;
use std::time::Duration;

use crate::archiving::commands::{
    Seawall, copy_folder, each_version, nothing_but_information, write_segments,
};
use crate::support::place::Place;
use crate::support::postgres::{Server, Stop};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

each_version!(pg_rewind_gets_the_wal_that_the_old_primary_has_recycled);

/// The old primary goes on after the standby's promotion, so long that it recycles the WAL that
/// `pg_rewind` has to read.
fn pg_rewind_gets_the_wal_that_the_old_primary_has_recycled(version: u32) {
    let place = Place::with_odd_name();
    let seawall = Seawall::new(&place).local("archive");
    let builder = || {
        let builder = Server::builder(&place).version(version).segment_mib(1);
        builder.setting("wal_retrieve_retry_interval", "100ms")
    };
    let small = builder().setting("max_wal_size", "4MB").setting("min_wal_size", "2MB");
    let mut old = small.setting("wal_log_hints", "on").archive_command(&seawall.push()).init();
    old.start();
    old.sql("create table t (a text)");
    old.base_backup(&place.join("backup"));
    copy_folder(&place, &place.join("backup"), &place.join("standby"));
    let mut new = builder().over(place.join("standby"));
    new.stand_by_with(&seawall.fetch());
    new.start();
    old.sql("insert into t values ('common')");
    old.wait_archived(&old.switch_wal(), LIMIT);
    has(&new, "common");
    let common = old.sql("select pg_walfile_name(redo_lsn) from pg_control_checkpoint()");
    new.promote();
    new.sql("insert into t values ('new')");
    old.sql("insert into t values ('lost')");
    old.wait_archived(&write_segments(&old, 20), LIMIT);
    old.sql("checkpoint");
    assert!(!old.data().join("pg_wal").join(&common).exists(), "{common} is still there");
    old.stop(Stop::Fast);

    // Here %p is a full path, and this one has a space in it.
    old.set("restore_command", &seawall.fetch().replace("%p", "\"%p\""));
    let source = format!("host={} {}", place.sockets().display(), connection(&new));
    let rewind = new.tool("pg_rewind").cwd(Path::new("/"));
    let rewind = rewind.args(["--no-ensure-shutdown", "--restore-target-wal", "--source-server"]);
    let rewind = rewind.arg(source).arg("--target-pgdata").arg(old.data()).run();
    rewind.expect(0).says("INFO restored").says("Done!");
    nothing_but_information(&rewind.stderr);

    // It answers when it has reached the place where the new one was during the rewind.
    new.wait_archived(&new.switch_wal(), LIMIT);
    old.stand_by_with(&seawall.fetch());
    old.start();
    new.sql("insert into t values ('newest')");
    new.wait_archived(&new.switch_wal(), LIMIT);
    has(&old, "common\nnew\nnewest");
    assert_eq!(old.contents(), new.contents());
    nothing_but_information(&old.log_since_start());

    // The archive has WAL of both timelines for the same places: the newer one counts.
    let mut recovered = builder().setting("archive_mode", "off").over(place.join("backup"));
    recovered.recover_with(&seawall.fetch());
    recovered.start();
    recovered.wait_promoted(LIMIT);
    assert_eq!(recovered.contents(), new.contents(), "{}", recovered.log());
    nothing_but_information(&recovered.log());
}

fn connection(server: &Server) -> String {
    format!("port={} user=postgres dbname=postgres", server.sql("show port"))
}

#[track_caller]
fn has(server: &Server, rows: &str) {
    wait_until(rows, LIMIT, || server.sql("select a from t order by a") == rows);
}
