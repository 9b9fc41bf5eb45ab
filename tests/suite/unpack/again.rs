//! Unpacking over what is there already.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::Ordering;

use seawall::basebackup::unpack::is_unfinished;

use super::backup::{Backup, backup};
use super::stored::{Stored, files_below};
use crate::support::postgres::{NEWEST, OLDEST, Server};
use crate::support::user::hand_over;

/// Content of all files below a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = files_below(folder).into_iter();
    files.map(|(path, _, _)| (path.clone(), fs::read(folder.join(path)).unwrap())).collect()
}

#[test]
fn what_was_interrupted_is_finished() {
    let backup = backup(NEWEST);
    let stored = Stored::new(&backup);
    // Whichever part is missing, the others are there afterwards, but for pg_control.
    for part in &stored.description.parts {
        let object = stored.object(&part.stored.object);
        let away = stored.place.join("away");
        fs::rename(&object, &away).unwrap();
        assert!(stored.unpack(false).is_err());
        assert!(is_unfinished(&stored.data));
        fs::rename(&away, &object).unwrap();
    }
    // What a killed run and its server-to-be may leave: half a file, a longer one, one too many.
    fs::write(stored.data.join("base/1/PG_VERSION"), "1").unwrap();
    fs::write(stored.data.join("PG_VERSION"), format!("{NEWEST}\n\n")).unwrap();
    fs::write(stored.data.join("recovery.signal"), "").unwrap();
    fs::write(stored.data.join("global/.seawall-tmp-x"), "").unwrap();
    let (there, ..) = files_below(&stored.data.join("base")).pop().unwrap();
    fs::remove_file(stored.data.join("base").join(there)).unwrap();
    let unpacked = stored.unpack(false).unwrap();
    assert!(unpacked.kept > 100 && unpacked.laid >= 5, "{} {}", unpacked.kept, unpacked.laid);
    assert_eq!(stored.progress.load(Ordering::Relaxed), stored.description.size());
    // Settings are written between the two.
    fs::write(stored.data.join("standby.signal"), "").unwrap();
    unpacked.finish().unwrap();
    fs::remove_file(stored.data.join("standby.signal")).unwrap();
    assert!(!stored.data.join("recovery.signal").exists());
    stored.is_whole(&backup);
}

#[test]
fn a_finished_directory_is_not_touched_without_delta() {
    let backup = backup(OLDEST);
    let stored = Stored::new(&backup);
    stored.unpack(false).unwrap().finish().unwrap();
    let before = contents(&stored.data);
    let failure = stored.unpack(false).err().unwrap().to_string();
    assert_eq!(
        failure,
        format!(
            "could not use {:?}: expected an empty folder, found PG_VERSION in it",
            stored.data
        )
    );
    assert!(contents(&stored.data) == before);
}

/// A server has worked on it, and has dropped and created things.
#[test]
fn delta_brings_back_a_directory_that_was_in_use() {
    let backup = backup(NEWEST);
    let stored = Stored::new(&backup);
    stored.unpack(false).unwrap().finish().unwrap();
    let (data, tablespace) = (&stored.data, &stored.tablespaces[&backup.tablespace.0]);
    let fresh = (contents(data), contents(tablespace));
    for folder in [data, tablespace] {
        hand_over(folder);
    }
    let later = stored.place.folder("later");
    let mut server = Server::builder(&stored.place).version(NEWEST).over(data.clone());
    server.start();
    server.sql(&format!("create tablespace later location '{}'", later.display()));
    server.sql("create table later tablespace later as select * from here");
    server.sql("update there set md5 = 'other' where g < 100");
    server.sql("drop table here");
    server.sql("drop database other");
    server.sql("create database another");
    server.sql("select pg_create_physical_replication_slot('slot', true)");
    server.sql("checkpoint");
    server.kill_nine();
    drop(server);
    // Another version's tablespace in the same folder, and pg_wal on another disk.
    fs::create_dir(tablespace.join("PG_12_201909212")).unwrap();
    fs::write(tablespace.join("PG_12_201909212/file"), "of another server").unwrap();
    let other_disk = stored.place.join("other disk");
    fs::rename(data.join("pg_wal"), &other_disk).unwrap();
    symlink(&other_disk, data.join("pg_wal")).unwrap();
    let unpacked = stored.unpack(true).unwrap();
    assert!(is_unfinished(data));
    assert!(unpacked.kept > unpacked.laid, "{} kept, {} laid", unpacked.kept, unpacked.laid);
    unpacked.finish().unwrap();
    assert!(fs::read_link(data.join("pg_wal")).is_ok_and(|link| link == other_disk));
    fs::remove_file(data.join("pg_wal")).unwrap();
    fs::rename(&other_disk, data.join("pg_wal")).unwrap();
    assert!(tablespace.join("PG_12_201909212/file").exists());
    fs::remove_dir_all(tablespace.join("PG_12_201909212")).unwrap();
    assert!(contents(data) == fresh.0 && contents(tablespace) == fresh.1);
    let links = fs::read_dir(data.join("pg_tblspc")).unwrap().flatten();
    let links: Vec<_> = links.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(links, [backup.tablespace.0.to_string()]);
    assert!(!data.join("pg_replslot/slot").exists());
    assert!(fs::read_dir(&later).unwrap().next().is_some(), "what a link led to is left alone");
    stored.is_whole(&backup);
}

/// Parts that hold nothing that is missing are not even read.
#[test]
fn delta_reads_what_it_needs() {
    let mut backup = Backup::clone(&backup(OLDEST));
    backup.cut_around("base/1/");
    let stored = Stored::new(&backup);
    stored.unpack(false).unwrap().finish().unwrap();
    let middle = &stored.description.parts[2].stored.object;
    fs::rename(stored.object(middle), stored.place.join("away")).unwrap();
    stored.unpack(true).unwrap().finish().unwrap();
    // One byte less, and it is needed.
    let lost = stored.data.join("base/1/2619");
    let length = fs::metadata(&lost).unwrap().len();
    fs::File::options().write(true).open(&lost).unwrap().set_len(length - 1).unwrap();
    let failure = stored.unpack(true).err().unwrap().to_string();
    assert!(failure.contains(middle) && failure.ends_with("is missing"), "{failure}");
    fs::rename(stored.place.join("away"), stored.object(middle)).unwrap();
    let unpacked = stored.unpack(true).unwrap();
    assert_eq!(stored.progress.load(Ordering::Relaxed), stored.description.size());
    unpacked.finish().unwrap();
    stored.is_whole(&backup);
}

#[test]
fn delta_into_a_folder_of_other_things_is_refused() {
    let backup = backup(OLDEST);
    let stored = Stored::new(&backup);
    fs::create_dir(&stored.data).unwrap();
    fs::write(stored.data.join("letter.odt"), "dear").unwrap();
    let failure = stored.unpack(true).err().unwrap().to_string();
    assert_eq!(
        failure,
        format!(
            "could not use {:?}: expected an empty folder or a data directory, found letter.odt in it",
            stored.data
        )
    );
    assert_eq!(files_below(&stored.data), [("letter.odt".to_owned(), 4, 0o644)]);
}
