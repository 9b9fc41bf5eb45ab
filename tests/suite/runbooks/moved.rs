//! To another major version, and from other tools.

use super::{Host, bin, push};
use crate::support::postgres::{NEWEST, OLDEST, Server};

#[test]
fn an_upgraded_server_is_backed_up_beside_the_old_one() {
    let mut host = Host::new(17);
    host.server.start();
    host.server.sql("create table t as select generate_series(1, 1000) i");
    let [(_, sockets), (_, port), ..] = host.server.connection();
    let (checksums, work) = (host.server.sql("show data_checksums"), host.place.folder("work"));
    assert_eq!(checksums, "off");
    let new = host.place.join("new");
    let initdb = crate::support::run::Run::new(
        &host.place,
        &bin(NEWEST).join("initdb").display().to_string(),
    );
    let initdb = initdb.server_user().args(["-U", "postgres", "-A", "trust", "--no-sync"]);
    let same = ["--locale=C", "--encoding=UTF8", "--wal-segsize=1", "--no-data-checksums", "-D"];
    initdb.args(same).arg(&new).run().expect(0);
    let server = Server::builder(&host.place).version(NEWEST);
    let server = server.archive_command(&push(&host.place, &host.config)).over(new.clone());
    server.set("unix_socket_directories", &sockets);
    server.set("port", &port);
    let outcome = host.page(
        "major-upgrade",
        &[
            ("NEW_DATA", &new.display().to_string()),
            ("NEW_BIN", &bin(NEWEST).display().to_string()),
            ("WORK", &work.display().to_string()),
        ],
    );
    outcome.expect(0);
    assert_eq!(host.server.sql("select count(*) from t"), "1000");
    let number = host.server.sql("show server_version_num").parse::<u32>().expect("a number");
    assert_eq!(number / 10_000, NEWEST);
    let listed = host.run(env!("CARGO_BIN_EXE_basebackup"), &["list"]).run();
    let newest = format!("PostgreSQL {NEWEST}.");
    for line in ["PostgreSQL 17.", &newest, "before-upgrade", "after-upgrade"] {
        assert!(listed.stdout.contains(line), "{line}: {listed}");
    }
}

#[test]
fn two_tools_archive_until_one_is_enough() {
    let mut host = Host::new(OLDEST);
    let old = host.place.folder("old-archive");
    let copy = format!("test ! -f {0}/%f && cp %p {0}/%f", old.display());
    host.server.set("archive_command", &copy);
    host.server.start();
    host.archive_all();
    let before = std::fs::read_dir(&old).expect("read").count();
    assert!(before > 0);
    let outcome = host.page(
        "moving",
        &[("WAL_PUSH", &host.place.program(env!("CARGO_BIN_EXE_wal-push")).display().to_string())],
    );
    outcome.expect(0);
    assert!(std::fs::read_dir(&old).expect("read").count() > before, "the old one goes on");
    let alone = host.server.sql("show archive_command");
    assert_eq!(alone, push(&host.place, &host.config));
    host.archive_all();
    let listed = host.run(env!("CARGO_BIN_EXE_basebackup"), &["list"]).run();
    assert!(listed.expect(0).stdout.contains(" yes\n"), "{listed}");
}
