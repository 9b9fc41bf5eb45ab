//! The second table of `docs/exit-statuses.md`: its rows, and the outcomes that need no server. Those that do
//! are tested in `base_backups`.

use std::fs;

use seawall::command;

use super::{read, root};
use crate::listing::laid::{Laid, OLD, described, object};
use crate::support::run::{Outcome, Run};

const FILE: &str = "docs/exit-statuses.md";
const ONE: &str = "20200105T030000Z-0001";
const TWO: &str = "20200106T030000Z-0002";
const QUICKLY: [&str; 3] =
    ["--limits-connect-timeout=500ms", "--limits-total-timeout=6s", "--limits-attempts=1"];

/// Verb, what happened, status.
type Row = (String, String, u8);

fn rows() -> Vec<Row> {
    let row = |line: &str| -> Option<Row> {
        let cells: Vec<&str> =
            line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let [verb, what, status] = cells[..] else { return None };
        let verb = verb.strip_prefix('`')?.strip_suffix('`')?;
        Some((verb.to_owned(), what.to_owned(), status.parse().ok()?))
    };
    read(FILE).lines().filter_map(row).collect()
}

/// Panics unless the document gives the outcome this row.
#[track_caller]
fn documented(verb: &str, beginning: &str, outcome: &Outcome) {
    let row = rows().into_iter().find(|row| row.0 == verb && row.1.starts_with(beginning));
    let (_, what, status) = row.unwrap_or_else(|| panic!("{FILE}: no {verb}: {beginning}"));
    assert_eq!(outcome.status, Some(i32::from(status)), "{verb}: {what}: {outcome}");
}

fn laid_out(laid: &Laid, stores: &[&str]) {
    for store in stores {
        laid.backup(store, &described(ONE, 1, 2));
        laid.backup(store, &described(TWO, 1, 5));
        laid.wal(store, OLD, 1, 1..=8);
    }
}

#[test]
fn every_verb_is_one_and_every_status_is_known() {
    let programs = [command::basebackup::command(), command::media_backup::command()];
    let rows = rows();
    assert!(rows.len() > 20, "{FILE}: {} rows", rows.len());
    for (verb, what, status) in rows {
        assert!(programs.iter().any(|it| it.find_subcommand(&verb).is_some()), "{verb}");
        let known = |row: &str| row.starts_with(&format!("| {status} | "));
        assert!(read(FILE).lines().any(known), "{verb}: {what}: {status}");
    }
    assert!(root().join(FILE).is_file());
}

#[test]
fn what_is_there_and_whole() {
    let laid = Laid::with_folder();
    laid_out(&laid, &["disk"]);
    let data = laid.place.join("data");
    let restore = |more: &[&str]| laid.basebackup("restore").arg(&data).args(more).run();
    let too_late = restore(&["--target-lsn", "F/0", "--yes"]);
    documented("restore", "the target can't be reached", &too_late);
    // Its bytes are nothing but `x`, which is known before the first hook and by the plan alone.
    for words in [&["--yes"][..], &["--dry-run"], &["--yes", "--before", "exit 3"]] {
        documented("restore", "the backup is damaged", &restore(words));
    }
    fs::create_dir_all(data.join("base")).expect("our own folder");
    documented("restore", "the directory is not empty", &restore(&["--yes"]));
    documented("verify", "something stored", &laid.basebackup("verify").run());
    documented("show", "no base backup has this id", &laid.basebackup("show").arg("2021").run());
    documented("show", "no base backup has this id", &laid.basebackup("show").arg("2020").run());
    laid.basebackup("pin").arg(ONE).run().expect(0);
    let prune = laid.basebackup("prune").args(["--retention-keep-monthly=0", "--yes"]).run();
    documented("prune", "something stays", &prune);
    assert!(prune.stdout.contains(" pinned"), "{prune}");
}

#[test]
fn what_is_missing_or_damaged() {
    let mut laid = Laid::with_folder_and_bucket();
    ["disk", "s3"].iter().for_each(|store| laid.wal(store, OLD, 1, 1..=1));
    documented("verify", "there is nothing", &laid.basebackup("verify").run());
    laid_out(&laid, &["disk", "s3"]);
    laid.store("disk").damage(&object(&described(TWO, 1, 5), "backup.json"), |it| it.truncate(99));
    documented("list", "a description", &laid.list().run());
    documented("prune", "a description", &laid.basebackup("prune").arg("--yes").run());
    laid.backup("disk", &described(TWO, 1, 5));
    laid.stop("s3");
    documented("list", "a repository did not answer", &laid.list().args(QUICKLY).run());
    let prune = laid.basebackup("prune").arg("--yes").args(QUICKLY).run();
    documented("prune", "a repository did not answer", &prune);
    let pin = laid.basebackup("pin").arg(TWO).args(QUICKLY).run();
    documented("pin", "a repository did not answer", &pin);
    laid.backup("disk", &described("21000101T030000Z-0009", 1, 7));
    laid.date("disk");
    let prune = |run: Run| run.args(["--repository", "disk", "--yes"]).run();
    documented("prune", "a base backup ended later", &prune(laid.basebackup("prune")));
    let nowhere = format!("host={}", laid.place.join("nowhere").display());
    let create = laid.basebackup("create").args(["--postgres-connection", &nowhere]);
    documented("create", "the server can't be reached", &create.run());
}
