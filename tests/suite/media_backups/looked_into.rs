//! What is in a snapshot, and in which snapshots a file is: `ls` and `find`, of a tree and of encrypted packs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::story::Story;
use crate::support::postgres::shell_word;
use crate::support::run::{Outcome, Run};
use crate::support::user::hand_over;

/// A name that is no UTF-8, ends the line, clears the screen, and turns what is behind it around.
const UGLY: &[u8] = b"\xff\n\x1b[2J\xe2\x80\xae.jpg";
const UGLY_SHOWN: &str = "\\xff\\n\\u{1b}[2J\\u{202e}.jpg";

/// Two snapshots; in the second `0.jpg` is longer and `1.jpg` gone.
fn story() -> (Story, [String; 2]) {
    let story = Story::with_files(3);
    for folder in ["2026", "2026/b"] {
        fs::create_dir(story.source.join(folder)).unwrap();
        hand_over(&story.source.join(folder));
    }
    story.write("2026/a b.txt", "twelve bytes");
    story.write("2026/b/deep.JPG", "deep");
    story.write("[1].jpg", "brackets");
    let ugly = story.source.join("2026").join(OsStr::from_bytes(UGLY));
    fs::write(&ugly, "ugly").unwrap();
    hand_over(&ugly);
    story.run(&["create"]).run().expect(0);
    story.write("0.jpg", "another picture");
    fs::remove_file(story.source.join("1.jpg")).unwrap();
    story.run(&["create"]).run().expect(0);
    let ids = [0, 1].map(|at| story.listed()[at]["id"].as_str().unwrap().to_owned());
    (story, ids)
}

fn objects(outcome: &Outcome) -> Vec<Value> {
    let lines = outcome.expect(0).stdout.lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{outcome}"))).collect()
}

#[test]
fn a_snapshot_is_listed_from_a_tree_and_from_encrypted_packs() {
    let (story, ids) = story();
    let source = story.source.to_str().unwrap();
    for repository in ["local", "s3"] {
        let ls = |words: &[&str]| story.run(&["ls", "--repository", repository]).args(words).run();
        let names = |outcome: &Outcome| -> Vec<String> {
            let lines = outcome.expect(0).stdout.lines();
            lines.map(|line| line.strip_prefix(source).unwrap_or(line).to_owned()).collect()
        };
        let ugly = format!("/2026/{UGLY_SHOWN}");
        let all = ["/", "/0.jpg", "/2.jpg", "/2026/", "/2026/a b.txt", "/2026/b/"];
        let rest = ["/2026/b/deep.JPG", &ugly, "/[1].jpg"];
        assert_eq!(names(&ls(&[])), [&all[..], &rest].concat());
        // A folder, with and without an id, what is in it, and what is in that.
        let below = ["/2026/a b.txt", "/2026/b/", &ugly];
        let folder = format!("{source}/2026/");
        assert_eq!(names(&ls(&["latest", &folder])), below);
        assert_eq!(names(&ls(&[&folder])), below);
        assert_eq!(names(&ls(&["-R", "latest", &folder])).len(), 4);
        let one = format!("{source}/1.jpg");
        assert_eq!(names(&ls(&[&ids[0][..20], &one])), ["/1.jpg"]);
        // The way to a set is no entry of it, and leads there.
        assert!(names(&ls(&["latest", "/"])).iter().all(|name| name.ends_with('/')));
        // Patterns; what looks like one may be a name.
        assert_eq!(names(&ls(&["latest", "*.jpg"])), ["/0.jpg", "/2.jpg", &ugly, "/[1].jpg"]);
        assert_eq!(names(&ls(&["latest", "2026/*.txt"])), ["/2026/a b.txt"]);
        let brackets = format!("{source}/[1].jpg");
        assert_eq!(names(&ls(&["latest", &brackets])), ["/[1].jpg"]);

        let long = ls(&["--long", "latest", &format!("{folder}a b.txt")]);
        assert!(long.expect(0).stdout.starts_with("-rw"), "{long}");
        long.shows(" 12 B 20").shows("/2026/a b.txt\n");
        let json = objects(&ls(&["--json", "latest", &folder]));
        assert_eq!((&json[0]["version"], &json[0]["id"]), (&1.into(), &ids[1].as_str().into()));
        assert_eq!(json[1]["path"], folder[1..].to_owned() + "a b.txt");
        assert!(json[3]["path_base64"].is_string() && json[3]["path"].is_null(), "{json:?}");
        assert_eq!(json[4]["end"], serde_json::json!({ "entries": 3, "files": 2, "size": 16 }));
    }
    let wrong = story.run(&["ls", "latest", "/srv/nowhere"]).run();
    wrong
        .expect(2)
        .says("has nothing at /srv/nowhere. HINT: Paths are those that the files had, from / on")
        .says("`media-backup find NAME` looks into all snapshots.");
    story.run(&["ls", "1999"]).run().expect(2).says("HINT: The nearest are 20");
}

