//! Killed anywhere: no half snapshot counts, and a restore that is run again finishes. The library has no
//! program of its own here, so the test binary runs one of its tests as the process that dies.

use std::fs;
use std::path::{Path, PathBuf};

use seawall::config::MediaSet;
use seawall::media_backup::{Destination, Existing};

use super::scene::{DELTA, Scene, Wish, take};
use super::trees::{Random, facts, grow, same};
use crate::support::place::Place;
use crate::support::run::{Outcome, Run};

const ROLE: &str = "SEAWALL_TEST_MEDIA_ROLE";

/// Where a snapshot may be cut short.
pub const TAKING: [&str; 8] = [
    "media.begun",
    "media.folder-made",
    "media.file-kept",
    "media.file-kept:7",
    "media.files-kept",
    "media.index-stored",
    "media.synced",
    "media.described",
];

/// Where a restore may be cut short.
pub const RESTORING: [&str; 5] = [
    "media.strays-removed",
    "media.file-laid",
    "media.file-laid:9",
    "media.files-laid",
    "media.folders-settled",
];

/// Not a test: what the process does that is killed.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let [what, top, id, previous] = &role.split('|').collect::<Vec<_>>()[..] else {
        panic!("{role}");
    };
    let top = PathBuf::from(top);
    let set = MediaSet::new("uploads", &[top.join("srv/uploads")], &[]).unwrap();
    let root = top.join("repository");
    let previous = Some(*previous).filter(|it| !it.is_empty());
    if *what == "take" {
        let problems = take(&root, &set, id, previous, false).unwrap().problems;
        problems.told.iter().for_each(|problem| println!("{}", problem.message));
        println!("failures {}", problems.failures);
    } else {
        restore(&root, id, &top.join("to"));
    }
}

fn restore(root: &Path, id: &str, to: &Path) {
    use seawall::media_backup::local;
    let content = local::LocalContent::open(root, "uploads", id).unwrap();
    let restored = seawall::media_backup::MediaRestore {
        index: &|| local::open_index(root, "uploads", id),
        content: &content,
        destination: Destination::Folder(to),
        selection: &seawall::media_backup::Selection::All,
        existing: DELTA,
        delete: true,
        leave_out: &[],
        numeric_owner: false,
        threads: super::scene::THREADS,
        progress: &|_| {},
    };
    restored.run().unwrap();
}

fn run(place: &Place, role: &str, failpoint: &str) -> Run {
    let program = std::env::current_exe().unwrap();
    let run = Run::new(place, program.to_str().unwrap());
    let run = run.args(["--exact", "media::crashes::child", "--nocapture", "--test-threads=1"]);
    let run = run.env(ROLE, role);
    if failpoint.is_empty() { run } else { run.env("SEAWALL_FAILPOINT", failpoint) }
}

#[track_caller]
fn dies(run: Run) {
    let outcome = run.run();
    assert_eq!(outcome.signal, Some(9), "{outcome}");
}

/// A first snapshot, as a user whom file modes stop.
pub fn take_as_server_user(scene: &Scene) -> Outcome {
    let role = format!("take|{}|{}|", scene.join("").display(), Scene::id(1));
    run(&Place::new(), &role, "").server_user().run()
}

#[test]
fn a_snapshot_that_is_cut_short_does_not_count() {
    let (place, mut scene) = (Place::new(), Scene::new());
    grow(&mut Random::of_seed(20), &scene.source(), 60);
    scene.take();
    fs::write(scene.source().join("new"), "new").unwrap();
    for (number, failpoint) in (50..).zip(TAKING) {
        for file in 0..10 {
            fs::write(scene.source().join(format!("new-{number}-{file}")), "new").unwrap();
        }
        let expected = facts(&scene.source());
        let id = Scene::id(number);
        let (top, previous) = (scene.join(""), Scene::id(1));
        let role = format!("take|{}|{id}|{previous}", top.display());
        dies(run(&place, &role, failpoint));
        let described = scene.join(&format!("repository/media/uploads/{id}/backup.json")).exists();
        assert_eq!(described, failpoint == "media.described", "{failpoint}");
        assert!(fs::read_link(scene.join("repository/media/uploads/latest")).is_ok());
        if described {
            let to = scene.join("described");
            scene.restore(number, &to, Existing::Refuse);
            same(&expected, &facts(&scene.restored(&to)));
        }
        seawall::media_backup::local::remove_snapshot(&scene.root(), "uploads", &id).unwrap();
        // The next one, under whatever id, is whole.
        let id = Scene::id(number - 40);
        let role = format!("take|{}|{id}|{previous}", top.display());
        run(&place, &role, "").run().expect(0);
        assert_eq!(scene.verify(number - 40).problems.failures, 0);
        let to = scene.join(&format!("to-{number}"));
        scene.restore(number - 40, &to, Existing::Refuse);
        same(&expected, &facts(&scene.restored(&to)));
    }
    assert_eq!(scene.verify(1).problems.failures, 0);
}

#[test]
fn a_restore_that_is_cut_short_is_finished_by_the_next() {
    let (place, mut scene) = (Place::new(), Scene::new());
    grow(&mut Random::of_seed(21), &scene.source(), 60);
    let expected = facts(&scene.source());
    scene.take();
    for failpoint in RESTORING {
        let to = scene.restored(&scene.join("to"));
        fs::create_dir_all(to.join("stray/inside")).unwrap();
        fs::write(to.join("stray/file"), "x").unwrap();
        let role = format!("restore|{}|{}|", scene.join("").display(), Scene::id(1));
        dies(run(&place, &role, failpoint));
        run(&place, &role, "").run().expect(0);
        same(&expected, &facts(&to));
        seawall::durable::remove_all(&scene.join("to")).unwrap();
    }
    let to = scene.join("to");
    let wish = Wish { existing: DELTA, ..scene.wish(Destination::Folder(&to)) };
    assert_eq!(scene.restore_as(1, wish).unwrap().problems.failures, 0);
}
