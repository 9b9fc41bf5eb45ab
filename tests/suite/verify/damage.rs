//! Each kind of damage to each kind of object, word by word: to one repository alone, seen quickly, and with
//! another repository that is whole.

mod list;
mod prune;
mod restore;

use sha2::{Digest, Sha256};

use super::{Side, Story, faults, lsn, segment_name};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    Deleted,
    Truncated,
    Flipped,
    Swapped,
}

use Damage::{Deleted, Flipped, Swapped, Truncated};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Object {
    Part,
    Manifest,
    Description,
    Segment,
    History,
}

const DAMAGES: [Damage; 4] = [Deleted, Truncated, Flipped, Swapped];
const OBJECTS: [Object; 5] =
    [Object::Part, Object::Manifest, Object::Description, Object::Segment, Object::History];

/// One cell of the matrix.
struct Case<'a> {
    story: &'a Story,
    side: &'a Side,
    object: Object,
    damage: Damage,
    /// What is damaged, and what it changes places with.
    keys: [String; 2],
    before: [Vec<u8>; 2],
}

impl<'a> Case<'a> {
    fn new(story: &'a Story, side: &'a Side, object: Object, damage: Damage) -> Self {
        let keys = match object {
            Object::Part => [story.part(0), story.part(1)],
            Object::Manifest => [story.manifest(0), story.manifest(1)],
            Object::Description => [story.description(0), story.description(1)],
            Object::Segment => [story.segment(story.between), story.segment(story.between + 1)],
            Object::History => [story.history(), story.segment(story.between)],
        };
        let before = [0, 1].map(|at| side.get(&keys[at]).expect("it is stored"));
        Case { story, side, object, damage, keys, before }
    }

    fn damaged(&self) -> Vec<u8> {
        let mut bytes = self.before[0].clone();
        match (self.damage, self.object) {
            (Truncated, Object::Description) => bytes.truncate(1),
            (Truncated, _) => bytes.truncate(bytes.len() / 2),
            // The checksum of its last frame, where it surely has one.
            (Flipped, Object::Segment | Object::History) => {
                *bytes.last_mut().expect("some bytes") ^= 1;
            }
            (Flipped, _) => bytes[0] ^= 1,
            (Deleted | Swapped, _) => unreachable!("no bytes change"),
        }
        bytes
    }

    fn inflict(&self) {
        match self.damage {
            Deleted => self.side.delete(&self.keys[0]),
            Swapped => {
                self.side.put(&self.keys[0], &self.before[1]);
                self.side.put(&self.keys[1], &self.before[0]);
            }
            Truncated | Flipped => self.side.put(&self.keys[0], &self.damaged()),
        }
    }

    fn mend(&self) {
        self.keys.iter().zip(&self.before).for_each(|(key, bytes)| self.side.put(key, bytes));
    }

