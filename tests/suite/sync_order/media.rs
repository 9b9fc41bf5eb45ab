//! Snapshots of media files in a folder, as trees and in packs, and files that are laid down.

use std::fs;
use std::path::{Path, PathBuf};

use super::{proven, survives, survives_when_named, traced, traced_with};
use crate::scene::KeyPair;
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::trace::{Event, Trace};
use crate::support::user::hand_over;

struct Scene {
    place: Place,
    source: PathBuf,
    config: PathBuf,
}

impl Scene {
    fn new(encrypt: bool) -> Scene {
        let place = Place::new();
        let (source, pair) = (place.folder("uploads"), KeyPair::new(&place));
        let config = format!(
            "[[repository]]\nname = \"local\"\nurl = {:?}\nencrypt = {encrypt}\n{}\n\
             [media.uploads]\npaths = [{source:?}]\n[media_backup]\nstate_directory = {:?}\n",
            place.folder("archive"),
            pair.recipients_and_identity(&[&pair]),
            place.folder("state")
        );
        let config = place.file("seawall.toml", config);
        let scene = Scene { place, source, config };
        scene.write("a.jpg", "first");
        scene.write("deep/er/b.jpg", "second");
        scene.write("deep/c.jpg", "third");
        fs::hard_link(scene.source.join("a.jpg"), scene.source.join("deep/same.jpg"))
            .expect("linked");
        std::os::unix::fs::symlink("a.jpg", scene.source.join("link")).expect("linked");
        hand_over(&scene.source);
        scene
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.source.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("our own folder");
        fs::write(path, content).expect("our own file");
        hand_over(&self.source);
    }

    fn run(&self, words: &[&str]) -> Run {
        let run = Run::new(&self.place, env!("CARGO_BIN_EXE_media-backup")).server_user();
        run.arg(words[0]).arg("--config").arg(&self.config).args(&words[1..])
    }

    fn set(&self) -> PathBuf {
        self.place.join("archive/media/uploads")
    }
}

/// The file system is synced as a whole, or each file by itself.
const WAYS: [&[&str]; 2] = [&[], &["inject=fstatfs:error=ENOSYS"]];

#[test]
fn a_tree_survives_a_power_cut_before_it_is_described() {
    for tampering in WAYS {
        let scene = Scene::new(false);
        for round in 0..2 {
            scene.write("new.jpg", &format!("in round {round}"));
            std::thread::sleep(std::time::Duration::from_millis(1100));
            let trace = traced_with(scene.run(&["create"]), &scene.place, tampering);
            survives(&trace, &scene.place.join("archive"));
            survives_when_named(&trace, &scene.set(), "backup.json");
            latest_comes_last(&trace, &scene.set());
        }
        restored(&scene, tampering);
    }
}

#[track_caller]
fn latest_comes_last(trace: &Trace, set: &Path) {
    let mut pointed = false;
    trace.replay(|event, disk| {
        if let Event::Renamed { to, .. } = event
            && *to == set.join("latest")
        {
            pointed = true;
            let lost = disk.at_risk(set);
            assert!(lost.is_empty(), "latest leads to what a power cut takes: {lost:?}");
        }
    });
    assert!(pointed);
}

#[test]
fn packs_survive_a_power_cut_before_they_are_described() {
    let scene = Scene::new(true);
    for round in 0..2 {
        scene.write("new.jpg", &format!("in round {round}"));
        let trace = traced(scene.run(&["create"]), &scene.place);
        proven(&trace, &scene.place.join("archive"));
        survives_when_named(&trace, &scene.set(), "backup.json");
    }
    restored(&scene, &[]);
}

/// Into a new folder, beside the live files, and over them.
#[track_caller]
fn restored(scene: &Scene, tampering: &[&str]) {
    let to = scene.place.join("to");
    let words = ["restore", "--yes", "--to", to.to_str().expect("UTF-8")];
    let trace = traced_with(scene.run(&words), &scene.place, tampering);
    survives(&trace, &to);
    let below = to.join(scene.source.strip_prefix("/").expect("absolute"));
    assert_eq!(fs::read_to_string(below.join("deep/er/b.jpg")).expect("restored"), "second");
    scene.write("a.jpg", "changed");
    scene.write("stray.jpg", "to be removed");
    let words = ["restore", "--yes", "--delta", "--delete"];
    let trace = traced_with(scene.run(&words), &scene.place, tampering);
    survives(&trace, &scene.source);
    assert_eq!(fs::read_to_string(scene.source.join("a.jpg")).expect("restored"), "first");
}
