//! What differs between two snapshots (`diff`), and one file of one (`cat`): proved, out of whichever repository has it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Value, json};

use super::story::Story;
use crate::support::postgres::shell_word;
use crate::support::run::{Outcome, Run};
use crate::support::user::hand_over;

/// Two snapshots with each kind of change between them.
fn changed() -> (Story, [String; 2]) {
    let story = Story::with_files(5);
    symlink("0.jpg", story.source.join("link")).unwrap();
    story.run(&["create"]).run().expect(0);
    story.write("0.jpg", "another picture");
    fs::remove_file(story.source.join("1.jpg")).unwrap();
    fs::remove_file(story.source.join("2.jpg")).unwrap();
    fs::create_dir(story.source.join("2.jpg")).unwrap();
    hand_over(&story.source.join("2.jpg"));
    fs::set_permissions(story.source.join("3.jpg"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(story.source.join("link")).unwrap();
    symlink("4.jpg", story.source.join("link")).unwrap();
    story.write("new.jpg", "new");
    story.run(&["create"]).run().expect(0);
    let ids = [0, 1].map(|at| story.listed()[at]["id"].as_str().unwrap().to_owned());
    (story, ids)
}

#[test]
fn two_snapshots_are_compared() {
    let (story, ids) = changed();
    let source = story.source.to_str().unwrap();
    for repository in ["local", "s3"] {
        let diff =
            |words: &[&str]| story.run(&["diff", "--repository", repository]).args(words).run();
        let shown = diff(&[&ids[0], "latest"]);
        let lines: Vec<String> =
            shown.expect(0).stdout.lines().map(|line| line.replace(source, "")).collect();
        assert!(lines[0].starts_with(&format!("from {}, of 20", ids[0])), "{shown}");
        assert!(lines[1].starts_with(&format!("to   {}, of 20", ids[1])), "{shown}");
        let expected = [
            "M       15 B  /0.jpg (was 9 B)",
            "-        9 B  /1.jpg",
            "T             /2.jpg/ (file -> directory)",
            "M             /link (0.jpg -> 4.jpg)",
            "+        3 B  /new.jpg",
            "1 added (3 B), 1 removed (9 B), 3 changed (18 B before, 15 B after)",
        ];
        assert_eq!(lines[2..], expected);
        // What the newest has changed; what changed since one; nothing.
        assert_eq!(diff(&[]).expect(0).stdout, shown.stdout);
        assert_eq!(diff(&[&ids[0]]).expect(0).stdout, shown.stdout);
        let nothing = diff(&[&ids[1], &ids[1]]);
        nothing
            .expect(0)
            .shows("0 added (0 B), 0 removed (0 B), 0 changed (0 B before, 0 B after)\n");
        assert_eq!(nothing.stdout.lines().count(), 3, "{nothing}");

        let with_mode = diff(&["--metadata"]);
        with_mode.expect(0).shows("/3.jpg (mode 0644 -> 0600").shows(" with other metadata\n");
        let part = diff(&["--path", &format!("{source}/new.jpg")]);
        assert_eq!(part.expect(0).stdout.lines().count(), 4, "{part}");

        let json = diff(&["--json"]);
        let rows: Vec<Value> =
            json.expect(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows[0], json!({ "version": 1, "before": ids[0], "after": ids[1] }));
        assert_eq!(
            (&rows[1]["change"], &rows[1]["before"]["size"]),
            (&json!("content"), &json!(9))
        );
        assert_eq!((&rows[2]["change"], &rows[2]["after"]), (&json!("removed"), &Value::Null));
        let end = &rows[6]["end"];
        assert_eq!(end["added"], json!({ "entries": 1, "files": 1, "before": 0, "after": 3 }));
    }
    story
        .run(&["diff", "latest", "1999"])
        .run()
        .expect(2)
        .says("there is no snapshot with an id that begins with \"1999\". HINT: The nearest are ");
    story.run(&["diff", "--path", "/x", "--repository", "s3", &ids[0], &ids[0]]).run().expect(0);
}

#[test]
fn a_first_snapshot_has_none_before_it() {
    let story = Story::with_files(1);
    story.run(&["create"]).run().expect(0);
    story.run(&["diff"]).run().expect(2).says("there is no whole snapshot before 20");
}

fn cat(story: &Story, repository: Option<&str>, id: &str, path: &Path) -> Outcome {
    let run = story.run(&["cat", id]).arg(path);
    let words = repository.map(|name| ["--repository", name]);
    run.args(words.into_iter().flatten()).run()
}

#[test]
fn a_file_comes_out_of_any_snapshot() {
    let (story, ids) = changed();
    let (path, long) = (story.source.join("0.jpg"), "0123456789abcdef\n".repeat(1 << 20));
    story.write("long", &long);
    story.run(&["create"]).run().expect(0);
    for repository in ["local", "s3"] {
        let cat =
            |id: &str, name: &str| cat(&story, Some(repository), id, &story.source.join(name));
        assert_eq!(cat(&ids[0], "0.jpg").expect(0).stdout, "picture 0");
        assert_eq!(cat("latest", "0.jpg").expect(0).stdout, "another picture");
        assert!(cat("latest", "long").expect(0).stdout == long, "a content that is not held");
        cat(&ids[0], "new.jpg").expect(2).says("has nothing at /").says("HINT: Paths are those");
        cat("latest", "2.jpg").expect(2).says("found the folder /").says("--path PATH --to DIREC");
        cat("latest", "link").expect(2).says("a link to 4.jpg. HINT: Ask for the file that");
        cat("1999", "0.jpg").expect(2).says("HINT: The nearest are 20");
    }
    cat(&story, None, "latest", Path::new("/")).expect(2).says("HINT: Paths are those");
    // Without its key an encrypted one says so.
    let text = fs::read_to_string(&story.config).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("identity_file"));
    fs::write(&story.config, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let blind = cat(&story, Some("s3"), "latest", &path);
    blind.expect(3).says("it is encrypted and there is no identity file");
}

/// The other repository gives what one has damaged. Where none can, nothing that is short is written, and all is said.
#[test]
fn a_damaged_file_is_never_handed_over_as_if_it_were_whole() {
    let story = Story::with_files(2);
    let long = "0123456789abcdef\n".repeat(1 << 20);
    story.write("long", &long);
    story.run(&["create"]).run().expect(0);
    let id = story.listed()[0]["id"].as_str().unwrap().to_owned();
    let tree = story.below(&story.place.join("archive/media/uploads").join(&id).join("tree"));
    let damage = |name: &str| {
        let mut bytes = fs::read(tree.join(name)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(tree.join(name), bytes).unwrap();
    };
    damage("0.jpg");
    let path = story.source.join("0.jpg");
    let healed = cat(&story, None, "latest", &path);
    healed.expect(0).says("going on with repository s3: could not read /");
    assert_eq!(healed.stdout, "picture 0");
    let alone = cat(&story, Some("local"), "latest", &path);
    alone.expect(5).says("expected content with BLAKE3 ");
    assert_eq!(alone.stdout, "");

    damage("long");
    let alone = cat(&story, Some("local"), "latest", &story.source.join("long"));
    alone.expect(5).says("expected content with BLAKE3 ");
    alone.says("HINT: What was written is not the file that was stored. Throw it away.");
    // One that ends too early is finished by the other, which has the same beginning.
    let file = fs::OpenOptions::new().write(true).open(tree.join("long")).unwrap();
    file.set_len(10 << 20).unwrap();
    let healed = cat(&story, None, "latest", &story.source.join("long"));
    healed.expect(0).says("going on with repository s3: could not read /");
    assert!(healed.stdout == long, "{} bytes", healed.stdout.len());
}

/// Bytes that are no text are for a file or a pipe.
#[test]
fn a_terminal_gets_text_only() {
    let story = Story::with_files(2);
    fs::write(story.source.join("1.jpg"), b"\x1b[2Jnot a picture").unwrap();
    story.run(&["create"]).run().expect(0);
    for (name, status) in [("0.jpg", 0), ("1.jpg", 2)] {
        let path = shell_word(&story.source.join(name));
        let program = shell_word(env!("CARGO_BIN_EXE_media-backup").as_ref());
        let typed = format!("{program} cat latest {path} --config {}", shell_word(&story.config));
        let run = Run::new(&story.place, "script").env("NO_COLOR", "1");
        let outcome = run.envs(story.s3.environment()).args(["-qefc", &typed, "/dev/null"]).run();
        outcome.expect(status);
        assert!(!outcome.stdout.contains("\u{1b}[2J"), "{outcome}");
        let said = if status == 0 { "picture 0" } else { "HINT: Add `> FILE`, or `| less`" };
        outcome.shows(said);
    }
}
