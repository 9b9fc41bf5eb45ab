//! Killed anywhere: no half snapshot counts, the next one is whole, and what was left is collected.

use std::path::PathBuf;

use super::pruning::{deletion, prune_again, prune_in, three};
use super::scene::{ALL, Opened, S3, Scene, take};
use crate::media::trees::{facts, same};
use crate::support::run::{Outcome, Run};

const ROLE: &str = "SEAWALL_TEST_PACKED_ROLE";

/// Where a snapshot may be cut short.
pub const TAKING: [&str; 11] = [
    "packed.begun",
    "packed.pack-begun",
    "packed.member-kept",
    "packed.member-kept:3",
    "packed.pack-stored",
    "packed.packs-stored",
    "packed.contents-stored",
    "packed.index-stored",
    "packed.looked-again",
    "packed.described",
    "packed.state-stored",
];

/// Where a prune may be.
const PRUNING: [&str; 6] = [
    "prune.before-delete",
    "prune.deleted",
    "prune.before-delete:1",
    "prune.deleted:1",
    "prune.deleted:2",
    "prune.before-delete:4",
];

/// Not a test: what the process does that is killed.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let [what, place, id] = &role.split('|').collect::<Vec<_>>()[..] else { panic!("{role}") };
    let place = PathBuf::from(place);
    let opened = Opened::in_place(&place);
    if *what == "take" {
        let state = place.join("state");
        let identities = &opened.identities;
        take(&opened.repositories, &opened.set, id, identities, Some(&state)).unwrap();
    } else {
        prune_in(&opened.repositories, &opened.config, &[deletion(id)]);
    }
}

fn run(scene: &Scene, what: &str, id: &str, failpoint: &str) -> Run {
    let program = std::env::current_exe().unwrap();
    let run = Run::new(&scene.place, program.to_str().unwrap());
    let args = ["--exact", "media_packed::crashes::child", "--nocapture", "--test-threads=1"];
    let role = format!("{what}|{}|{id}", scene.place.path().display());
    let run = run.args(args).env(ROLE, role);
    if failpoint.is_empty() { run } else { run.env("SEAWALL_FAILPOINT", failpoint) }
}

#[track_caller]
fn dies(outcome: &Outcome, failpoint: &str) {
    assert_eq!(outcome.signal, Some(9), "{failpoint}: {outcome}");
}

#[test]
fn a_snapshot_that_is_cut_short_does_not_count() {
    let mut scene = Scene::new(S3, true);
    scene.state = Some(scene.place.join("state"));
    for number in 0..10 {
        scene.write(&format!("{number}"), format!("content {number}"));
    }
    scene.take();
    for (number, failpoint) in (50..).zip(TAKING) {
        for file in 0..9 {
            scene.write(&format!("{failpoint}/{file}"), format!("{failpoint} {file}"));
        }
        let expected = facts(&scene.source());
        let id = Scene::id(number);
        dies(&run(&scene, "take", &id, failpoint).run(), failpoint);
        let described = scene.store().get(&format!("{ALL}{id}/backup.json")).is_some();
        let last = ["packed.described", "packed.state-stored"].contains(&failpoint);
        assert_eq!(described, last, "{failpoint}");
        if described {
            let to = scene.place.join(format!("described-{number}"));
            scene.restore(number, &to);
            same(&expected, &facts(&scene.restored(&to)));
        }
        let next = scene.take();
        assert_eq!(next.problems.failures, 0);
        let (id, _) = &next.descriptions[0];
        assert_eq!(id, "first");
        let number: usize = next.descriptions[0].1.id[13..15].parse().unwrap();
        assert_eq!(scene.verify(number).problems.failures, 0, "{failpoint}");
        let to = scene.place.join(format!("to-{number}"));
        scene.restore(number, &to);
        same(&expected, &facts(&scene.restored(&to)));
    }
    // What nobody needs goes once it is old enough.
    let (_, pruned) = prune_again(&scene);
    assert!(pruned.errors.is_empty() && pruned.deleted > 9, "{pruned:?}");
    assert_eq!(scene.verify(2).problems.failures, 0);
    assert_eq!(prune_again(&scene).1.deleted, 0);
}

#[test]
fn a_prune_that_is_cut_short_is_finished_by_the_next() {
    for failpoint in PRUNING {
        let mut scene = Scene::new(S3, false);
        three(&mut scene);
        dies(&run(&scene, "prune", &Scene::id(2), failpoint).run(), failpoint);
        assert_eq!(scene.verify(3).problems.failures, 0, "{failpoint}");
        assert_eq!(scene.verify(1).problems.failures, 0, "{failpoint}");
        run(&scene, "prune", &Scene::id(2), "").run().expect(0);
        prune_again(&scene);
        let left = scene.store().keys();
        let second = format!("{ALL}{}/", Scene::id(2));
        assert!(!left.iter().any(|key| key.starts_with(&second)), "{failpoint}: {left:?}");
        assert_eq!(scene.verify(3).problems.failures, 0, "{failpoint}");
    }
}
