//! `wal-push` into a folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{kept, proven, traced, traced_with};
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::trace::{Disk, Event};
use crate::support::user::hand_over;
use crate::support::wait::wait_until;

fn scene() -> (Place, Scene, Store) {
    let place = Place::new();
    let store = Store::start(Kind::Local, &place);
    let scene = Scene::in_place(&place).with(&store.table("disk"));
    (place, scene, store)
}

/// From a folder to the one that holds the root of the repository.
#[track_caller]
fn synced_up(disk: &Disk, folder: &Path, root: &Path) {
    let above = root.parent().expect("a folder");
    for folder in folder.ancestors().take_while(|folder| folder.starts_with(above)) {
        assert!(disk.was_synced(folder), "{} is not synced", folder.display());
    }
}

#[test]
fn a_segment_is_durable_from_the_root_down_before_exit_0() {
    let (place, scene, store) = scene();
    let trace = traced(scene.has(0).push(0), &place);
    proven(&trace, store.folder());
    // The folder is there, and holds a file: its own content and its own name are all that is new.
    let trace = traced(scene.has(1).push(1), &place);
    proven(&trace, store.folder());
    assert_eq!(trace.count("fsync", store.folder()), 2);
}

/// The next command finds folders without a file: who made them may have died before they were synced.
#[test]
fn folders_that_a_dead_process_left_are_synced_up_to_the_root() {
    let (place, scene, store) = scene();
    let key = scene.clear_key(0);
    let folder = &store.folder().join(key.rsplit_once('/').expect("folders").0);
    fs::create_dir_all(folder).expect("our own folder");
    hand_over(store.folder());
    let trace = traced(scene.has(0).push(0), &place);
    proven(&trace, store.folder());
    let disk = trace.replay(|_, _| {});
    synced_up(&disk, folder, store.folder());
}

/// Whoever named it may have died before the name was synced.
#[test]
fn a_segment_that_is_there_already_is_synced_before_it_is_acknowledged_again() {
    let (place, scene, store) = scene();
    scene.has(0).push(0).run().expect(0);
    let trace = traced(scene.push(0), &place);
    let path = store.folder().join(scene.clear_key(0));
    let disk = trace.replay(|_, _| {});
    for path in [&path, path.parent().expect("a folder")] {
        assert!(disk.was_synced(path), "{} is not synced", path.display());
    }
}

/// A note makes a later call say yes without a look.
#[test]
fn a_note_of_look_ahead_comes_after_the_segment_is_durable() {
    let (place, scene, store) = scene();
    scene.has_ready(5);
    let trace = traced(scene.push(0), &place);
    proven(&trace, store.folder());
    let mut notes = 0;
    trace.replay(|event, disk| {
        if let Event::Renamed { to, .. } = event
            && to.parent().is_some_and(|folder| folder.ends_with("pg_wal/seawall/pushed"))
        {
            notes += 1;
            let name = to.file_stem().and_then(|name| name.to_str()).expect("a plain name");
            let object = store.folder().join(scene.key(name, ".zst"));
            assert!(object.is_file(), "no {}", object.display());
            let lost = disk.at_risk(&object);
            assert!(lost.is_empty() && disk.has(&object), "a note says yes: {lost:?}");
        }
    });
    assert_eq!(notes, 4);
}

/// After a power cut a disk is most likely not mounted: then the host has to know that it was.
#[test]
fn what_a_repository_took_is_durably_noted_before_exit_0() {
    let (place, scene, _store) = scene();
    let trace = traced(scene.has(0).push(0), &place);
    let notes = scene.directory.wal("seawall/repositories");
    let disk = trace.replay(|_, _| {});
    let note = std::fs::read_dir(&notes).expect("a folder").flatten().next().expect("a note");
    assert!(disk.has(&note.path()), "{}", note.path().display());
    kept(disk.at_risk(&notes));
}

/// Where the file system can't rename without replacing, a second name is made, and the first taken away.
#[test]
fn a_file_system_without_that_rename_gets_the_same_order() {
    let (place, scene, store) = scene();
    let tampering = ["inject=renameat2:error=EINVAL"];
    let trace = traced_with(scene.has(0).push(0), &place, &tampering);
    proven(&trace, store.folder());
    let mut links = 0;
    trace.replay(|event, _| links += u32::from(matches!(event, Event::Linked { .. })));
    assert_eq!(links, 1);
}

/// Shares of NAS and gateways in front of a cloud have neither.
#[test]
fn a_file_system_that_could_only_overwrite_is_refused_in_words() {
    let (place, scene, store) = scene();
    for error in ["EPERM", "EOPNOTSUPP"] {
        let tampering = ["inject=renameat2:error=EINVAL", &format!("inject=linkat:error={error}")];
        let (outcome, _) = scene.has(0).push(0).trace(&place, &tampering);
        let said = outcome.expect(10).says("this file system has neither hard links nor a rename");
        said.says("HINT: Put the repository on another file system");
        said.does_not_say("owner and mode");
        assert_eq!((store.keys(), store.leftovers()), (Vec::new(), Vec::new()));
    }
}

/// Another process takes the folder away with the last file in it, a third one makes it anew, and has not synced it
/// yet: all between our look at the folder and our name in it.
#[test]
fn a_folder_that_was_replaced_meanwhile_is_synced_up_to_the_root() {
    let (place, scene, store) = scene();
    scene.has(0).push(0).run().expect(0);
    let first = store.folder().join(scene.clear_key(0));
    let folder = first.parent().expect("a folder");
    let temporaries = store.folder().join(".seawall-tmp");
    // Five seconds before the file gets its name.
    let tampering = ["inject=renameat2:delay_enter=5000000"];
    let trace = std::thread::scope(|scope| {
        let pushing = scope.spawn(|| traced_with(scene.has(1).push(1), &place, &tampering));
        wait_until("the file to be written", Duration::from_secs(60), || {
            fs::read_dir(&temporaries).is_ok_and(|mut entries| entries.next().is_some())
        });
        fs::remove_file(&first).expect("our own file");
        fs::remove_dir(folder).expect("our own folder");
        fs::create_dir(folder).expect("our own folder");
        hand_over(folder);
        pushing.join().expect("no panic")
    });
    let disk = trace.replay(|_, _| {});
    synced_up(&disk, folder, store.folder());
}
