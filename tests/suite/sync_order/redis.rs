//! Backups of a Redis into a folder, and files that are laid down for a server.

use std::path::Path;

use super::{kept, proven, survives, survives_when_named, traced};
use crate::redis_backups::{conf, folder, redis_backup};
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::trace::{Event, Trace};
use crate::support::user::hand_over;

#[test]
fn a_backup_and_a_restore_of_it_survive_a_power_cut() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let archive = [folder(&place, "archive")];
    let trace = traced(redis_backup(&server, &archive, "create"), &place);
    proven(&trace, Path::new(&archive[0]));
    survives_when_named(&trace, Path::new(&archive[0]), "backup.json");
    for appendonly in ["no", "yes"] {
        let settings = [("appendonly", appendonly)];
        let mut used = RedisServer::start(Program::usual(), &place, &settings);
        used.run(&["SET", "old", "data"]);
        used.save();
        used.kill();
        if appendonly == "no" {
            // Left from other settings: it is put aside.
            let left = used.folder.join("appendonlydir");
            std::fs::create_dir(&left).expect("our own folder");
            hand_over(&left);
        }
        let restore = redis_backup(&server, &archive, "restore").arg("--yes").arg("--conf");
        let restore = restore.arg(conf(&server, &used.folder, appendonly));
        let trace = traced(restore, &place);
        survives(&trace, &used.folder);
        by_its_plan(&trace, &used.folder);
    }
}

/// Nothing of the server's own changes before the plan is durable with all that it names; what the server reads
/// gets its name when it is durable itself; and the plan goes when all is done.
#[track_caller]
fn by_its_plan(trace: &Trace, dir: &Path) {
    let (staging, plan) = (dir.join("seawall-restore"), dir.join("seawall-restore/plan.json"));
    let (mut steps, mut gone) = (0, 0);
    let disk = trace.replay(|event, disk| match event {
        Event::Renamed { from, to } | Event::Linked { from, to } if to.starts_with(dir) => {
            if to.starts_with(&staging) {
                return;
            }
            steps += 1;
            assert!(disk.has(&plan), "{} comes before the plan", to.display());
            assert!(disk.has_content(from), "{} is not synced", to.display());
            kept(disk.at_risk(&staging));
            let manifest = to.extension().is_some_and(|ending| ending == "manifest");
            if manifest && from.starts_with(&staging) {
                kept(disk.at_risk(to.parent().expect("a folder")));
            }
        }
        Event::Removed(path) if *path == plan => {
            gone += 1;
            kept(disk.at_risk(dir));
        }
        Event::Removed(path) if path.starts_with(&staging) && steps > 0 => {
            assert!(!disk.has(&plan) && disk.has_removals(&staging), "the plan does not go first");
        }
        _ => {}
    });
    assert!(steps > 0 && gone == 1, "{steps} steps, and the plan goes {gone} times");
    assert!(disk.has_removals(dir), "{} may come back", staging.display());
}
