//! `basebackup list` shows what names, sizes, descriptions and histories tell: what is damaged further inside
//! only reading it finds.

use super::{Case, DAMAGES, OBJECTS, Object, Story};
use super::{Deleted, Flipped, Swapped, Truncated};
use crate::verify::{LIMIT, Side, lsn, segment_name};

impl Case<'_> {
    /// The exit status, and texts that are on one of the outputs.
    fn listed(&self) -> (i32, Vec<String>) {
        let (name, [id, second]) = (self.side.name, &self.story.backups);
        let object = |key: &str| key.rsplit('/').next().expect("a name").to_owned();
        let [length, other] = [0, 1].map(|at| self.before[at].len());
        let [one, two] = [0, 1].map(|at| object(&self.keys[at]));
        let damaged = |id: &str, fault: &str| {
            vec![
                format!("{id} can't be restored: no repository has all of it\n"),
                format!("{id} is damaged in repository {name}: {fault}\n"),
            ]
        };
        let size = |object: &str, expected: usize, found: usize| {
            format!("expected {object} with {expected} bytes, found {found}")
        };
        let broken = |id: &str, reason: &str| {
            vec![
                format!("{id} in repository {name} can't be read: see the error\n"),
                format!(" ERROR could not read base backup {id} in repository {name}: {reason}"),
            ]
        };
        let description = "expected a description of a backup: ";
        match (self.object, self.damage) {
            (Object::Part | Object::Manifest, Deleted) => {
                (0, damaged(id, &format!("{one} is missing")))
            }
            (Object::Part | Object::Manifest, Truncated) => {
                (0, damaged(id, &size(&one, length, length / 2)))
            }
            (Object::Part | Object::Manifest, Swapped) => {
                let faults = [size(&one, length, other), size(&two, other, length)];
                (0, [damaged(id, &faults[0]), damaged(second, &faults[1])].concat())
            }
            (Object::Description, Deleted) => {
                let text = "1 unfinished base backup in repository";
                (0, vec![format!("{text} {name}: being taken now, or cut short\n")])
            }
            (Object::Description, Truncated) => (5, broken(id, description)),
            (Object::Description, Flipped) => (5, broken(id, description)),
            (Object::Description, Swapped) => {
                let found = "expected the description of ";
                (5, [broken(id, found), broken(second, found)].concat())
            }
            (Object::Segment, Deleted) => {
                let between = self.story.between;
                let gap = format!("gap: 1 segment missing, {}\n", segment_name(between));
                (0, vec![lsn(between), gap])
            }
            (Object::History, Deleted) => {
                let text = "what leads to timeline 2 is not known: ";
                (0, vec![text.to_owned()])
            }
            (Object::History, _) => {
                let text =
                    format!(" ERROR could not fetch 00000002.history from repository {name}: ");
                (5, vec![text])
            }
            (Object::Part | Object::Manifest | Object::Segment, _) => (0, vec![]),
        }
    }
}

fn every_damage_is_shown(damaged: usize) {
    let story = Story::new();
    let side: &Side = &story.sides[damaged];
    let list = |seawall| {
        let run = crate::archiving::commands::Seawall::base_backup_by_hand(seawall, "list");
        run.envs(story.sides[1].store.server().environment()).limit(LIMIT).run()
    };
    let mut wrong = String::new();
    for object in OBJECTS {
        for damage in DAMAGES {
            let case = Case::new(&story, side, object, damage);
            case.inflict();
            let alone = list(&side.seawall);
            let (status, texts) = case.listed();
            let said =
                |text: &&String| !alone.stdout.contains(*text) && !alone.stderr.contains(*text);
            if alone.status != Some(status) || texts.iter().any(|text| said(&text)) {
                wrong += &format!("{damage:?} {object:?}: expected {status} {texts:#?}: {alone}");
            }
            // Both can be restored, as far as can be seen, whatever one of the repositories lost.
            let both = list(&story.both);
            // A history is read from the next repository.
            let of_both = if object == Object::History { 0 } else { status };
            if both.stdout.matches(" yes\n").count() != 2 || both.status != Some(of_both) {
                wrong += &format!("{damage:?} {object:?}, with both: {both}");
            }
            case.mend();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn list_shows_damage_in_a_folder() {
    every_damage_is_shown(0);
}

#[test]
fn list_shows_damage_in_a_bucket() {
    every_damage_is_shown(1);
}
