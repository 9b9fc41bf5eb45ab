//! Backups of all kinds, where the host has a folder to remember things in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::archiving::commands::Seawall;
use crate::base_backups::base_backup;
use crate::redis_backups::redis_backup;
use crate::scene::error;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::{Outcome, Run};

/// Two disks with a repository each, of which one is not mounted later.
struct Disks {
    place: Place,
    all: [String; 2],
}

impl Disks {
    fn new() -> Disks {
        let place = Place::new();
        place.folder("state of the host");
        let all = ["nas", "disk"].map(|name| place.folder(name).display().to_string());
        Disks { place, all }
    }

    fn nas(&self) -> PathBuf {
        self.place.join("nas")
    }

    /// Takes a backup, takes the disk away, and takes another one.
    #[track_caller]
    fn are_known(&self, kind: &str, below: &str, create: &dyn Fn() -> Outcome) {
        create().expect(0);
        let away = self.place.join("away");
        fs::rename(self.nas(), &away).expect("our own folder");
        self.place.folder("nas");
        let outcome = create();
        outcome.expect(8);
        let said = error(&outcome);
        assert!(said.contains(" is not the one that took 20"), "{said}");
        assert!(said.contains(&format!(": it holds no backup below {below}")), "{said}");
        assert!(
            said.contains("HINT: Is the disk mounted? If this repository is really new, remove "),
            "{said}"
        );
        assert!(is_empty(&self.nas().join(kind)), "{outcome}");
        // The other one has both.
        assert_eq!(backups(&Path::new(&self.all[1]).join(below)), 2);
        let (_, note) = said.rsplit_once("remove ").expect("a way out");
        fs::remove_file(note.trim_end_matches('.')).expect("it is named");
        create().expect(0);
        // The disk is back.
        fs::remove_dir_all(self.nas()).expect("our own folder");
        fs::rename(&away, self.nas()).expect("our own folder");
        create().expect(0);
        assert_eq!(backups(&self.nas().join(below)), 2);
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

fn backups(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a series").flatten();
    entries.filter(|entry| entry.path().join("backup.json").exists()).count()
}

#[test]
fn a_disk_that_is_not_mounted_takes_no_base_backup() {
    let disks = Disks::new();
    let seawall = Seawall::new(&disks.place).local("nas").local("disk");
    let mut server = Server::builder(&disks.place).segment_mib(1).init();
    server.start();
    let below = format!("postgres/main/{}/basebackups/", server.system_identifier());
    disks.are_known("postgres", &below, &|| {
        base_backup(&seawall, &server, "create").arg("--standalone").run()
    });
}

#[test]
fn a_disk_that_is_not_mounted_takes_no_backup_of_a_redis() {
    let disks = Disks::new();
    let server = RedisServer::start(Program::usual(), &disks.place, &[]);
    server.fill();
    disks.are_known("redis", "redis/main/", &|| redis_backup(&server, &disks.all, "create").run());
}

#[test]
fn a_disk_that_is_not_mounted_takes_no_snapshot() {
    for encryption in [
        "",
        "[encryption]\nrecipients = [\"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj\"]\n",
    ] {
        let disks = Disks::new();
        let files = disks.place.folder("files");
        disks.place.file("files/one", "content");
        let config = format!(
            "[[repository]]\nurl = {:?}\n[[repository]]\nurl = {:?}\n[media.uploads]\npaths = [{files:?}]\n{encryption}",
            disks.all[0], disks.all[1]
        );
        let config = disks.place.file("seawall.toml", config);
        disks.are_known("media", "media/uploads/", &|| {
            let run = Run::new(&disks.place, env!("CARGO_BIN_EXE_media-backup")).server_user();
            run.arg("create").arg("--config").arg(&config).run()
        });
    }
}

/// No program makes a folder for itself on somebody's host.
#[test]
fn without_a_folder_for_that_nothing_is_remembered() {
    let place = Place::new();
    let files = place.folder("files");
    let archive = place.folder("archive");
    let config =
        format!("[[repository]]\nurl = {archive:?}\n[media.uploads]\npaths = [{files:?}]\n");
    let config = place.file("seawall.toml", config);
    let create = || {
        let run = Run::new(&place, env!("CARGO_BIN_EXE_media-backup")).server_user();
        run.arg("create").arg("--config").arg(&config).run()
    };
    create().expect(0);
    fs::remove_dir_all(&archive).expect("our own folder");
    place.folder("archive");
    create().expect(0);
    assert!(!place.join("state of the host").exists());
}
