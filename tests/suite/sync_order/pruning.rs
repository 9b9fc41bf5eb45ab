//! Deleting: of two objects that go one after the other, the second is never gone while the first is back.

use std::path::{Path, PathBuf};

use super::traced;
use crate::listing::laid::Laid;
use crate::retention::{MONTHLY, lay_out};
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::trace::{Event, Trace};

#[test]
fn each_object_is_durably_gone_before_the_next() {
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    let prune = laid.basebackup("prune").args(MONTHLY).arg("--yes");
    let trace = traced(prune, &laid.place);
    let removed = in_order(&trace, laid.store("disk").folder());
    assert!(removed.len() > 8, "{removed:?}");
}

/// The files that were removed below a root. Temporary ones are nobody's.
#[track_caller]
fn in_order(trace: &Trace, root: &Path) -> Vec<PathBuf> {
    let mut removed: Vec<PathBuf> = Vec::new();
    let disk = trace.replay(|event, disk| {
        let Event::Removed(path) = event else { return };
        let is_object = path.extension().is_some_and(|ending| ending == "json" || ending == "zst");
        if path.starts_with(root) && is_object {
            if let Some(last) = removed.last() {
                let folder = last.parent().expect("a folder");
                assert!(disk.has_removals(folder), "{} may be back", last.display());
            }
            removed.push(path.clone());
        }
    });
    for path in &removed {
        assert!(
            disk.has_removals(path.parent().expect("a folder")),
            "{} may be back",
            path.display()
        );
    }
    removed
}

/// Where a tree goes, its description goes first.
#[test]
fn a_tree_is_durably_not_described_before_it_is_cleared() {
    let place = Place::new();
    let source = place.folder("uploads");
    let config = format!(
        "[[repository]]\nname = \"local\"\nurl = {:?}\n[media.uploads]\npaths = [{source:?}]\n\
         [media_backup]\nstate_directory = {:?}\n",
        place.folder("archive"),
        place.folder("state")
    );
    let config = place.file("seawall.toml", config);
    let run = |verb: &str| {
        let run = Run::new(&place, env!("CARGO_BIN_EXE_media-backup")).server_user();
        run.arg(verb).arg("--config").arg(&config)
    };
    for content in ["one", "two"] {
        place.file("uploads/file", content);
        run("create").run().expect(0);
        std::thread::sleep(std::time::Duration::from_millis(1100));
    }
    let none = ["within=0s", "last=0", "daily=0", "weekly=0", "monthly=0"];
    let flags = none.map(|flag| format!("--media-backup-keep-{flag}"));
    let trace = traced(run("prune").args(flags).arg("--yes"), &place);
    let mut described: Option<PathBuf> = None;
    let mut cleared = 0;
    trace.replay(|event, disk| match event {
        Event::Removed(path) if path.ends_with("backup.json") => {
            described = path.parent().map(Path::to_owned);
        }
        Event::Removed(path) => {
            if let Some(folder) = described.as_ref().filter(|folder| path.starts_with(folder)) {
                let first = cleared == 0;
                cleared += 1;
                assert!(!first || disk.has_removals(folder), "{} goes too early", path.display());
            }
        }
        _ => {}
    });
    assert!(cleared > 2, "{cleared} things were removed");
}
