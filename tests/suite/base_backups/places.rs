//! Where a restore writes when links and mounts lead elsewhere, and what it has tried before it touches anything.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::sound::{LIMIT, restore, restoring};
use super::{backups_in, base_backup};
use crate::archiving::commands::Seawall;
use crate::namespace;
use crate::scene::KeyPair;
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, Server};
use crate::support::run::Run;

/// A server that was backed up and lost. Its directory is still there.
struct Lost {
    place: Place,
    seawall: Seawall,
    data: PathBuf,
}

impl Lost {
    fn new() -> Lost {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let builder = Server::builder(&place).version(NEWEST).segment_mib(1);
        let mut server = builder.archive_command(&seawall.push()).init();
        server.start();
        base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
        server.wait_archived(&server.switch_wal(), LIMIT);
        server.kill_nine();
        Lost { place, seawall, data: server.data().to_owned() }
    }

    /// A command for `--before` that leaves a mark.
    fn hook(&self) -> (PathBuf, String) {
        let mark = self.place.join("hook");
        let command = format!("touch '{}'", mark.display());
        (mark, command)
    }

    fn old(&self, folder: &Path) -> usize {
        let entries = fs::read_dir(folder).expect("there").flatten();
        entries.filter(|it| it.file_name().to_string_lossy().contains(".old-")).count()
    }
}

#[test]
fn replace_goes_to_the_disk_that_a_link_leads_to() {
    let lost = Lost::new();
    let disk = lost.place.folder("disk");
    let (real, link) = (disk.join("main"), lost.place.join("link"));
    fs::rename(&lost.data, &real).expect("our own folder");
    symlink(&real, &link).expect("our own folder");
    let outcome = restore(&lost.seawall, &link, &["--replace"]);
    let into = format!(
        "into        {}, where {} leads (the old directory is moved to ",
        real.display(),
        link.display()
    );
    outcome.expect(0).shows(&into);
    assert!(link.is_symlink() && real.join("PG_VERSION").exists());
    assert_eq!([lost.old(&disk), lost.old(lost.place.path())], [1, 0]);
}

#[test]
fn what_lies_behind_a_link_in_the_directory_stays() {
    let lost = Lost::new();
    let elsewhere = lost.place.join("elsewhere");
    fs::rename(lost.data.join("base"), &elsewhere).expect("our own folder");
    symlink(&elsewhere, lost.data.join("base")).expect("our own folder");
    fs::write(elsewhere.join("precious"), "mine").expect("root or owner");
    let outcome = restore(&lost.seawall, &lost.data, &["--delta"]);
    outcome.expect(0).says("which is left as it is: the files go into the directory itself");
    assert!(!lost.data.join("base").is_symlink() && lost.data.join("base/1/PG_VERSION").exists());
    assert_eq!(fs::read(elsewhere.join("precious")).expect("it stays"), b"mine");
    assert!(elsewhere.join("1/PG_VERSION").exists());
}

#[test]
fn a_mount_point_is_known_before_the_server_is_stopped() {
    let lost = Lost::new();
    let (mark, before) = lost.hook();
    let text = format!(
        "mount --bind '{data}' '{data}'; $as '{program}' restore '{data}' --repository '{archive}' --yes --replace \
         --before \"{before}\"",
        data = lost.data.display(),
        program = env!("CARGO_BIN_EXE_basebackup"),
        archive = lost.place.join("archive").display()
    );
    let Some(run) = namespace::script(&lost.place, &text) else { return };
    let found = format!("{:?} can't be moved aside: it is a mount point", lost.data);
    run.limit(LIMIT)
        .run()
        .expect(6)
        .says(&found)
        .says("HINT: --delta overwrites the directory instead");
    assert!(!mark.exists());
}

#[test]
fn a_link_to_a_disk_that_is_not_mounted_is_no_directory() {
    let lost = Lost::new();
    let (link, gone) = (lost.place.join("link"), lost.place.join("gone"));
    symlink(&gone, &link).expect("our own folder");
    let found = format!("{link:?} is a link to {gone:?}, which does not exist");
    restore(&lost.seawall, &link, &[]).expect(6).says(&found);
    assert!(!gone.exists());
}

