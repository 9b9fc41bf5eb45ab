//! `basebackup prune` while the newest base backup is damaged: the last good one stays, and in a repository
//! that can't be judged all does.

use super::{Case, DAMAGES, Damage, OBJECTS, Object, Story};
use super::{Deleted, Flipped, Swapped, Truncated};
use crate::archiving::commands::Seawall;
use crate::support::run::Outcome;
use crate::verify::{LIMIT, Side};

/// Only the newest good one is kept, and the WAL that it needs.
const NEWEST: [&str; 7] = [
    "--yes",
    "--retention-keep-within=0s",
    "--retention-keep-last=1",
    "--retention-keep-daily=0",
    "--retention-keep-weekly=0",
    "--retention-keep-monthly=0",
    "--retention-wal-window=0s",
];

/// What is left.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    /// The repository can't be judged.
    All,
    /// The older base backup alone: the newest one is none.
    Older,
    /// Both, because it is not known which of them is good.
    Both,
    /// The newest one alone: what is wrong with it only reading finds.
    Newest,
}

impl Case<'_> {
    /// The exit status, what is left, and why.
    fn pruned(&self) -> (i32, Left, String) {
        let name = self.side.name;
        let id = &self.story.backups[1];
        let line = |verb: &str, why: &str| format!("{verb} {name} {id} {why}");
        let object = self.keys[0].rsplit('/').next().expect("a name");
        let [length, other] = [0, 1].map(|at| self.before[at].len());
        let worthless =
            |fault: &str| (0, Left::Older, line("delete", &format!("can't be restored: {fault}")));
        match (self.object, self.damage) {
            (Object::Part | Object::Manifest, Deleted) => {
                worthless(&format!("{object} is missing"))
            }
            (Object::Part | Object::Manifest, Truncated) => {
                let half = length / 2;
                worthless(&format!("expected {object} with {length} bytes, found {half}"))
            }
            (Object::Part | Object::Manifest, Swapped) => {
                let why = format!(
                    "there is no good one in this repository; can't be restored: expected {object} with \
                     {length} bytes, found {other}"
                );
                (0, Left::Both, line("keep", &why))
            }
            (Object::Description, Deleted) => {
                let why = "unfinished, and begun within 1day: may still be running";
                (0, Left::Both, line("keep", why))
            }
            (Object::Description, _) => (5, Left::Both, "Nothing is to be deleted.".to_owned()),
            (Object::Segment, Deleted) => {
                let segment = object.split('.').next().expect("a name");
                worthless(&format!("WAL segment {segment} is missing"))
            }
            // Which timelines there are is not known for certain: their WAL stays.
            (Object::History, _) => {
                let status = if self.damage == Deleted { 0 } else { 5 };
                (status, Left::Newest, "from the newest base backup on".to_owned())
            }
            (Object::Part | Object::Manifest, Flipped) | (Object::Segment, _) => {
                (0, Left::Newest, line("keep", "the newest good one"))
            }
        }
    }
}

/// The newest base backup, or the first segment that it needs, is what is damaged.
fn newest<'a>(story: &'a Story, side: &'a Side, object: Object, damage: Damage) -> Case<'a> {
    let mut case = Case::new(story, side, object, damage);
    match object {
        Object::Part | Object::Manifest | Object::Description => {
            case.keys.swap(0, 1);
            case.before.swap(0, 1);
        }
        Object::Segment => {
            let description = side.get(&story.description(1)).expect("it is stored");
            let description: serde_json::Value =
                serde_json::from_slice(&description).expect("JSON");
            let start = description["start"]["lsn"].as_str().expect("an LSN");
            let (_, low) = start.split_once('/').expect("an LSN");
            let number = u64::from_str_radix(low, 16).expect("an LSN") >> 20;
            case.keys = [story.segment(number), story.segment(number + 1)];
            case.before = [0, 1].map(|at| side.get(&case.keys[at]).expect("it is stored"));
        }
        Object::History => {}
    }
    case
}

fn the_last_good_backup_stays(damaged: usize) {
    let story = Story::new();
    let side = &story.sides[damaged];
    let run = |seawall: &Seawall, verb: &str, options: &[&str]| -> Outcome {
        let run = seawall.base_backup_by_hand(verb).args(options);
        run.envs(story.sides[1].store.server().environment()).limit(LIMIT).run()
    };
    let keys = story.keys(side);
    let whole: Vec<(&String, Vec<u8>)> =
        keys.iter().map(|key| (key, side.get(key).expect("it is stored"))).collect();
    let mut wrong = String::new();
    for object in OBJECTS {
        for damage in DAMAGES {
            let case = newest(&story, side, object, damage);
            case.inflict();
            let before = story.keys(side);
            let outcome = run(&side.seawall, "prune", &NEWEST);
            let (status, expected, text) = case.pruned();
            let left = story.keys(side);
            let has = |backup: usize| {
                let folder = story.description(backup).replace("backup.json", "");
                left.iter().any(|key| key.starts_with(&folder))
            };
            let found = match (has(0), has(1)) {
                _ if left == before => Left::All,
                (true, true) => Left::Both,
                (true, false) => Left::Older,
                (_, newest) => {
                    assert!(newest, "nothing is left: {outcome}");
                    Left::Newest
                }
            };
            let same = found == expected || (expected == Left::Both && found == Left::All);
            let words: Vec<&str> = outcome.stdout.split_whitespace().collect();
            if outcome.status != Some(status) || !same || !words.join(" ").contains(&text) {
                wrong += &format!(
                    "{damage:?} {object:?}: expected {status} {expected:?} {text:?}, found {found:?}: {outcome}"
                );
            }
            case.mend();
            // What is kept can be restored: the older one with all the WAL behind it.
            let list = run(&side.seawall, "list", &[]);
            if expected == Left::Older && list.stdout.matches(" yes\n").count() != 1 {
                wrong += &format!("{damage:?} {object:?}: {list}");
            }
            whole.iter().for_each(|(key, bytes)| side.put(key, bytes));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn prune_keeps_the_last_good_backup_in_a_folder() {
    the_last_good_backup_stays(0);
}

#[test]
fn prune_keeps_the_last_good_backup_in_a_bucket() {
    the_last_good_backup_stays(1);
}
