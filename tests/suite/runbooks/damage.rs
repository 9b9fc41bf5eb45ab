//! Damaged files, lost repositories, full queues, lost keys.

use std::fs;
use std::os::unix::fs::FileExt;

use super::{Host, shell};
use crate::support::postgres::NEWEST;
use crate::support::user::write_as_server_user;

/// The last rows are in WAL that was not archived when the server went down.
#[test]
fn a_damaged_database_comes_back_with_every_committed_row() {
    let mut host = Host::new(NEWEST);
    host.server.start();
    host.server.sql("create table t as select generate_series(1, 10000) i");
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    host.server.sql("insert into t select generate_series(10001, 20000)");
    host.archive_all();
    // Nothing is archived any more from here on.
    host.server.sql("alter system set archive_command = 'false'");
    host.server.reload();
    host.server.sql("insert into t select generate_series(20001, 30000)");
    host.server.sql("checkpoint");
    let path = host.server.data().join(host.server.sql("select pg_relation_filepath('t')"));
    let file = fs::File::options().write(true).open(&path).expect("the table's file");
    (0..40).for_each(|page| file.write_all_at(&[0xAA; 4096], page * 8192).expect("written"));
    host.server.restart();
    let read = host.server.try_sql("select count(*) from t").expect_err("damaged");
    assert!(read.contains("invalid page in block"), "{read}");

    let outcome = host.page("corruption", &[]);
    outcome.expect(0);
    assert_eq!(host.server.sql("select count(*), max(i) from t"), "30000|30000");
    assert_eq!(host.server.sql("show archive_mode"), "on");
    // Nothing of the recovery is left that a standby of it would go by.
    let settings =
        fs::read_to_string(host.server.data().join("postgresql.auto.conf")).expect("there");
    for gone in ["restore_command", "recovery_", "archive_cleanup_command"] {
        assert!(!settings.contains(gone), "{settings}");
    }
    host.can_be_restored_again();
}

#[test]
fn another_repository_takes_the_place_of_a_lost_one() {
    let mut host = Host::new(17);
    host.server.start();
    host.server.sql("create table t as select generate_series(1, 1000) i");
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    let (old, new) = (host.place.join("archive"), host.place.join("archive-new"));
    fs::remove_dir_all(&old).expect("our own folder");
    // A disk that is not mounted: a file is in its place.
    fs::write(&old, "").expect("written");
    host.server.switch_wal();
    let outcome = host.page(
        "lost-repository",
        &[("NEW", &new.display().to_string()), ("OLD", &old.display().to_string())],
    );
    outcome.expect(0);
    assert!(outcome.stdout.contains("0 files wait"), "{outcome}");
    assert!(new.join("postgres").is_dir());
    let outcome = host.run(env!("CARGO_BIN_EXE_basebackup"), &["list"]).run();
    assert!(outcome.expect(0).stdout.contains("local,s3"), "{outcome}");
    // What the page says for those who want both alike.
    let key = ["--encryption-identity-file", host.pair.file.to_str().expect("plain names")];
    let copy = ["copy", "--from", "s3", "--to", "local"];
    host.run(env!("CARGO_BIN_EXE_seawall"), &copy).args(key).run().expect(0);
    let verify = ["verify", "--repository", "local"];
    host.run(env!("CARGO_BIN_EXE_basebackup"), &verify).run().expect(0);
    let outcome = host.run(env!("CARGO_BIN_EXE_basebackup"), &["list"]).run();
    assert_eq!(outcome.expect(0).stdout.matches("local,s3").count(), 2, "{outcome}");
}

#[test]
fn a_queue_drains_once_there_is_room() {
    let mut host = Host::new(16);
    host.server.start();
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    let outcome = host.page("full-disk", &[]);
    outcome.expect(0);
    assert!(outcome.stdout.contains("\n0 files wait\n"), "{outcome}");
    // What came before the base backup is of today, for the stores too.
    assert!(outcome.stdout.contains("stored within 7days"), "{outcome}");
    // Who keeps less has room: nothing can be recovered with it.
    let less = ["prune", "--yes", "--retention-wal-window=0s"];
    let outcome = host.run(env!("CARGO_BIN_EXE_basebackup"), &less).run();
    assert!(outcome.expect(0).stdout.contains("no base backup needs it"), "{outcome}");
    assert!(outcome.stdout.contains("\nDeleted "), "{outcome}");
}

/// The bucket is away, and a human gives up what waits for it.
#[test]
fn what_waits_is_dropped_and_the_server_goes_on() {
    let mut host = Host::new(NEWEST);
    host.server.start();
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    host.s3.stop();
    let text = fs::read_to_string(&host.config).expect("the configuration");
    let soon = "[limits]\nconnect_timeout = \"500ms\"\ntotal_timeout = \"3s\"\nattempts = 2\n";
    write_as_server_user(&host.config, format!("{text}\n{soon}"));
    host.server.sql("create table t as select 1 i");
    let last = host.server.switch_wal();
    let kept = host.server.switch_wal();
    let shell = shell::set_up("Any other server", &host.values());
    let blocks = shell::chapter("full-disk", "5. Only if the archive cannot take the WAL in time");
    let outcome = host.do_blocks(&format!("{shell}\nUNTIL={last}\n"), &blocks);
    outcome.expect(0).shows("s3: what it has of them is not known").shows("Dropped ");
    outcome.shows("CHECKPOINT");
    assert_eq!(host.server.ready_files(), [kept]);
    host.s3.restart();
    host.server.reload();
    host.archive_all();
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    // The folder got what was asked for before it was dropped; the bucket lacks it.
    let check = host.run(env!("CARGO_BIN_EXE_seawall"), &["check"]).run();
    let said = [&check.stdout[..], &check.stderr].concat();
    assert!(said.contains("reason: \"pg_wal was full\""), "{check}");
}

#[test]
fn a_lost_key_is_replaced() {
    let mut host = Host::new(NEWEST);
    host.server.start();
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    let key = host.place.join("new.key");
    let outcome = host.page(
        "lost-key",
        &[
            ("OLD_PUBLIC", &host.pair.recipient),
            ("NEW_KEY", &key.display().to_string()),
            ("REPOSITORY", "s3"),
        ],
    );
    outcome.expect(0);
    let text = fs::read_to_string(&host.config).expect("the configuration");
    assert!(!text.contains(&host.pair.recipient), "{text}");
    // The old key opens nothing that is new, in the bucket alone.
    let only = ["restore", "--repository", "s3", "--no-recovery", "--yes"];
    let restore = |key: &std::path::Path, name: &str| {
        let run = host.run(env!("CARGO_BIN_EXE_basebackup"), &only);
        run.arg("--encryption-identity-file").arg(key).arg(host.place.join(name)).run()
    };
    restore(&key, "with-new").expect(0);
    let refused = restore(&host.pair.file, "with-old");
    assert_ne!(refused.status, Some(0), "{refused}");
}