#[test]
fn a_repository_in_the_directory_does_not_go_with_it() {
    let lost = Lost::new();
    let inside = lost.data.join("archive");
    fs::rename(lost.place.join("archive"), &inside).expect("our own folder");
    for mode in ["--delta", "--replace"] {
        let run = Run::new(&lost.place, env!("CARGO_BIN_EXE_basebackup")).server_user();
        let run =
            run.arg("restore").arg(&lost.data).args(["--yes", mode, "--repository"]).arg(&inside);
        let found = format!(
            "expected a directory without a repository in it, found {inside:?} in {:?}",
            lost.data
        );
        run.limit(LIMIT).run().expect(6).says(&found);
        assert!(inside.join("postgres").exists());
    }
}

/// The manifest is read, and a part begun, before the first hook and before anything moves.
#[test]
fn a_backup_that_does_not_open_is_known_before_anything_moves() {
    let lost = Lost::new();
    let (mark, before) = lost.hook();
    let backup = &backups_in(&lost.place.join("archive"))[0];
    let files = fs::read_dir(backup).expect("there").flatten().map(|it| it.path());
    let objects: Vec<PathBuf> = files.filter(|it| !it.ends_with("backup.json")).collect();
    let is_manifest = |path: &&PathBuf| path.to_string_lossy().contains("manifest");
    let manifest: Vec<&PathBuf> = objects.iter().filter(is_manifest).collect();
    let parts: Vec<&PathBuf> = objects.iter().filter(|it| !is_manifest(it)).collect();
    for broken in [manifest, parts] {
        assert!(!broken.is_empty());
        let sound: Vec<Vec<u8>> = broken.iter().map(|it| fs::read(it).expect("ours")).collect();
        for (path, sound) in broken.iter().zip(&sound) {
            let bytes = [&[0; 8], &sound[8..]].concat();
            fs::write(path, bytes).expect("root or owner");
        }
        let around = ["--replace", "--before", before.as_str()];
        for words in
            [&around[..], &["--delta", "--before", before.as_str()], &["--replace", "--dry-run"]]
        {
            let outcome = restore(&lost.seawall, &lost.data, words);
            outcome.expect(5).says("could not restore from repository ");
            outcome.says("HINT: Another repository may have it whole; look at the disk or the bucket, and let `verify` say");
            assert!(!mark.exists() && lost.data.join("global/pg_control").exists());
            assert_eq!(lost.old(lost.place.path()), 0);
        }
        for (path, sound) in broken.iter().zip(&sound) {
            fs::write(path, sound).expect("root or owner");
        }
    }
}

#[test]
fn without_the_key_nothing_moves() {
    let lost = Lost::new();
    let place = &lost.place;
    let recipient = KeyPair::new(place).recipient;
    let seawall = Seawall::new(place).local("secret").option("--encryption-recipients", &recipient);
    let builder = Server::builder(place).version(NEWEST).segment_mib(1);
    let mut server = builder.archive_command(&seawall.push()).init();
    server.start();
    base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
    server.kill_nine();
    let (mark, before) = lost.hook();
    for words in [&["--replace", "--before", before.as_str()][..], &["--replace", "--dry-run"]] {
        let outcome = restore(&seawall, server.data(), words);
        outcome.expect(3).says("could not restore from repository ");
        assert!(!mark.exists() && server.data().join("PG_VERSION").exists());
        assert_eq!(lost.old(place.path()), 0);
    }
}

/// The second one waits for nobody, and changes nothing.
#[test]
fn two_restores_into_one_directory_are_kept_apart() {
    let lost = Lost::new();
    let new = lost.place.join("new");
    let wait = lost.place.join("wait");
    for (data, mode) in [(&new, "--delta"), (&lost.data, "--replace"), (&lost.data, "--delta")] {
        fs::write(&wait, "").expect("our own folder");
        // A folder that is there is locked before the first hook.
        fs::create_dir_all(data).expect("our own folder");
        crate::support::user::hand_over(data);
        let begun = lost.place.join("begun");
        let hook = format!(
            "touch '{}'; while test -e '{}'; do sleep 0.05; done",
            begun.display(),
            wait.display()
        );
        let first = restoring(&lost.seawall, data).args([mode, "--before", &hook]).start();
        crate::support::wait::wait_until("the first one to begin", LIMIT, || begun.exists());
        let second = restore(&lost.seawall, data, &[mode]);
        let found = format!("another restore is at work on {data:?}. HINT: Wait for its end");
        second.expect(6).says(&found);
        fs::remove_file(&wait).expect("our own folder");
        first.finish().expect(0);
        fs::remove_file(&begun).expect("the hook made it");
    }
}
