//! What is true of a folder only.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use seawall::error::{Class, Error};
use seawall::storage::{Created, Listed, Metadata, Storage};

use super::folder as open;
use crate::support::place::Place;

fn create(root: &Path, key: &str, content: &[u8]) -> Result<Created, Error> {
    open(root).create(key, Bytes::copy_from_slice(content), &Metadata::new())
}

fn list(storage: &dyn Storage) -> Result<(), Error> {
    storage.list("", "", &mut |_| std::ops::ControlFlow::Continue(()))
}

/// Every path below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for path in fs::read_dir(folder).expect("readable").flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            paths.extend(below(&path));
        }
        paths.push(path);
    }
    paths
}

#[test]
fn folders_are_closed_to_others_and_so_are_files() {
    let place = Place::new();
    let root = place.join("repository");
    create(&root, "a/b/c", b"1").expect("created");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode(&root), 0o700);
    for path in below(&root) {
        assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
    }
}

#[test]
fn no_temporary_file_is_left_whatever_the_outcome() {
    let place = Place::new();
    let root = place.join("repository");
    assert_eq!(create(&root, "a/b", b"1"), Ok(Created::New));
    assert_eq!(create(&root, "a/b", b"2"), Ok(Created::Taken));
    // A file where a folder is wanted.
    assert!(create(&root, "a/b/c", b"3").is_err());
    let files: Vec<_> = below(&root).into_iter().filter(|path| path.is_file()).collect();
    assert_eq!(files, [root.join("a/b")]);
}

#[test]
fn temporary_files_of_the_dead_go_and_are_never_listed() {
    let place = Place::new();
    let root = place.join("repository");
    create(&root, "a", b"1").expect("created");
    let dead = root.join(".seawall-tmp/.seawall-tmp-0123456789abcdef");
    fs::write(&dead, "half").expect("our own folder");
    let mut keys = Vec::new();
    let mut visit = |object: Listed<'_>| {
        keys.push(object.key.to_owned());
        std::ops::ControlFlow::Continue(())
    };
    open(&root).list("", "", &mut visit).expect("listed");
    assert_eq!(keys, ["a"]);
    create(&root, "b", b"2").expect("created");
    assert!(!dead.exists());
}

#[test]
fn a_missing_parent_of_the_root_is_a_mistake_and_not_made() {
    let place = Place::new();
    let root = place.join("not-mounted/repository");
    let error = create(&root, "a", b"1").expect_err("an error");
    assert_eq!(error.class(), Class::LocalFile);
    assert_eq!(
        error.to_string(),
        format!(
            "could not create folder {root:?}: No such file or directory (os error 2). HINT: Is the disk \
             mounted? The folder above it must exist."
        )
    );
    assert!(!root.parent().expect("a parent").exists());
}

#[test]
fn a_root_that_is_not_there_claims_no_absence() {
    let place = Place::new();
    let root = place.join("not-mounted");
    let storage = open(&root);
    let expected = format!("the folder {root:?} does not exist. HINT: Is the disk mounted?");
    for error in [
        storage.open("a", None).map(|_| ()).expect_err("an error"),
        storage.open("a/b/c", Some(1)).map(|_| ()).expect_err("an error"),
        list(storage.as_ref()).expect_err("an error"),
        storage.delete("a").expect_err("an error"),
    ] {
        assert_eq!((error.class(), error.to_string()), (Class::Unreachable, expected.clone()));
    }
    // Enough to look before creating: the first `create` makes the folder.
    assert_eq!(storage.head("a"), Ok(None));
}

#[test]
fn a_key_that_is_a_folder_or_a_dead_link_is_damage_and_not_absence() {
    let place = Place::new();
    let root = place.join("repository");
    create(&root, "a/b", b"1").expect("created");
    let error = open(&root).open("a", None).map(|_| ()).expect_err("an error");
    assert_eq!(error.class(), Class::Damaged);
    assert_eq!(
        error.to_string(),
        format!("expected a file at {:?}, found a directory", root.join("a"))
    );
    symlink("nowhere", root.join("link")).expect("our own folder");
    assert_eq!(create(&root, "link", b"2"), Ok(Created::Taken));
}

/// A listing without it would hide a gap in the WAL.
#[test]
fn a_dead_link_is_listed() {
    let place = Place::new();
    let root = place.join("repository");
    create(&root, "a", b"1").expect("created");
    symlink("nowhere", root.join("link")).expect("our own folder");
    let mut keys = Vec::new();
    let mut visit = |object: Listed<'_>| {
        keys.push(object.key.to_owned());
        std::ops::ControlFlow::Continue(())
    };
    open(&root).list("", "", &mut visit).expect("listed");
    assert_eq!(keys, ["a", "link"]);
}

#[test]
fn folders_go_with_the_last_object_in_them_and_the_root_stays() {
    let place = Place::new();
    let root = place.join("repository");
    for key in ["a/b/1", "a/b/2", "a/c/3"] {
        create(&root, key, b"x").expect("created");
    }
    let storage = open(&root);
    let mut there = vec![];
    for key in ["a/b/1", "a/b/2", "a/c/3"] {
        storage.delete(key).expect("deleted");
        there.push(["a/b", "a/c", "a"].map(|folder| root.join(folder).exists()));
    }
    assert_eq!(there, [[true, true, true], [false, true, true], [false, false, false]]);
    assert!(root.exists());
    assert_eq!(create(&root, "a/b/1", b"y"), Ok(Created::New));
}

#[test]
fn a_file_that_cannot_be_deleted_is_an_error() {
    let place = Place::new();
    let root = place.join("repository");
    create(&root, "a/b", b"1").expect("created");
    let error = open(&root).delete("a").expect_err("it is a folder");
    assert_eq!(error.class(), Class::LocalFile);
    let expected = format!("could not remove {:?}: Is a directory (os error 21)", root.join("a"));
    assert_eq!(error.to_string(), expected);
    assert!(root.join("a/b").exists());
}
