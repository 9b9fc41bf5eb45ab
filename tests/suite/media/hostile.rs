//! An index that somebody wrote who wants a restore to write elsewhere, or to fail in odd ways.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use seawall::media_backup::local;
use seawall::media_backup::{Destination, EntryPath, Existing, IndexReader};

use super::scene::{DELTA, Scene, Wish};

const HEADER: &str = r#"{"seawall":1,"set":"uploads","id":"x","began":"2026-11-22T20:30:01Z","paths":["/srv/uploads"],"exclude":[]}"#;

/// What every entry has; `EXTRA` comes before.
fn line(extra: &str) -> String {
    format!(
        r#"{{{extra},"mode":"0755","uid":0,"gid":0,"mtime":"1.000000000","ctime":"1.000000000","device":1,"inode":1}}"#
    )
}

fn directory(path: &str) -> String {
    line(&format!(r#""path":"{path}","kind":"directory""#))
}

fn file(path: &str, more: &str) -> String {
    let digest = blake3::hash(b"").to_hex();
    line(&format!(r#""path":"{path}","kind":"file","size":0,"blake3":"{digest}"{more}"#))
}

fn symlink_to(path: &str, target: &str) -> String {
    line(&format!(r#""path":"{path}","kind":"symlink","target":"{target}""#))
}

fn end(entries: u64, files: u64) -> String {
    format!(r#"{{"end":{{"entries":{entries},"files":{files},"size":0}}}}"#)
}

fn compressed(lines: &[String]) -> Vec<u8> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    zstd::stream::encode_all(text.as_bytes(), 1).unwrap()
}

/// Reads to the end.
fn read(bytes: &[u8]) -> Result<u64, String> {
    let mut index = IndexReader::open(bytes).map_err(|error| error.to_string())?;
    while index.next_entry().map_err(|error| error.to_string())?.is_some() {}
    Ok(index.totals().entries)
}

#[test]
fn an_index_that_lies_is_refused() {
    let with = |lines: &[String]| {
        let lines = [&[HEADER.to_owned()], lines].concat();
        read(&compressed(&lines))
    };
    assert_eq!(with(&[directory("a"), file("a/b", ""), end(2, 1)]), Ok(2));
    let digest = blake3::hash(b"").to_hex();
    let hard = |path: &str, to: &str| {
        line(&format!(
            r#""path":"{path}","kind":"hardlink","target":"{to}","size":0,"blake3":"{digest}","linked":true"#
        ))
    };
    assert_eq!(with(&[file("a", r#","linked":true"#), hard("b", "a"), end(2, 1)]), Ok(2));
    for (lines, expected) in [
        (
            vec![file("/etc/passwd", "")],
            "line 2 of the index: expected a relative path without empty components, found \"/etc/passwd\"",
        ),
        (
            vec![file("../x", "")],
            "line 2 of the index: expected a path without '.' and '..', found \"../x\"",
        ),
        (
            vec![directory("a"), file("a/../x", "")],
            "line 3 of the index: expected a path without '.' and '..', found \"a/../x\"",
        ),
        (
            vec![file("a//b", "")],
            "line 2 of the index: expected a relative path without empty components, found \"a//b\"",
        ),
        (
            vec![file("", "")],
            "line 2 of the index: expected a relative path without empty components, found \"\"",
        ),
        (
            vec![file("a\\u0000b", "")],
            "line 2 of the index: expected a path without NUL, found \"a\\0b\"",
        ),
        (
            vec![file("b", ""), file("a", "")],
            "line 3 of the index: expected a path behind \"b\", found \"a\"",
        ),
        (
            vec![file("a", ""), file("a", "")],
            "line 3 of the index: expected a path behind \"a\", found \"a\"",
        ),
        (vec![file("a/b", "")], "line 2 of the index: the folder of \"a/b\" is not before it"),
        (
            vec![symlink_to("a", "/etc"), file("a/b", "")],
            "line 3 of the index: the folder of \"a/b\" is not before it",
        ),
        (
            vec![file("a", ""), hard("b", "a")],
            "line 3 of the index: the file \"a\" is not before its other name \"b\"",
        ),
        (
            vec![hard("b", "../a")],
            "line 2 of the index: expected a path without '.' and '..', found \"../a\"",
        ),
        (
            vec![hard("b", "c"), file("c", r#","linked":true"#)],
            "line 2 of the index: the file \"c\" is not before its other name \"b\"",
        ),
        (
            vec![symlink_to("a", "")],
            "line 2 of the index: the target of the link is missing, contains NUL, or is too long",
        ),
        (
            vec![line(r#""path":"a","kind":"device""#)],
            "line 2 of the index: expected file, directory, symlink or hardlink, found \"device\"",
        ),
        (
            vec![line(r#""path":"a","path_base64":"YQ==","kind":"directory""#)],
            "line 2 of the index: expected path or path_base64, found both or none",
        ),
        (
            vec![line(r#""path_base64":"%","kind":"directory""#)],
            "line 2 of the index: expected base64 as path_base64, found \"%\"",
        ),
        (
            vec![line(r#""path":"a","kind":"file","blake3":"""#)],
            "line 2 of the index: the size of a file is missing",
        ),
        (
            vec![line(r#""path":"a","kind":"file","size":1,"blake3":"zz""#)],
            "line 2 of the index: expected a digest of 64 hexadecimal digits, found \"zz\"",
        ),
        (
            vec![directory("a").replace("0755", "9")],
            "line 2 of the index: expected permission bits like 0644, found \"9\"",
        ),
        (
            vec![directory("a").replace("0755", "17777")],
            "line 2 of the index: expected permission bits like 0644, found \"17777\"",
        ),
        (
            vec![file("a", ""), end(2, 1)],
            "line 3 of the index: expected End { entries: 2, files: 1, size: 0 }, found End { entries: 1, files: 1, size: 0 }",
        ),
        (
            vec![end(0, 0), file("a", "")],
            "line 3 of the index: expected nothing behind the end, found a line",
        ),
        (vec![file("a", "")], "line 3 of the index: expected an entry or the end, found neither"),
    ] {
        assert_eq!(with(&lines).unwrap_err(), expected);
    }
    assert_eq!(
        read(&compressed(&[HEADER.replace(":1,", ":2,")])).unwrap_err(),
        "expected index format 1, found 2. HINT: A newer Seawall wrote it: use that one."
    );
}

#[test]
fn a_cut_or_damaged_index_is_noticed() {
    let lines = [HEADER.to_owned(), directory("a"), file("a/b", ""), end(2, 1)];
    let whole = compressed(&lines);
    assert_eq!(read(&whole), Ok(2));
    for length in 0..whole.len() {
        read(&whole[..length]).unwrap_err();
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        if let Ok(entries) = read(&damaged) {
            assert_eq!(entries, 2, "byte {at}");
        }
    }
    // A line without end.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    writeln!(encoder, "{HEADER}").unwrap();
    (0..20).for_each(|_| encoder.write_all(&[b' '; 1 << 20]).unwrap());
    let error = read(&encoder.finish().unwrap()).unwrap_err();
    assert_eq!(
        error,
        "line 2 of the index: expected a whole line, found one that is cut or too long"
    );
}

#[test]
fn names_that_are_no_text_stand_in_base64() {
    let lines = [
        HEADER.to_owned(),
        line(r#""path_base64":"//4=","kind":"symlink","target_base64":"/w==""#),
        end(1, 0),
    ];
    let bytes = compressed(&lines);
    let mut index = IndexReader::open(&bytes[..]).unwrap();
    let entry = index.next_entry().unwrap().unwrap();
    assert_eq!(entry.path, EntryPath::new(vec![0xff, 0xfe]).unwrap());
    let lines = [HEADER.to_owned(), line(r#""path_base64":"Li4veA==","kind":"directory""#)];
    assert_eq!(
        read(&compressed(&lines)).unwrap_err(),
        "line 2 of the index: expected a path without '.' and '..', found \"../x\""
    );
}

fn restore(
    scene: &Scene,
    lines: &[String],
    wish: Wish<'_>,
) -> seawall::media_backup::MediaRestored {
    let index = local::snapshot_folder(&scene.root(), "uploads", &Scene::id(1))
        .join(seawall::media_backup::INDEX);
    fs::remove_file(&index).unwrap();
    File::create(&index).unwrap().write_all(&compressed(lines)).unwrap();
    scene.restore_as(1, wish).unwrap_or_else(|error| panic!("{error}"))
}

/// Links in the target, old or new, lead nobody out of it.
#[test]
fn nothing_is_written_outside_the_target() {
    let mut scene = Scene::new();
    scene.take();
    let (to, outside) = (scene.join("to"), scene.join("outside"));
    for folder in [&to, &outside] {
        fs::create_dir(folder).unwrap();
    }
    symlink(&outside, to.join("a")).unwrap();
    symlink("../outside", to.join("srv")).unwrap();
    let tree = local::snapshot_folder(&scene.root(), "uploads", &Scene::id(1)).join("tree");
    fs::create_dir(tree.join("a")).unwrap();
    fs::write(tree.join("a/b"), "").unwrap();
    let lines = [
        HEADER.to_owned(),
        directory("a"),
        file("a/b", ""),
        symlink_to("c", &outside.display().to_string()),
        end(3, 1),
    ];
    let wish = Wish { existing: DELTA, delete: true, ..scene.wish(Destination::Folder(&to)) };
    let restored = restore(&scene, &lines, wish);
    assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
    assert!(to.join("a/b").exists() && !to.join("a").is_symlink());
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // To where they were is below the paths of the set, whatever the index says.
    let paths = [scene.source()];
    let original =
        Wish { destination: Destination::Original(&paths), existing: Existing::Replace, ..wish };
    let restored = restore(&scene, &lines, Wish { delete: false, ..original });
    assert_eq!(restored.entries, 1);
    let told: Vec<_> = restored.problems.told.iter().map(|it| it.message.as_str()).collect();
    let refused =
        told.iter().filter(|it| it.contains("in none of the paths that may be written to"));
    assert_eq!(refused.count(), 3, "{told:?}");
    assert!(!Path::new("/a").exists() && !Path::new("/c").is_symlink());
    let bad = HEADER.replace("/srv/uploads", "/../../outside");
    let error = {
        let index = local::snapshot_folder(&scene.root(), "uploads", &Scene::id(1))
            .join(seawall::media_backup::INDEX);
        fs::write(index, compressed(&[bad, end(0, 0)])).unwrap();
        scene.restore_as(1, wish).unwrap_err().to_string()
    };
    assert_eq!(
        error,
        "line 1 of the index: paths: expected a path without '.' and '..', found \"../../outside\""
    );
}