    /// The lines of a repository alone.
    fn expected(&self) -> Vec<String> {
        let name = self.side.name;
        let [key, other] = &self.keys;
        let [id, second] = &self.story.backups;
        let lost = |id: &str| format!("base backup {id} can't be restored from repository {name}");
        let line =
            |key: &str, found: &str, spoils: &str| format!("{name}: {key}: {found}; {spoils}");
        let [length, others] = [0, 1].map(|at| self.before[at].len());
        let between = self.story.between;
        let beyond = |number: u64| {
            format!("no recovery beyond {} on timeline 1 from base backup {id}", lsn(number))
        };
        let timeline =
            format!("no recovery to timeline 2 from base backup {second} and 1 older one");
        let moved = |expected: &str, found: &str| {
            format!("expected the object of {expected}, found that of {found}")
        };
        let sizes = |expected: usize, found: &str| {
            format!("expected an object of {expected} bytes, found {found}")
        };
        let stored = "it can't be unpacked:";
        let checksum = "Restored data doesn't match checksum";
        match (self.object, self.damage) {
            (Object::Part | Object::Manifest, Deleted) => {
                vec![line(key, &format!("the object of {length} bytes is missing"), &lost(id))]
            }
            (Object::Part | Object::Manifest, Truncated) => {
                vec![line(key, &sizes(length, &(length / 2).to_string()), &lost(id))]
            }
            (Object::Part | Object::Manifest, Flipped) => {
                let sum = |bytes: &[u8]| -> String {
                    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
                };
                let (expected, found) = (sum(&self.before[0]), sum(&self.damaged()));
                let found = format!(
                    "expected an object with SHA-256 {expected}, found {found}; it can't be unpacked: Unknown \
                     frame descriptor"
                );
                vec![line(key, &found, &lost(id))]
            }
            (Object::Part | Object::Manifest, Swapped) => vec![
                line(key, &sizes(length, &others.to_string()), &lost(id)),
                line(other, &sizes(others, &length.to_string()), &lost(second)),
            ],
            (Object::Description, Deleted) => vec![format!(
                "not checked: base backup {id} in repository {name} is unfinished: being taken now, or cut short"
            )],
            (Object::Description, Truncated) => {
                let found = "expected a description of a backup: EOF while parsing an object at line 1 column 1";
                vec![line(key, found, &lost(id))]
            }
            (Object::Description, Flipped) => {
                let found = "expected a description of a backup: expected value at line 1 column 1";
                vec![line(key, found, &lost(id))]
            }
            (Object::Description, Swapped) => {
                let system = self.story.system;
                let found = |expected: &str, found: &str| {
                    format!(
                        "expected the description of {expected} of system {system}, found that of {found} of \
                         system {system}"
                    )
                };
                vec![
                    line(key, &found(id, second), &lost(id)),
                    line(other, &found(second, id), &lost(second)),
                ]
            }
            (Object::Segment, Deleted) => {
                let found = "a WAL segment is missing";
                vec![line(&segment_name(between), found, &beyond(between))]
            }
            (Object::Segment, Truncated) => {
                vec![line(key, &format!("{stored} incomplete frame"), &beyond(between))]
            }
            (Object::Segment, Flipped) => {
                vec![line(key, &format!("{stored} {checksum}"), &beyond(between))]
            }
            (Object::Segment, Swapped) => {
                let [one, two] = [between, between + 1].map(segment_name);
                vec![
                    line(key, &moved(&one, &two), &beyond(between)),
                    line(other, &moved(&two, &one), &beyond(between + 1)),
                ]
            }
            (Object::History, Deleted) => {
                let found = "the history of timeline 2, of which there is WAL, is missing";
                vec![line(key, found, &timeline)]
            }
            (Object::History, Truncated) => {
                let found = "expected a Seawall label, found an object that ends in its label";
                vec![line(key, found, &timeline)]
            }
            (Object::History, Flipped) => {
                vec![line(key, &format!("{stored} {checksum}"), &timeline)]
            }
            (Object::History, Swapped) => {
                let segment = segment_name(between);
                vec![
                    line(other, &moved(&segment, "00000002.history"), &beyond(between)),
                    line(key, &moved("00000002.history", &segment), &timeline),
                ]
            }
        }
    }

    /// Those of them that names, sizes and gaps show.
    fn quickly(&self) -> Vec<String> {
        let mut lines = self.expected();
        match (self.object, self.damage) {
            (Object::Part | Object::Manifest, Flipped) => lines.clear(),
            (Object::Segment, Truncated | Flipped | Swapped) => lines.clear(),
            (Object::History, Swapped) => drop(lines.remove(0)),
            _ => {}
        }
        lines
    }

    /// What is said when the other repository is whole.
    fn elsewhere(&self, other: &str) -> Vec<String> {
        let (key, id, name) = (&self.keys[0], &self.story.backups[0], self.side.name);
        let lines = match (self.object, self.damage) {
            (Object::Description, Deleted) => vec![format!(
                "{name}: {key}: the description beside 3 objects is missing; base backup {id} can't be \
                 restored from repository {name}"
            )],
            _ => self.expected(),
        };
        lines.into_iter().map(|line| format!("{line}; repository {other} has it")).collect()
    }

    #[track_caller]
    fn check(&self, other: &str) {
        self.inflict();
        let both = &self.story.both;
        let status = |lines: &[String]| {
            let faulty = lines.iter().any(|line| !line.starts_with("not checked: "));
            if faulty { 5 } else { 0 }
        };
        for (seawall, arguments, expected) in [
            (&self.side.seawall, &[][..], self.expected()),
            (&self.side.seawall, &["--quick"][..], self.quickly()),
            (both, &[][..], self.elsewhere(other)),
        ] {
            let outcome = self.story.verify(seawall, arguments);
            outcome.expect(status(&expected));
            let (object, damage) = (self.object, self.damage);
            assert_eq!(faults(&outcome), expected, "{damage:?} {object:?}: {outcome}");
        }
        self.mend();
    }
}

fn every_damage_is_said(damaged: usize) {
    let story = Story::new();
    let (side, other) = (&story.sides[damaged], story.sides[1 - damaged].name);
    for object in OBJECTS {
        for damage in DAMAGES {
            Case::new(&story, side, object, damage).check(other);
        }
    }
    story.verify(&story.both, &[]).expect(0);
}

#[test]
fn every_damage_in_a_folder_is_said() {
    every_damage_is_said(0);
}

#[test]
fn every_damage_in_a_bucket_is_said() {
    every_damage_is_said(1);
}
