//! Base backups from a standby, and standbys from base backups.

use super::sound::{LIMIT, ids, is_verified, recovered, restore};
use super::{backups_in, base_backup};
use crate::archiving::commands::{Seawall, each_version};
use crate::support::place::Place;
use crate::support::postgres::{Builder, NEWEST, Server};
use crate::support::run::{Outcome, Running};
use crate::support::wait::{poll, wait_until};

struct Scene {
    place: Place,
    seawall: Seawall,
    version: u32,
}

impl Scene {
    fn new(version: u32) -> Scene {
        let place = Place::with_odd_name();
        let seawall = Seawall::new(&place).local("archive");
        Scene { place, seawall, version }
    }

    fn builder(&self) -> Builder {
        let builder = Server::builder(&self.place).version(self.version).segment_mib(1);
        builder.setting("wal_retrieve_retry_interval", "100ms")
    }

    /// A primary with a base backup.
    fn primary(&self) -> Server {
        let mut primary = self.builder().archive_command(&self.seawall.push()).init();
        primary.start();
        primary.sql("create table t as select i, md5(i::text) from generate_series(1, 10000) i");
        base_backup(&self.seawall, &primary, "create").run().expect(0);
        primary
    }

    /// A standby, not started, that follows the archive.
    fn standby(&self, name: &str) -> Server {
        let data = self.place.join(name);
        restore(&self.seawall, &data, &["--standby"]).expect(0);
        self.builder().over(data)
    }
}

/// The standby can't end a segment, so the primary does.
#[track_caller]
fn finish(mut create: Running, primary: &Server) -> Outcome {
    let ended = poll(LIMIT, || {
        primary.sql("insert into t values (0, 'while the backup was taken')");
        primary.switch_wal();
        create.ended().then_some(())
    });
    assert!(ended.is_some(), "{}", create.kill_nine());
    create.finish()
}

#[track_caller]
fn follows(standby: &Server, primary: &Server) {
    wait_until("the standby to follow", LIMIT, || {
        standby.sql("select count(*) from t") == primary.sql("select count(*) from t")
    });
}

each_version!(a_backup_from_a_standby_that_follows_the_archive_comes_back);

fn a_backup_from_a_standby_that_follows_the_archive_comes_back(version: u32) {
    let scene = Scene::new(version);
    let mut primary = scene.primary();
    let mut standby = scene.standby("standby");
    standby.start();
    assert_eq!(standby.sql("select pg_is_in_recovery(), current_setting('archive_mode')"), "t|on");
    let create = base_backup(&scene.seawall, &standby, "create").arg("--label=standby").start();
    finish(create, &primary).expect(0).says("base backup done");
    primary.wait_archived(&primary.switch_wal(), LIMIT);
    let contents = primary.contents();
    let id = &ids(&scene.place.join("archive"))[1];
    let show = scene.seawall.base_backup_by_hand("show").arg(id).run();
    assert!(show.expect(0).stdout.contains("Taken from        a standby\n"), "{show}");
    drop(standby);
    primary.kill_nine();

    let data = scene.place.join("restored");
    restore(&scene.seawall, &data, &["--no-recovery", "--backup", id]).expect(0);
    is_verified(&primary, &data, false);
    restore(&scene.seawall, &data, &["--delta", "--backup", id, "--target-immediate"]).expect(0);
    drop(recovered(scene.builder().over(data.clone())));
    restore(&scene.seawall, &data, &["--delta", "--backup", id]).expect(0);
    let restored = recovered(scene.builder().over(data));
    assert_eq!(restored.contents(), contents);
}

/// It gets its WAL over a connection and archives it itself, into a repository of its own.
#[test]
fn a_standby_that_archives_has_a_repository_of_its_own() {
    let scene = Scene::new(NEWEST);
    let mut primary = scene.primary();
    let own = Seawall::new(&scene.place).local("own");
    let mut standby = scene.standby("standby");
    let connection = primary.connection().map(|(key, value)| (key[2..].to_lowercase(), value));
    let words = connection.iter().filter(|(key, _)| *key != "database");
    let conninfo: Vec<String> = words.map(|(key, value)| format!("{key}='{value}'")).collect();
    standby.set("primary_conninfo", &conninfo.join(" "));
    standby.set("archive_mode", "always");
    standby.set("archive_command", &own.push());
    standby.start();
    follows(&standby, &primary);
    let create = base_backup(&own, &standby, "create").start();
    finish(create, &primary).expect(0);
    follows(&standby, &primary);
    let segment = primary.switch_wal();
    let contents = primary.contents();
    wait_until("the standby to get the segment", LIMIT, || {
        standby.data().join("pg_wal/archive_status").join(format!("{segment}.done")).exists()
    });
    drop(standby);
    primary.kill_nine();
    let data = scene.place.join("restored");
    restore(&own, &data, &[]).expect(0);
    let restored = recovered(scene.builder().over(data));
    assert_eq!(restored.contents(), contents);
}

/// PostgreSQL calls such a backup corrupt; so it does not exist, and the next one does.
#[test]
fn a_promotion_ends_the_backup_that_is_being_taken() {
    let scene = Scene::new(NEWEST);
    let primary = scene.primary();
    let mut standby = scene.standby("standby");
    standby.set("archive_mode", "on");
    standby.start();
    let create = base_backup(&scene.seawall, &standby, "create").arg("--rate-limit=8MiB").start();
    wait_until("the backup to begin", LIMIT, || {
        let streaming =
            "select count(*) from pg_stat_progress_basebackup where backup_streamed > 1000000";
        standby.sql(streaming) == "1"
    });
    standby.promote();
    create.finish().expect(8).says(
        "could not take a base backup: the server says: the standby was promoted during online backup (SQLSTATE \
         55000). HINT: This means that the backup being taken is corrupt and should not be used. Try taking \
         another online backup.",
    );
    let archive = scene.place.join("archive");
    assert_eq!(backups_in(&archive).len(), 1);
    base_backup(&scene.seawall, &standby, "create").run().expect(0);
    assert_eq!(backups_in(&archive).len(), 2);
    let contents = standby.contents();
    standby.wait_archived(&standby.switch_wal(), LIMIT);
    drop((primary, standby));
    let data = scene.place.join("restored");
    restore(&scene.seawall, &data, &[]).expect(0);
    let restored = recovered(scene.builder().over(data));
    assert_eq!(restored.contents(), contents);
}
