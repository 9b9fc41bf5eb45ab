//! What is stored can be opened without Seawall: with the programs `zstd` and `age`.

use std::fs;
use std::path::PathBuf;

use crate::scene::{KeyPair, Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3;

const KINDS: [Kind; 3] = [Kind::Local, Kind::S3(s3::Kind::S3sFs), Kind::S3(s3::Kind::Moto)];

/// A shell pipeline, with the stored object as `$1` and a key file as `$2`; its output.
fn pipeline(place: &Place, script: &str, stored: &[u8], key: Option<&PathBuf>) -> Vec<u8> {
    let object = place.file("object", stored);
    let out = place.join("out");
    let script = format!("set -o pipefail; {script} > \"$0\"");
    let run = Run::new(place, "bash").args(["-c", &script]).arg(&out).arg(&object);
    let run = key.iter().fold(run, |run, key| run.arg(key));
    run.run().expect(0);
    fs::read(out).expect("made by the shell")
}

/// Two segments, a history and a backup history, archived; with their content.
fn archived(scene: &Scene) -> Vec<(String, Vec<u8>)> {
    let history = "1\t0/7000000\tno recovery target specified\n".as_bytes().to_vec();
    let mut files = scene.wal.segments[..2].to_vec();
    files.push(("00000002.history".to_owned(), history));
    files.push(scene.wal.backup_history.clone());
    let partial = format!("{}.partial", scene.name(2));
    files.push((partial, scene.bytes(2).to_vec()));
    for (name, content) in &files {
        scene.directory.put(name, content);
        scene.push_file(name).run().expect(0);
    }
    files
}

#[test]
fn zstd_opens_every_kind_of_file() {
    for kind in KINDS {
        let place = Place::with_odd_name();
        let store = Store::start(kind, &place);
        let scene = Scene::in_place(&place).with(&store.table("a"));
        for (name, content) in archived(&scene) {
            let stored = store.get(&scene.key(&name, ".zst")).expect("archived");
            assert!(pipeline(&place, "zstd -dc < \"$1\"", &stored, None) == content, "{name}");
            pipeline(&place, "zstd -t < \"$1\"", &stored, None);
        }
    }
}

#[test]
fn age_and_zstd_open_every_kind_of_encrypted_file() {
    for kind in KINDS {
        let place = Place::with_odd_name();
        let store = Store::start(kind, &place);
        let pairs = [KeyPair::new(&place), KeyPair::new(&place)];
        let recipients = KeyPair::recipients(&pairs.each_ref());
        let scene = Scene::in_place(&place).with(&recipients).with(&store.table("a"));
        for (name, content) in archived(&scene) {
            let stored = store.get(&scene.key(&name, ".zst.age")).expect("archived");
            for pair in &pairs {
                let script = "age -d -i \"$2\" < \"$1\" | zstd -dc";
                let plain = pipeline(&place, script, &stored, Some(&pair.file));
                assert!(plain == content, "{kind:?} {name}");
            }
        }
    }
}

/// Every frame has a checksum of its own, so the program notices damage without Seawall's label.
#[test]
fn zstd_notices_damage() {
    let place = Place::new();
    let store = Store::start(Kind::Local, &place);
    let scene = Scene::in_place(&place).with(&store.table("a"));
    scene.has(0).push(0).run().expect(0);
    let stored = store.get(&scene.clear_key(0)).expect("archived");
    for tenths in 3..10 {
        let mut damaged = stored.clone();
        let at = damaged.len() * tenths / 10;
        damaged[at] ^= 1;
        let file = place.file("damaged.zst", damaged);
        let outcome = Run::new(&place, "zstd").args(["-q", "-t"]).arg(&file).run();
        assert_eq!(outcome.status, Some(1), "a bit flipped at {at}: {outcome}");
    }
}
