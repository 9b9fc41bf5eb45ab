//! What a credential that can only push may add beside the backups and the WAL of a real server: nothing of it is taken for
//! the newest, and archiving goes on.

use std::fs;
use std::path::{Path, PathBuf};

use super::sound::{LIMIT, recovered, restore};
use super::{backups_in, base_backup};
use crate::archiving::commands::{Seawall, copy_folder};
use crate::support::place::Place;
use crate::support::postgres::{Installation, NEWEST, Server};

/// A real backup once more, which says that it is of another time.
fn plant(place: &Place, backup: &Path, id: &str, time: &str) {
    let planted = backup.with_file_name(id);
    copy_folder(place, backup, &planted);
    let file = planted.join("backup.json");
    let mut description: serde_json::Value =
        serde_json::from_slice(&fs::read(&file).expect("a description")).expect("JSON");
    description["id"] = id.into();
    description["start"]["time"] = time.into();
    description["stop"]["time"] = time.into();
    let text = serde_json::to_vec(&description).expect("JSON");
    fs::remove_file(&file).expect("a copy of ours");
    fs::write(&file, text).expect("a copy of ours");
}

fn scene(place: &Place) -> (Seawall, Server, PathBuf) {
    let seawall = Seawall::new(place).local("archive");
    let builder = Server::builder(place).version(NEWEST).segment_mib(1);
    let mut server = builder.archive_command(&seawall.push()).init();
    server.start();
    server.sql("create table kept as select 1 as number");
    base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
    let backup = backups_in(&place.join("archive")).remove(0);
    (seawall, server, backup)
}

/// It says that it is newer than the date at which the store had it already.
#[test]
fn a_backup_of_the_future_is_passed_over() {
    let place = Place::new();
    let (seawall, mut server, backup) = scene(&place);
    server.wait_archived(&server.switch_wal(), LIMIT);
    let id = backup.file_name().and_then(|name| name.to_str()).expect("an id").to_owned();
    let fake = "20990101T030000Z-0009";
    plant(&place, &backup, fake, "2099-01-01T03:00:05Z");
    server.kill_nine();
    let passed = format!("it does not count as the newest; --backup {fake} selects it");
    let programs = Installation::of(NEWEST).program("postgres");
    let drill = seawall.base_backup_by_hand("drill").limit(LIMIT);
    let drill = drill.arg("--drill-directory").arg(place.folder("drills"));
    let drill = drill.arg("--drill-postgres-bin").arg(Path::new(&programs).with_file_name(""));
    let outcome = drill.run();
    outcome.expect(0).says(&passed).shows(&format!("backup      {id}, from repository "));
    let new = place.join("new");
    let outcome = restore(&seawall, &new, &[]);
    outcome.expect(0).says(&passed).shows(&format!("backup      {id} ("));
    let restored = recovered(Server::builder(&place).version(NEWEST).over(new.clone()));
    assert_eq!(restored.sql("select number from kept"), "1");
    // Whoever names it knows what he does.
    let named = restore(&seawall, &place.join("named"), &["--backup", fake, "--dry-run"]);
    named.expect(0).shows(&format!("backup      {fake} ("));
}

/// Garbage far ahead, and the history of a timeline that nobody is on: both look as if another server had been here.
#[test]
fn archiving_goes_on_beside_planted_wal() {
    let place = Place::new();
    let (_seawall, server, backup) = scene(&place);
    let wal = backup.ancestors().nth(2).expect("the folder of the system").join("wal");
    assert!(wal.is_dir(), "{wal:?}");
    let ahead = wal.join("0000000100000FFF");
    fs::create_dir(&ahead).expect("the folder of the archive");
    fs::write(ahead.join("0000000100000FFF000000FF.zst"), "not looked at").expect("a new file");
    fs::write(wal.join("00000063.history.zst"), "not looked at").expect("a new file");
    for _ in 0..3 {
        server.sql("insert into kept values (2)");
        server.wait_archived(&server.switch_wal(), LIMIT);
    }
    let statistics = server.stat_archiver();
    assert_eq!(statistics.failed_count, 0, "{}", server.log());
}
