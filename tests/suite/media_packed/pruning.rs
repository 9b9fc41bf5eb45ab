//! Deleting snapshots of which others need packs.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use seawall::backup::deleting::{Deletions, Pruned};
use seawall::backup::{Catalogue, PlanLine, PlanSubject, plan};
use seawall::config::{Config, KeepConfig};
use seawall::media_backup::SnapshotDescription;
use seawall::media_backup::packed::{References, carry_out, spare};
use seawall::repository::Repository;
use seawall::retention::RetentionVerdict;

use super::scene::{ALL, KINDS, S3, SET, Scene};
use crate::media::trees::{facts, same};

pub fn deletion(id: &str) -> PlanLine {
    PlanLine {
        repository: 0,
        id: id.to_owned(),
        what: PlanSubject::Backup,
        bytes: 0,
        verdict: RetentionVerdict::delete("a test says so"),
    }
}

fn prune(scene: &Scene, lines: &[PlanLine]) -> Pruned {
    prune_in(&scene.repositories, &scene.config, lines)
}

pub fn prune_in(repositories: &[Repository], config: &Config, lines: &[PlanLine]) -> Pruned {
    carry_out_in(repositories, lines, &config.redis.keep, Timestamp::now())
}

fn carry_out_in(
    repositories: &[Repository],
    lines: &[PlanLine],
    keep: &KeepConfig,
    now: Timestamp,
) -> Pruned {
    let mut deletions = Deletions::new(repositories);
    for number in 0..repositories.len() {
        let mine: Vec<&PlanLine> = lines.iter().filter(|it| it.repository == number).collect();
        deletions.within(number, |there| carry_out(there, ALL, &mine, keep, now));
    }
    deletions.end()
}

/// The plan of the next prune, and what it does.
pub fn prune_again(scene: &Scene) -> (Vec<PlanLine>, Pruned) {
    // When all that a snapshot may have under way is over.
    let now = Timestamp::now() + SignedDuration::from_hours(200 * 24);
    let series = Catalogue::<SnapshotDescription>::read(&scene.repositories, SET);
    assert_eq!(series.errors().count(), 0);
    let keep = KeepConfig { last: 100, ..scene.config.redis.keep };
    let mut lines = plan(&series, &keep, now).unwrap();
    let (references, there) = References::read(scene.repository(), ALL, now).unwrap();
    spare(&mut lines, 0, &references, &there);
    let pruned = carry_out_in(&scene.repositories, &lines, &keep, now);
    (lines, pruned)
}

pub fn three(scene: &mut Scene) {
    scene.write("stays", "stays");
    scene.write("goes", "goes");
    scene.take();
    std::fs::remove_file(scene.source().join("goes")).unwrap();
    scene.write("second", "second");
    scene.take();
    std::fs::remove_file(scene.source().join("second")).unwrap();
    scene.write("third", "third");
    scene.take();
}