#[test]
fn a_file_is_found_in_all_snapshots() {
    let (story, ids) = story();
    let source = story.source.to_str().unwrap();
    for repository in ["local", "s3"] {
        let find =
            |words: &[&str]| story.run(&["find", "--repository", repository]).args(words).run();
        let found = find(&["[0-1].jpg"]);
        let lines: Vec<&str> = found.expect(0).stdout.lines().collect();
        // The newest first, and where a file was it is told how.
        assert!(lines[0].starts_with(&format!("{}, of 20", ids[1])), "{found}");
        assert!(lines[1].trim_start().starts_with("15 B  20"), "{found}");
        assert!(lines[1].ends_with(&format!("Z  {source}/0.jpg")), "{found}");
        assert!(lines[2].starts_with(&format!("{}, of 20", ids[0])), "{found}");
        assert!(lines[3].ends_with("/0.jpg") && lines[4].ends_with("/1.jpg"), "{found}");
        assert_eq!(lines[5..], ["3 matches in 2 of 2 snapshots"]);
        assert!(lines[0].len() < 80 && lines[5].len() < 80, "{found}");

        let count = |words: &[&str]| find(words).expect(0).stdout.lines().count();
        assert_eq!((count(&["2.jpg"]), count(&["2.jpg", "--versions"])), (5, 3));
        assert_eq!((count(&["0.jpg"]), count(&["0.jpg", "--versions"])), (5, 5));
        find(&["deep.jpg"]).expect(2).says("nothing of that name is in 2 snapshots. HINT: '*.jpg'");
        assert_eq!((count(&["deep.jpg", "-i"]), count(&["b/deep.JPG"])), (5, 5));
        assert_eq!(count(&[&format!("{source}/1.jpg")]), 3);
        assert_eq!((count(&["2026/"]), count(&["[1].jpg"])), (5, 6));
        find(&["a{b"]).expect(3).says("expected a pattern as in .gitignore, found \"a{b\"");
        let ugly = find(&["*[!a-z].jpg"]);
        ugly.expect(0).shows(&format!("/2026/{UGLY_SHOWN}\n"));
        let words = ["find", "--repository", repository];
        let by_name = story.run(&words).arg(OsStr::from_bytes(UGLY)).run();
        assert_eq!(by_name.expect(0).stdout.lines().count(), 5, "{by_name}");

        let json = objects(&find(&["1.jpg", "--json"]));
        let row = (&json[1]["snapshot"], &json[1]["size"], &json[1]["path"]);
        let path = format!("{source}/1.jpg");
        assert_eq!(row, (&ids[0].as_str().into(), &9.into(), &path[1..].into()));
        let end = serde_json::json!({ "matches": 1, "snapshots": 1, "of": 2, "errors": [] });
        assert_eq!((json.len(), &json[2]["end"]), (3, &end));
    }
}

/// A terminal gets no byte of a name that it would obey.
#[test]
fn no_name_reaches_a_terminal_raw() {
    let (story, ids) = story();
    let program = shell_word(env!("CARGO_BIN_EXE_media-backup").as_ref());
    let config = shell_word(&story.config);
    for verb in ["ls", "ls --long", "find '*'", "find '*' --long", "diff"] {
        let typed = format!("{program} {verb} --config {config}");
        let run = Run::new(&story.place, "script");
        let run = run.env("NO_COLOR", "1").envs(story.s3.environment());
        let outcome = run.args(["-qefc", &typed, "/dev/null"]).run();
        outcome.expect(0);
        let shown = outcome.stdout.replace("\r\n", "\n");
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\r']), "{verb}: {outcome}");
        assert!(verb == "diff" || shown.contains(UGLY_SHOWN), "{verb}: {outcome}");
        if verb.starts_with("ls") {
            let heading = format!("Snapshot {}, of 20", ids[1]);
            assert!(shown.lines().any(|line| line.starts_with(&heading)), "{outcome}");
        }
    }
}

/// What one repository can't give the other one does; a snapshot that none can give is said, and the others count.
#[test]
fn whichever_repository_can_be_read_is_enough() {
    let (story, ids) = story();
    let index =
        |id: &str| story.place.join("archive/media/uploads").join(id).join("index.jsonl.zst");
    let mut bytes = fs::read(index(&ids[1])).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(index(&ids[1]), bytes).unwrap();
    for (words, times) in [(&["ls", "latest"][..], 1), (&["find", "0.jpg"], 2)] {
        let outcome = story.run(words).run();
        outcome.expect(0).says("going on with repository s3: ");
        assert_eq!(outcome.stdout.matches("/0.jpg\n").count(), times, "{outcome}");
    }
    let alone = story.run(&["find", "0.jpg", "--repository", "local"]).run();
    alone
        .expect(5)
        .says(&format!("could not read what is in snapshot {} in repository local", ids[1]));
    alone.shows(&format!("{}, of 20", ids[0])).shows("1 match in 1 of 2 snapshots\n");
}

/// Whoever reads may leave early; a disk that is full is said.
#[test]
fn an_output_ends_as_it_should() {
    let (story, _) = story();
    let program = shell_word(env!("CARGO_BIN_EXE_media-backup").as_ref());
    let config = shell_word(&story.config);
    let path = shell_word(&story.source.join("0.jpg"));
    for verb in
        ["ls".to_owned(), "find '*'".to_owned(), "diff".to_owned(), format!("cat latest {path}")]
    {
        let run = |behind: &str| {
            let typed = format!("{program} {verb} --config {config} {behind}");
            let run = Run::new(&story.place, "bash");
            run.envs(story.s3.environment()).args(["-c", &typed]).run()
        };
        run("> /dev/full").expect(10).says("could not write to standard output: No space left");
        let left = run("| true; exit ${PIPESTATUS[0]}");
        left.expect(0);
        assert!(!left.stderr.contains("ERROR"), "{left}");
    }
}
