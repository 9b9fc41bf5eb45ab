//! Root takes snapshots, because files belong to anybody, into a repository that belongs to the user of
//! PostgreSQL, as the units of the packages do.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;

use crate::support::place::Place;
use crate::support::run::Run;

/// For an ordinary user all of it is his own anyway.
#[test]
fn what_root_stores_is_open_to_the_owner_of_the_repository() {
    let place = Place::new();
    let (archive, files) = (place.folder("archive"), place.folder("uploads"));
    fs::write(files.join("picture"), "of a cat").unwrap();
    let config = format!(
        "[[repository]]\nurl = {archive:?}\n[media.uploads]\npaths = [{files:?}]\n\
         [media_backup]\nstate_directory = {:?}\n[drill]\ndirectory = {:?}\n",
        place.folder("state"),
        place.folder("drills")
    );
    let config = place.file("seawall.toml", config);
    let words = |run: Run, words: &[&str]| run.args(words).arg("--config").arg(&config);
    let media = |verb: &str| {
        let run = Run::new(&place, env!("CARGO_BIN_EXE_media-backup"));
        words(run, &[verb, "--set", "uploads"]).run().expect(0);
    };
    ["create", "verify", "drill"].into_iter().for_each(media);

    // Who shares the repository reads all that tells of it, and goes on with it.
    let owner = fs::metadata(&archive).unwrap().uid();
    assert_eq!(belong_to(&archive, owner), 4, "two records, a description, an index");
    let check = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).server_user();
    let outcome = words(check, &["check"]).run();
    let found = outcome.expect(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in ["OK media uploads backup local newest ", "OK media uploads drill passed "] {
        assert!(found.contains(text), "{outcome}");
    }
    let list = Run::new(&place, env!("CARGO_BIN_EXE_media-backup")).server_user();
    let outcome = words(list, &["list", "--set", "uploads"]).run();
    assert_eq!(outcome.expect(0).stdout.lines().count(), 2, "{outcome}");
}

/// How many files there are, trees not counted, all of them and their folders with that owner.
fn belong_to(folder: &Path, owner: u32) -> usize {
    let mut files = 0;
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_symlink() || path.ends_with("tree") {
            continue;
        }
        assert_eq!(metadata.uid(), owner, "{path:?}");
        files += if metadata.is_dir() { belong_to(&path, owner) } else { 1 };
    }
    files
}

/// In a container root may lack the right to give files away, or has no place for their owners. The index has them.
#[test]
fn root_that_may_give_no_file_away_takes_a_snapshot() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let without = "setpriv --bounding-set=-chown --inh-caps=-chown";
    for (way, owner) in [(without, 4321), ("unshare --user --map-root-user", 65534)] {
        let place = Place::new();
        let (files, archive) = (place.folder("uploads"), place.join("archive"));
        for folder in [&files.join("folder"), &archive, &place.join("state")] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(files.join("folder/picture"), "of a cat").unwrap();
        symlink("picture", files.join("folder/link")).unwrap();
        for name in ["folder/picture", "folder/link", "folder"] {
            lchown(files.join(name), Some(4321), Some(4321)).unwrap();
        }
        let config = format!(
            "[[repository]]\nurl = {archive:?}\n[media.uploads]\npaths = [{files:?}]\n\
             [media_backup]\nstate_directory = {:?}\n",
            place.join("state")
        );
        let config = place.file("seawall.toml", config);
        let mut words = way.split(' ');
        let run = Run::new(&place, words.next().unwrap()).args(words);
        let run = run.arg(env!("CARGO_BIN_EXE_media-backup")).args(["create", "--set", "uploads"]);
        run.arg("--config").arg(&config).run().expect(0);
        let back = place.join("back");
        let restore = Run::new(&place, env!("CARGO_BIN_EXE_media-backup"));
        let restore = restore.args(["restore", "--set", "uploads", "--to"]).arg(&back);
        restore.arg("--config").arg(&config).arg("--yes").run().expect(0);
        let picture = back.join(files.strip_prefix("/").unwrap()).join("folder/picture");
        assert_eq!(fs::read(&picture).unwrap(), b"of a cat", "{way}");
        assert_eq!(fs::metadata(&picture).unwrap().uid(), owner, "{way}");
    }
}

/// Whoever owns the repository could lead root's files, and whom they are given to, anywhere. Nothing of it is true of
/// an ordinary user.
#[test]
fn root_follows_no_link_in_a_repository_of_somebody_else() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let files = place.folder("uploads");
    fs::write(files.join("picture"), "of a cat").unwrap();
    for link in ["media", "media/uploads", ".seawall-tmp"] {
        let archive = place.folder(&format!("archive-{}", place.next_number()));
        let elsewhere = place.join(format!("elsewhere-{}", place.next_number()));
        fs::create_dir(&elsewhere).unwrap();
        let at = archive.join(link);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(&elsewhere, &at).unwrap();
        let config = format!(
            "[[repository]]\nurl = {archive:?}\n[media.uploads]\npaths = [{files:?}]\n\
             [media_backup]\nstate_directory = {:?}\n",
            place.folder("state")
        );
        let config = place.file("seawall.toml", config);
        let create = Run::new(&place, env!("CARGO_BIN_EXE_media-backup"));
        let create = create.args(["create", "--set", "uploads", "--config"]).arg(&config);
        let outcome = create.run();
        assert_ne!(outcome.status, Some(0), "{link}: {outcome}");
        outcome
            .says("It is a link, and")
            .says("belongs to another user, who could lead it anywhere");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "{link}");
        let owner = fs::metadata(&elsewhere).unwrap();
        assert_eq!(owner.uid(), 0, "{link}");
    }
}
