//! Folders: mount points without their disks.

use std::fs;
use std::path::Path;

use super::{holds_first, is_not_the_one, no_wal, remove};
use crate::archiving::commands::copy_folder;
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::s3;
use crate::support::user::hand_over;

struct Disk {
    scene: Scene,
    store: Store,
}

impl Disk {
    fn new() -> Disk {
        let place = Place::new();
        let store = Store::start(Kind::Local, &place);
        let scene = Scene::in_place(&place).with(&store.table("local"));
        Disk { scene, store }
    }

    fn root(&self) -> &Path {
        let Store::Folder(root) = &self.store else { unreachable!("it is a folder") };
        root
    }

    fn place(&self) -> String {
        self.root().display().to_string()
    }

    /// The disk goes; what is there then belongs to the server's user, as the mount point of `install -d` does.
    fn unmount(&self, leaves_folder: bool) {
        fs::rename(self.root(), self.root().with_extension("away")).expect("our own folder");
        if leaves_folder {
            fs::create_dir(self.root()).expect("our own folder");
            hand_over(self.root());
        }
    }

    fn mount(&self) {
        let _ = fs::remove_dir_all(self.root());
        fs::rename(self.root().with_extension("away"), self.root()).expect("our own folder");
    }
}

#[test]
fn a_mount_point_without_its_disk_takes_nothing() {
    for leaves_folder in [true, false] {
        let disk = Disk::new();
        let scene = &disk.scene;
        scene.has(0).push(0).run().expect(0);
        disk.unmount(leaves_folder);
        for number in [1, 0] {
            let outcome = scene.has(number).push(number).run();
            if leaves_folder {
                is_not_the_one(scene, &outcome, "local", &disk.place(), &no_wal(scene));
                let left = fs::read_dir(disk.root()).expect("our own folder").count();
                assert_eq!(left, 0, "nothing is written there: {outcome}");
            } else {
                outcome.expect(8).says("Is the disk mounted?");
                assert!(!disk.root().exists());
            }
        }
        disk.mount();
        scene.push(1).run().expect(0);
        holds_first(scene, &disk.store, 2);
    }
}

/// What an earlier call pushed ahead was on the disk that is not there now.
#[test]
fn no_note_vouches_for_what_is_not_there() {
    for leaves_folder in [true, false] {
        let disk = Disk::new();
        let scene = &disk.scene;
        scene.has_ready(4).push(0).run().expect(0);
        assert_eq!(scene.files_in("pg_wal/seawall/pushed").len(), 3);
        disk.unmount(leaves_folder);
        scene.push(1).run().expect(8);
        disk.mount();
        for number in 1..4 {
            scene.push(number).run().expect(0);
        }
        holds_first(scene, &disk.store, 4);
    }
}

/// A new folder may well get the inode of the old one.
#[test]
fn a_folder_that_was_made_anew_is_accepted_once_somebody_says_so() {
    let disk = Disk::new();
    let scene = &disk.scene;
    scene.has(0).push(0).run().expect(0);
    fs::remove_dir_all(disk.root()).expect("our own folder");
    fs::create_dir(disk.root()).expect("our own folder");
    hand_over(disk.root());
    let outcome = scene.has(1).push(1).run();
    let file = is_not_the_one(scene, &outcome, "local", &disk.place(), &no_wal(scene));
    remove(&file);
    scene.push(1).run().expect(0);
    scene.has(2).push(2).run().expect(0);
    assert_eq!(disk.store.keys(), [1, 2].map(|number| scene.clear_key(number)));
}

/// Another disk of a rotation, or a snapshot of yesterday.
#[test]
fn an_older_state_of_the_repository_takes_nothing() {
    let disk = Disk::new();
    let scene = &disk.scene;
    let other = Scene::in_place(&scene.place).with(&disk.store.table("local"));
    scene.has(0);
    other.has(0).push(0).run().expect(0);
    let before = disk.root().with_extension("before");
    copy_folder(&scene.place, disk.root(), &before);
    // What this host stored first is remembered.
    scene.has(1).push(1).run().expect(0);
    fs::remove_dir_all(disk.root()).expect("our own folder");
    fs::rename(before, disk.root()).expect("our own folder");
    let outcome = scene.has(2).push(2).run();
    outcome.expect(8).says(&format!("is not the one that took {}", scene.name(1)));
    outcome.says(&format!(": it lacks {}. HINT: Is the disk mounted?", scene.clear_key(1)));
    holds_first(scene, &disk.store, 1);
}

/// This host was not the one that archived for a long time.
#[test]
fn a_pruned_repository_is_still_the_same() {
    let disk = Disk::new();
    let scene = &disk.scene;
    scene.has(0).push(0).run().expect(0);
    let other = Scene::in_place(&scene.place).with(&disk.store.table("local"));
    for number in 1..6 {
        other.has(number).push(number).run().expect(0);
    }
    (0..4).for_each(|number| disk.store.delete(&scene.clear_key(number)));
    // Later WAL alone does not explain it.
    scene.has(6).push(6).run().expect(8);
    let system = scene.wal.system_identifier;
    let id = "20261122T203000Z-4f2a";
    disk.store.put(&format!("postgres/main/{system}/basebackups/{id}/backup.json"), b"{}");
    scene.push(6).run().expect(0);
}

#[test]
fn a_copy_of_the_data_directory_knows_the_repository_too() {
    let disk = Disk::new();
    disk.scene.has(0).push(0).run().expect(0);
    let copy = Scene::in_place(&disk.scene.place).with(&disk.store.table("local"));
    let state = copy.directory.wal("seawall");
    copy_folder(&copy.place, &disk.scene.directory.wal("seawall"), &state);
    copy.has(1).push(1).run().expect(0);
    disk.unmount(true);
    copy.has(2).push(2).run().expect(8);
    // Under another cluster name, or another url, it is a first use.
    copy.push(2).arg("--cluster=other").run().expect(0);
}

#[test]
fn the_other_repository_gets_its_copy() {
    let disk = Disk::new();
    let bucket = Store::start(Kind::S3(s3::Kind::S3sFs), &disk.scene.place);
    let table = bucket.table("cloud");
    let Disk { scene, store } = disk;
    let scene = scene.with(&table);
    scene.has(0).push(0).run().expect(0);
    let disk = Disk { scene, store };
    disk.unmount(true);
    let outcome = disk.scene.has(1).push(1).run();
    is_not_the_one(&disk.scene, &outcome, "local", &disk.place(), &no_wal(&disk.scene));
    holds_first(&disk.scene, &bucket, 2);
    assert_eq!(disk.store.keys(), [""; 0]);
    disk.mount();
    disk.scene.push(1).run().expect(0);
    holds_first(&disk.scene, &disk.store, 2);
}
