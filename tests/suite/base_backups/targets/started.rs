//! A server that is started and watched on its way to the target.

use std::fs;

use jiff::Timestamp;

use super::super::sound::{recovered, restore, restoring};
use super::Scene;
use crate::scene::error;
use crate::support::postgres::{OLDEST, Server};

/// A server whose base backup and WAL are in the archive, with row 1 before the restore point `there` and
/// row 2 behind it. What is restored from it listens in the place.
fn started_by_itself() -> Scene {
    let scene = Scene::new(OLDEST);
    let sockets = scene.place.sockets().display().to_string();
    let builder = scene.builder().setting("unix_socket_directories", &sockets);
    let server = scene.backed_up(builder.setting("port", "6001"));
    server.sql("insert into t values (1)");
    server.sql("select pg_create_restore_point('there')");
    server.sql("insert into t values (2)");
    scene.lose(server);
    scene
}

/// Whether these are in the WAL shows only in the recovery. The server refuses to go on without, and the
/// next restore goes over what is there.
#[test]
fn a_target_that_the_wal_does_not_hold_stops_the_server() {
    let scene = started_by_itself();
    let data = scene.place.join("data");
    let log = scene.place.join("data.restore.log");
    let after_all = Timestamp::now().to_string();
    for words in [
        ["--target-time", after_all.as_str()],
        ["--target-name", "nowhere"],
        ["--target-xid", "99999"],
    ] {
        let start = restoring(&scene.seawall, &data).args(words).args(["--delta", "--start"]);
        let outcome = start.env("PGUSER", "postgres").run();
        assert_eq!(
            error(outcome.expect(11)),
            format!(
                "could not restore into {data:?}: the server stopped during recovery: recovery ended before \
                 configured recovery target was reached. HINT: The server's first messages are in {log:?}."
            )
        );
        let said = fs::read_to_string(&log).expect("the server's log");
        let fatal = "recovery ended before configured recovery target was reached";
        assert!(said.contains(fatal), "{said}");
        fs::remove_file(&log).expect("our own folder");
    }
    restore(&scene.seawall, &data, &["--target-name", "there", "--delta"]).expect(0);
    let server = recovered(scene.builder().over(data));
    assert_eq!(server.sql("select count(*) from t"), "1");
}

/// What the server does at its target is not always to take writes, and is no failure.
#[test]
fn a_server_that_pauses_or_goes_down_at_its_target_has_recovered() {
    let scene = started_by_itself();
    let data = scene.place.join("data");
    let start = |words: &[&str]| {
        let start = restoring(&scene.seawall, &data).args(["--delta", "--start"]).args(words);
        start.env("PGUSER", "postgres").run()
    };
    let stop = || {
        let tool = Server::builder(&scene.place).over(data.clone()).tool("pg_ctl");
        tool.args(["stop", "-m", "fast", "-D"]).arg(&data).run().expect(0);
    };
    let action = |word| ["--target-name", "there", "--target-action", word];
    start(&action("pause")).expect(0).says("the server waits at its target");
    stop();
    let outcome = start(&action("shutdown"));
    outcome.expect(0).says("the server reached its target and shut down");
    let server = scene.builder().over(data.clone());
    server.set("recovery_target_action", "promote");
    assert_eq!(recovered(server).sql("select count(*) from t"), "1");
    start(&["--standby"]).expect(0).says("the standby accepts readers");
    stop();
}
