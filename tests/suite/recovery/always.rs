//! `archive_mode = always`: after a fail-over three servers have the last segment of the old timeline, each as far as it
//! got.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::archiving::commands::{Seawall, copy_folder, each_version, names_in, stored};
use crate::base_backups::base_backup;
use crate::base_backups::sound::restore;
use crate::support::place::Place;
use crate::support::postgres::{Server, Stop, shell_word};
use crate::support::user::hand_over;
use crate::support::wait::{poll, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

/// A primary and two standbys that stream from it; all three archive always, into one repository.
struct Trio {
    place: Place,
    version: u32,
    archive: PathBuf,
    seawall: Seawall,
    old: Server,
    next: Server,
    other: Server,
}

impl Trio {
    fn new(version: u32) -> Trio {
        let place = Place::with_odd_name();
        let seawall = Seawall::new(&place).local("archive");
        let archive = place.join("archive");
        let builder = Server::builder(&place).version(version).segment_mib(1);
        let mut old = builder.archive_command(&seawall.push()).init();
        old.set("archive_mode", "always");
        old.start();
        old.sql("create table t (row int)");
        old.base_backup(&place.join("backup"));
        base_backup(&seawall, &old, "create").run().expect(0);
        let standby = |name: &str| {
            copy_folder(&place, &place.join("backup"), &place.join(name));
            let builder = Server::builder(&place).version(version);
            let mut server =
                builder.setting("wal_retrieve_retry_interval", "100ms").over(place.join(name));
            server.set("primary_conninfo", &follow(&place, &old));
            server.stand_by_with(&seawall.fetch());
            server.start();
            server
        };
        let (next, other) = (standby("next"), standby("other"));
        Trio { place, version, archive, seawall, old, next, other }
    }

    fn over_backup(&self, name: &str) -> Server {
        copy_folder(&self.place, &self.place.join("backup"), &self.place.join(name));
        let server = Server::builder(&self.place).version(self.version).over(self.place.join(name));
        // It archives nothing: its own timeline would be the newest one for the next recovery.
        server.set("archive_mode", "off");
        server
    }

    /// As docs/repository-format.md says.
    fn looks_for_what_was_lost(&self, unfinished: &str) {
        let [name] = &self.key_of_kept(unfinished)[..] else { panic!("one of them") };
        let name = format!("{name}.beyond.zst");
        let list = self.seawall.base_backup_by_hand("list").run();
        let said = format!("    not replayed: {name}, a second content of its segment\n");
        assert!(list.expect(0).stdout.contains(&said), "{list}");
        let options = ["--dry-run", "--target-timeline=1"];
        let plan = restore(&self.seawall, &self.place.join("nothing"), &options);
        let said =
            format!("beware      {name} is a second content of its segment, and is not replayed\n");
        assert!(plan.expect(0).stdout.contains(&said), "{plan}");
        let key = crate::archiving::commands::key(&self.next, unfinished);
        let kept = self.archive.join(key).with_file_name(name);
        let plain = zstd::decode_all(&fs::read(kept).expect("listed")[..]).expect("a zstd file");
        let line = self.place.folder("line");
        fs::write(line.join(unfinished), plain).expect("our own folder");
        hand_over(&line);
        let mut server = self.over_backup("old line");
        server.set("recovery_target_timeline", "1");
        let first = shell_word(&line);
        server
            .recover_with(&format!("cp {first}/%f \"%p\" 2>/dev/null || {}", self.seawall.fetch()));
        server.start();
        server.wait_promoted(LIMIT);
        assert_eq!(rows(&server), "1 2 3", "{}", server.log());
    }

    fn key_of_kept(&self, name: &str) -> Vec<String> {
        let key = crate::archiving::commands::key(&self.next, name);
        let folder = self.archive.join(key).parent().expect("below the root").to_owned();
        let all = names_in(&folder, ".beyond.zst");
        all.into_iter().filter(|it| it.starts_with(&format!("{name}."))).collect()
    }
}

fn follow(place: &Place, server: &Server) -> String {
    let port = server.sql("show port");
    format!("host={} port={port} user=postgres", place.sockets().display())
}

fn rows(server: &Server) -> String {
    server.try_sql("select string_agg(row::text, ' ' order by row) from t").unwrap_or_default()
}

#[track_caller]
fn has_rows(server: &Server, expected: &str) {
    let all = poll(LIMIT, || (rows(server) == expected).then_some(()));
    assert!(all.is_some(), "{expected}, found {}\n{}", rows(server), server.log());
}

/// As `pg_rewind` does it: the file alone, without a word of whether it was archived.
fn put_as_ready(server: &Server, name: &str, content: &Path) {
    let pg_wal = server.data().join("pg_wal");
    fs::copy(content, pg_wal.join(name)).expect("our own folder");
    hand_over(&pg_wal.join(name));
    let ready = pg_wal.join(format!("archive_status/{name}.ready"));
    fs::write(&ready, "").expect("our own folder");
    hand_over(&ready);
}

each_version!(archiving_always_survives_a_fail_over);

fn archiving_always_survives_a_fail_over(version: u32) {
    let mut trio = Trio::new(version);
    trio.old.sql("insert into t values (1)");
    [&trio.next, &trio.other].into_iter().for_each(|server| has_rows(server, "1"));
    // One standby gets less than the other, and what only the old primary has comes last.
    for (server, row, left) in [(&trio.other, 2, "1"), (&trio.next, 3, "0")] {
        server.set("primary_conninfo", "");
        server.reload();
        let streams = || trio.old.sql("select count(*) from pg_stat_replication");
        wait_until("the end of streaming", LIMIT, || streams() == left);
        trio.old.sql(&format!("insert into t values ({row})"));
    }
    has_rows(&trio.next, "1 2");
    let unfinished = trio.old.sql("select pg_walfile_name(pg_current_wal_lsn())");
    trio.old.kill_nine();
    trio.next.promote();
    trio.other.set("primary_conninfo", &follow(&trio.place, &trio.next));
    trio.other.reload();
    trio.next.sql("insert into t values (100)");
    has_rows(&trio.other, "1 2 100");
    // The standby marks it when it goes over to the new timeline.
    let whole = trio.old.data().join("pg_wal").join(&unfinished);
    let archived = || stored(&trio.archive, &trio.next, &unfinished);
    wait_until("the unfinished segment", LIMIT, || archived().is_some());
    let first = archived().expect("it is there");
    assert!(first != fs::read(&whole).expect("its own"), "nothing is tried");

    // As Patroni does before it rewinds the old primary.
    let single = trio.old.tool("postgres").args(["--single", "-D"]).arg(trio.old.data());
    single.args(["-c", "archive_mode=off", "postgres"]).run().expect(0);
    let push = trio.seawall.push_by_hand(trio.old.data(), &whole, &unfinished).run();
    push.expect(0).says("timeline 2 left timeline 1 at ");
    assert_eq!(trio.key_of_kept(&unfinished).len(), 1);
    assert!(archived().as_ref() == Some(&first), "it was replaced");

    // The file wanders to the servers that follow timeline 2.
    for server in [&trio.next, &trio.other] {
        put_as_ready(server, &unfinished, &whole);
    }
    let last = trio.next.switch_wal();
    for server in [&trio.next, &trio.other] {
        let done = server.data().join(format!("pg_wal/archive_status/{last}.done"));
        wait_until("the next segment", LIMIT, || done.exists());
        assert_eq!(server.ready_files(), [""; 0], "{}", server.log());
        let failed = server.sql("select failed_count from pg_stat_archiver");
        assert_eq!(failed, "0", "{}", server.log());
    }
    assert_eq!(trio.key_of_kept(&unfinished).len(), 1);

    trio.other.stop(Stop::Fast);
    trio.next.kill_nine();
    let mut restored = trio.over_backup("restored");
    restored.recover_with(&trio.seawall.fetch());
    restored.start();
    restored.wait_promoted(LIMIT);
    assert_eq!(rows(&restored), "1 2 100", "{}", restored.log());
    restored.stop(Stop::Fast);
    trio.looks_for_what_was_lost(&unfinished);
}
