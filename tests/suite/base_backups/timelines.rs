//! Recovery before and after a timeline switch.

use std::path::PathBuf;

use super::base_backup;
use super::sound::{LIMIT, ids, recovered, restore};
use crate::archiving::commands::Seawall;
use crate::scene::error;
use crate::support::place::Place;
use crate::support::postgres::{Builder, NEWEST, OLDEST, Server};

/// A server of two lives. The first one has the rows `one` and `lost`; it was recovered to the moment
/// between these and then got `two` and `three`.
struct Story {
    place: Place,
    seawall: Seawall,
    version: u32,
    /// In the first life behind `one`, in the second behind `two`: place in the WAL and time.
    one: [String; 2],
    two: [String; 2],
}

impl Story {
    fn builder(&self) -> Builder {
        Server::builder(&self.place).version(self.version).segment_mib(1)
    }

    /// With the server in its second life, which runs.
    fn new(version: u32) -> (Story, Server) {
        let place = Place::with_odd_name();
        let seawall = Seawall::new(&place).local("archive");
        let [one, two] = [[const { String::new() }; 2], [const { String::new() }; 2]];
        let mut story = Story { place, seawall, version, one, two };
        let mut first = story.builder().archive_command(&story.seawall.push()).init();
        first.start();
        first.sql("create table t (word text)");
        base_backup(&story.seawall, &first, "create").run().expect(0);
        story.one = insert(&first, "one");
        insert(&first, "lost");
        first.wait_archived(&first.switch_wal(), LIMIT);
        first.kill_nine();
        first.lose_data();
        let data = story.place.join("second");
        restore(&story.seawall, &data, &["--archive", "--target-lsn", &story.one[0]]).expect(0);
        let mut second = story.builder().over(data);
        second.start();
        second.wait_promoted(LIMIT);
        assert_eq!(second.sql("show archive_mode"), "on");
        story.two = insert(&second, "two");
        insert(&second, "three");
        second.wait_archived(&second.switch_wal(), LIMIT);
        (story, second)
    }

    /// The folder that all recoveries go into, each over what the last one left.
    fn data(&self) -> PathBuf {
        self.place.join("data")
    }

    #[track_caller]
    fn brings(&self, words: &[&str], rows: &str) {
        restore(&self.seawall, &self.data(), &[words, &["--delta"]].concat()).expect(0);
        let server = recovered(self.builder().over(self.data()));
        let found = server.sql("select string_agg(word, ' ' order by ctid) from t");
        assert_eq!(found, rows, "{words:?}\n{}", server.log());
    }

    #[track_caller]
    fn refuses(&self, words: &[&str], reasons: &str) {
        let outcome = restore(&self.seawall, &self.place.join("nothing"), words);
        assert_eq!(
            error(outcome.expect(11)),
            format!(
                "could not restore into {:?}: no base backup reaches the target: {reasons}. HINT: `basebackup list` \
                 draws what can be recovered; choose a target inside a \
                 window.",
                self.place.join("nothing")
            )
        );
        assert!(!self.place.join("nothing").exists());
    }
}

/// Gives the place and the time behind it.
fn insert(server: &Server, word: &str) -> [String; 2] {
    server.sql(&format!("insert into t values ('{word}')"));
    let time = server.sql("select clock_timestamp()");
    let lsn = server.current_lsn();
    server.sql("select pg_sleep(0.05)");
    [lsn, time]
}

#[test]
fn each_life_comes_back_on_15() {
    each_life_comes_back(OLDEST);
}

#[test]
fn each_life_comes_back_on_18() {
    each_life_comes_back(NEWEST);
}

fn each_life_comes_back(version: u32) {
    let (story, mut server) = Story::new(version);
    let (all, first_life) = ("one two three", "one lost");
    // All from the backup of the first life.
    story.brings(&[], all);
    story.brings(&["--target-timeline=2"], all);
    story.brings(&["--target-timeline=1"], first_life);
    story.brings(&["--target-timeline=current"], first_life);
    story.brings(&["--target-timeline=1", "--target-time", &story.one[1]], "one");
    story.brings(&["--target-lsn", &story.two[0]], "one two");
    story.brings(&["--target-time", &story.two[1]], "one two");

    base_backup(&story.seawall, &server, "create").run().expect(0);
    insert(&server, "four");
    server.wait_archived(&server.switch_wal(), LIMIT);
    server.kill_nine();
    let archive = story.place.join("archive");
    let [one, two]: [String; 2] = ids(&archive).try_into().expect("two backups");
    let plan = |words: &[&str]| {
        let plan = restore(
            &story.seawall,
            &story.place.join("nothing"),
            &[words, &["--dry-run"]].concat(),
        );
        plan.expect(0).stdout.lines().next().unwrap_or_default().to_owned()
    };
    let from = |id: &str| format!("backup      {id} (seawall)");
    for words in [&[][..], &["--target-timeline=current"], &["--target-immediate"]] {
        assert_eq!(plan(words), from(&two), "{words:?}");
    }
    for words in [["--target-timeline=1", "--target-immediate"], ["--target-lsn", &story.two[0]]] {
        assert_eq!(plan(&words), from(&one), "{words:?}");
    }
    story.brings(&[], "one two three four");
    story.brings(&["--target-immediate"], all);
    story.brings(&["--target-timeline=1"], first_life);
    story.brings(&["--target-time", &story.two[1]], "one two");
    story.brings(&["--backup", &one], "one two three four");
    let reason = |id: &str, timeline| {
        format!("{id}: timeline {timeline} can't be reached from it without a gap")
    };
    story.refuses(&["--backup", &two, "--target-timeline=1"], &reason(&two, 1));
    let both = format!("{}; {}", reason(&two, 3), reason(&one, 3));
    story.refuses(&["--target-timeline=3"], &both);
}