#[test]
fn packs_that_others_need_stay_until_nobody_needs_them() {
    for (kind, encrypted) in KINDS {
        let mut scene = Scene::new(kind, encrypted);
        three(&mut scene);
        let pruned = prune(&scene, &[deletion(&Scene::id(1)), deletion(&Scene::id(2))]);
        assert!(pruned.errors.is_empty() && pruned.stayed.is_empty(), "{pruned:?}");
        let packs: BTreeSet<String> = scene.packs().into_iter().collect();
        let expected = [1, 3].map(|it| format!("{ALL}{}/data-00001.pack", Scene::id(it)));
        assert_eq!(packs, BTreeSet::from(expected));
        assert_eq!(scene.verify(3).problems.failures, 0);
        let to = scene.place.join("to");
        scene.restore(3, &to);
        same(&facts(&scene.source()), &facts(&scene.restored(&to)));
        // What is left of the first is not taken for leavings.
        let (lines, pruned) = prune_again(&scene);
        assert_eq!((pruned.deleted, pruned.errors.len()), (0, 0));
        let left: Vec<(&str, &str)> = lines
            .iter()
            .filter(|line| line.what == PlanSubject::Unfinished)
            .map(|line| (line.id.as_str(), line.verdict.reason.as_str()))
            .collect();
        let reason = "snapshots that are kept need objects of it";
        assert_eq!(left, [(Scene::id(1).as_str(), reason)]);
        // A pack beside it that nobody needs, left by a prune that could not go on, does not stay for it.
        let left = format!("{ALL}{}/data-00002.pack", Scene::id(1));
        scene.store().put(&left, b"left over");
        let (lines, pruned) = prune_again(&scene);
        let verdict = RetentionVerdict::delete("no snapshot needs 1 of its 2 objects");
        assert!(lines.iter().any(|it| it.verdict == verdict), "{lines:?}");
        assert_eq!((pruned.deleted, scene.store().get(&left)), (1, None));
        assert_eq!(scene.verify(3).problems.failures, 0);
        // Nothing of it is needed by the next, and then it goes.
        std::fs::remove_file(scene.source().join("stays")).unwrap();
        scene.take();
        let pruned = prune(&scene, &[deletion(&Scene::id(3))]);
        assert!(pruned.errors.is_empty(), "{pruned:?}");
        prune_again(&scene);
        let ids: BTreeSet<String> =
            scene.packs().iter().map(|key| key[ALL.len()..][..21].to_owned()).collect();
        assert_eq!(ids, BTreeSet::from([Scene::id(3)]));
        assert_eq!(scene.verify(4).problems.failures, 0);
    }
}

/// Whoever takes a snapshot says so first; as long as that may be, no pack goes.
#[test]
fn nothing_is_taken_away_from_a_snapshot_that_is_being_taken() {
    let mut scene = Scene::new(S3, false);
    three(&mut scene);
    let id = seawall::backup::new_id(Timestamp::now());
    scene.store().put(&format!("{ALL}{id}/begun.json"), b"{}");
    let packs = scene.packs();
    let pruned = prune(&scene, &[deletion(&Scene::id(2))]);
    assert_eq!(
        pruned.stayed,
        [format!(
            "packs of deleted snapshots stay: snapshot {id} is being taken (repository first)"
        )]
    );
    assert_eq!(scene.packs(), packs);
    // It came to an end.
    scene.store().delete(&format!("{ALL}{id}/begun.json"));
    prune_again(&scene);
    assert_eq!(scene.packs().len(), 2);
    assert_eq!(scene.verify(3).problems.failures, 0);
}

/// A description that can't be read may need anything.
#[test]
fn packs_stay_where_a_description_is_damaged() {
    let mut scene = Scene::new(S3, false);
    three(&mut scene);
    let packs = scene.packs();
    scene.store().damage(&format!("{ALL}{}/backup.json", Scene::id(3)), |bytes| bytes.truncate(9));
    let pruned = prune(&scene, &[deletion(&Scene::id(2))]);
    assert_eq!((scene.packs(), pruned.stayed.len()), (packs.clone(), 1), "{pruned:?}");
    // What was planted under the name of a time that is still to come needs nothing.
    let mut scene = Scene::new(S3, false);
    three(&mut scene);
    for name in ["x", "20990101T000000Z-0000"] {
        scene.store().put(&format!("{ALL}{name}/backup.json"), b"{");
    }
    let pruned = prune(&scene, &[deletion(&Scene::id(2))]);
    assert_eq!((scene.packs().len(), pruned.stayed.len()), (packs.len() - 1, 0), "{pruned:?}");
}

#[test]
fn a_pinned_snapshot_stays() {
    let mut scene = Scene::new(S3, false);
    three(&mut scene);
    scene.store().put(&format!("{ALL}{}/pin.json", Scene::id(2)), b"{}");
    let pruned = prune(&scene, &[deletion(&Scene::id(2))]);
    assert_eq!(
        pruned.stayed,
        [format!("{} was pinned meanwhile (repository first)", Scene::id(2))]
    );
    assert_eq!(scene.verify(2).problems.failures, 0);
}
