//! What somebody without the key learns of an encrypted snapshot, and how it is opened without Seawall.

use std::fs;

use super::scene::{S3, Scene};
use crate::support::run::Run;

/// Neither names nor digests nor contents nor lengths of files, in keys or in objects.
#[test]
fn nothing_tells_of_the_files() {
    let mut scene = Scene::new(S3, true);
    let (name, content) = ("a-telling-name.jpg", "a telling content, 31 bytes long");
    scene.write(name, content);
    scene.write("another", "another");
    scene.take();
    let digest = blake3::hash(content.as_bytes()).to_hex().to_string();
    for key in scene.store().keys() {
        let bytes = scene.store().get(&key).unwrap();
        for telling in [name, content, &digest, &digest[..16]] {
            let found = bytes.windows(telling.len()).any(|it| it == telling.as_bytes());
            assert!(!found && !key.contains(telling), "{key} tells {telling}");
        }
        let in_the_clear = key.ends_with("backup.json") || key.ends_with("begun.json");
        let is_age = bytes.starts_with(b"age-encryption.org/v1\n");
        assert_eq!(is_age, !in_the_clear, "{key}");
    }
    let description = scene.description(1);
    assert_eq!((description.totals.files, description.totals.size), (2, 39));
}

/// As docs/repository-format.md says: one content by `tail`, `head`, `age` and `zstd`.
#[test]
fn a_content_comes_out_by_hand() {
    for encrypted in [false, true] {
        let mut scene = Scene::new(S3, encrypted);
        for number in 0..9 {
            scene.write(&format!("{number}"), format!("content {number}"));
        }
        scene.take();
        let id = Scene::id(1);
        let (age, suffix) = match encrypted {
            true => ("age -d -i key*.txt |", ".age"),
            false => ("", ""),
        };
        for name in ["contents.jsonl.zst", "data-00001.pack"] {
            let stored =
                if name.ends_with("zst") { format!("{name}{suffix}") } else { name.into() };
            let bytes = scene.store().get(&format!("media/uploads/{id}/{stored}")).unwrap();
            fs::write(scene.place.join(name), bytes).unwrap();
        }
        let digest = blake3::hash(b"content 5").to_hex();
        let contents = shell(&scene, &format!("cat contents.jsonl.zst | {age} zstd -dc"));
        let line = contents.lines().find(|line| line.contains(digest.as_str())).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let at = line["offset"].as_u64().unwrap() + 1;
        let length = line["stored_size"].as_u64().unwrap();
        let out = format!("tail -c +{at} data-00001.pack | head -c {length} | {age} zstd -dc");
        assert_eq!(shell(&scene, &out), "content 5");
    }
}

fn shell(scene: &Scene, script: &str) -> String {
    let run = Run::new(&scene.place, "sh").args(["-c", &format!("set -e; {script}")]).run();
    run.expect(0).stdout.clone()
}
