//! `basebackup restore` of a damaged base backup: alone it fails and leaves nothing that starts; with another
//! repository it falls over to that, and says so.

use std::fs;
use std::path::PathBuf;

use super::{Case, DAMAGES, OBJECTS, Object, Story};
use super::{Deleted, Flipped, Swapped, Truncated};
use crate::archiving::commands::Seawall;
use crate::support::postgres::{NEWEST, Server};
use crate::support::run::Outcome;
use crate::verify::{LIMIT, segment_name};

/// What comes of a restore from the damaged repository alone.
enum Alone {
    /// It fails with this exit status, and says this.
    Fails(i32, String),
    /// The files are sound; the server stops at the WAL, with this in its log.
    Stops(String),
}

impl Case<'_> {
    fn alone(&self) -> Alone {
        let (name, key) = (self.side.name, &self.keys[0]);
        let [id, _] = &self.story.backups;
        let between = self.story.between;
        let unread = format!(
            "could not restore from repository {name}: could not read {key}: expected an object with SHA-256 "
        );
        let worthless = format!(
            "base backup {id} can't be restored: no repository has all of it. HINT: \
             `basebackup list` shows which ones can be.\n"
        );
        let none = format!("there is no base backup {id}. HINT: ");
        let lost = format!("{id}: timeline 2 can't be reached from it without a gap. HINT: ");
        let stops = format!("could not fetch {} from repository {name}: ", segment_name(between));
        match (self.object, self.damage) {
            (Object::Part | Object::Manifest, Flipped) => Alone::Fails(5, unread),
            (Object::Part | Object::Manifest, _) => Alone::Fails(5, worthless),
            (Object::Description, Swapped) => {
                Alone::Fails(11, "there is no base backup. HINT: ".to_owned())
            }
            (Object::Description, _) => Alone::Fails(2, none),
            (Object::History, _) => Alone::Fails(11, lost),
            (Object::Segment, Deleted) => {
                Alone::Stops(format!("{} is in no repository, but ", segment_name(between)))
            }
            (Object::Segment, _) => Alone::Stops(stops),
        }
    }

    /// The warnings of a restore that has another repository.
    fn with_both(&self) -> Vec<String> {
        let (name, key) = (self.side.name, &self.keys[0]);
        let [id, second] = &self.story.backups;
        let [object, other] =
            [0, 1].map(|at| self.keys[at].rsplit('/').next().expect("a name").to_owned());
        let [length, others] = [0, 1].map(|at| self.before[at].len());
        let damaged =
            |id: &str, fault: &str| format!("{id} is damaged in repository {name}: {fault}");
        let size = |object: &str, expected: usize, found: usize| {
            format!("expected {object} with {expected} bytes, found {found}")
        };
        let broken =
            |id: &str| format!("could not read base backup {id} in repository {name}: expected ");
        match (self.object, self.damage) {
            (Object::Part | Object::Manifest, Deleted) => {
                vec![damaged(id, &format!("{object} is missing"))]
            }
            (Object::Part | Object::Manifest, Truncated) => {
                vec![damaged(id, &size(&object, length, length / 2))]
            }
            (Object::Part | Object::Manifest, Swapped) => vec![
                damaged(id, &size(&object, length, others)),
                damaged(second, &size(&other, others, length)),
            ],
            (Object::Part | Object::Manifest, Flipped) => vec![format!(
                "going on with repository s3: could not restore from repository {name}: could not read {key}: \
                 expected an object with SHA-256 "
            )],
            (Object::Description, Deleted) => {
                vec![format!("{id} is unfinished in repository {name}: it has no backup.json")]
            }
            (Object::Description, Swapped) => vec![broken(id), broken(second)],
            (Object::Description, _) => vec![broken(id)],
            // WAL and histories are read from the next repository, one by one.
            (Object::Segment | Object::History, _) => vec![],
        }
    }
}

/// Where it is restored to.
struct Target<'a> {
    story: &'a Story,
    oid: u64,
    data: PathBuf,
    far: PathBuf,
}

impl<'a> Target<'a> {
    fn new(story: &'a Story) -> Target<'a> {
        let description = story.sides[0].get(&story.description(0)).expect("it is stored");
        let description: serde_json::Value = serde_json::from_slice(&description).expect("JSON");
        let oid = description["tablespaces"][0]["oid"].as_u64().expect("a tablespace");
        Target { story, oid, data: story.place.join("restored"), far: story.place.join("far") }
    }

    fn restore(&self, seawall: &Seawall) -> Outcome {
        for folder in [&self.data, &self.far] {
            let _ = fs::remove_dir_all(folder);
        }
        let tablespace = format!("{}={}", self.oid, self.far.display());
        let run =
            seawall.base_backup_by_hand("restore").arg(&self.data).args(["--yes", "--tablespace"]);
        let run = run.arg(tablespace).args(["--backup", &self.story.backups[0]]);
        run.envs(self.story.sides[1].store.server().environment()).limit(LIMIT).run()
    }

    fn server(&self) -> Server {
        let builder = Server::builder(&self.story.place).version(NEWEST);
        builder.envs(self.story.sides[1].store.server().environment()).over(self.data.clone())
    }

    /// A server recovers to timeline 2, with all rows.
    #[track_caller]
    fn is_back(&self) {
        let mut server = self.server();
        server.start();
        server.wait_promoted(LIMIT);
        assert_eq!(server.sql("select count(*) from t"), "1000");
        assert_eq!(server.sql("select timeline_id from pg_control_checkpoint()"), "3");
        server.kill_nine();
        server.lose_data();
    }
}

#[test]
fn restore_from_a_damaged_folder_fails_or_falls_over_to_the_bucket() {
    let story = Story::new();
    let side = &story.sides[0];
    let target = Target::new(&story);
    let mut wrong = String::new();
    for object in OBJECTS {
        for damage in DAMAGES {
            let case = Case::new(&story, side, object, damage);
            case.inflict();
            let outcome = target.restore(&side.seawall);
            match case.alone() {
                Alone::Fails(status, text) => {
                    if outcome.status != Some(status) || !outcome.stderr.contains(&text) {
                        wrong += &format!(
                            "{damage:?} {object:?}: expected {status} {text:?}: {outcome}"
                        );
                    }
                    if target.data.join("global/pg_control").exists() {
                        wrong += &format!("{damage:?} {object:?}: a server could start: {outcome}");
                    }
                }
                Alone::Stops(text) => {
                    let mut server = target.server();
                    let log = if outcome.status == Some(0) {
                        server.start_expecting_failure()
                    } else {
                        String::new()
                    };
                    if !log.contains(&text) {
                        wrong +=
                            &format!("{damage:?} {object:?}: expected {text:?}: {outcome} {log}");
                    }
                }
            }
            let outcome = target.restore(&story.both);
            let (found, expected) = (crate::scene::warnings(&outcome), case.with_both());
            let same = found.len() == expected.len()
                && found.iter().zip(&expected).all(|(found, expected)| found.starts_with(expected));
            if outcome.status != Some(0) || !same {
                wrong +=
                    &format!("{damage:?} {object:?}, with both: expected {expected:#?}: {outcome}");
            } else if matches!(object, Object::Segment | Object::History) || damage == Flipped {
                target.is_back();
            }
            case.mend();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
