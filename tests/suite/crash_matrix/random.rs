//! Killed at any moment, many times.

use std::env;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::s3;

/// One that was asked for and eight that are taken along.
const SEGMENTS: usize = 9;
const ROUNDS: u32 = 50;

/// The same numbers for the same seed.
pub struct Random(u64);

impl Random {
    /// From `SEED`, or a new one, which is printed: a failing test shows it.
    pub fn new() -> Random {
        let now =
            || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").subsec_nanos();
        let given = env::var("SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(now()) + 1);
        println!("run again with SEED={seed}");
        Random(seed)
    }

    /// Below `end`: xorshift, which is random enough to choose a moment.
    pub fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(end)).expect("below a u32")
    }
}

/// How long a push lasts is found out on the way, for a busy machine and an idle one: a kill that comes
/// too late lets the next one come earlier.
#[test]
fn what_was_acknowledged_is_restorable_whenever_the_push_was_killed() {
    let mut random = Random::new();
    let place = Place::new();
    let bucket = Store::start(Kind::S3(s3::Kind::S3sFs), &place);
    let mut span = Duration::from_millis(200);
    let mut killed = 0;
    for number in 0..ROUNDS {
        let round = Round::new(&bucket, &format!("round{number}"));
        let mut running = round.scene.push(0).args(round.cluster()).start();
        sleep(span * random.below(1000) / 1000);
        let ended = running.ended();
        span = if ended { span * 3 / 4 } else { span * 6 / 5 };
        let outcome = running.kill_nine();
        killed += u32::from(outcome.signal == Some(9));
        round.check(ended && outcome.status == Some(0));
    }
    assert!(killed >= 10, "only {killed} of {ROUNDS} were killed before their end");
}

/// A host with segments that wait, and a cluster name of its own in the shared bucket.
struct Round<'a> {
    scene: Scene,
    folder: Store,
    bucket: &'a Store,
    name: String,
}

impl Round<'_> {
    fn new<'a>(bucket: &'a Store, name: &str) -> Round<'a> {
        let place = Place::new();
        let folder = Store::start(Kind::Local, &place);
        let tables = [folder.table("disk"), bucket.table("cloud")];
        let scene = Scene::in_place(&place).with(&tables[0]).with(&tables[1]);
        scene.has_ready(SEGMENTS);
        Round { scene, folder, bucket, name: name.to_owned() }
    }

    fn cluster(&self) -> [&str; 2] {
        ["--cluster", &self.name]
    }

    #[track_caller]
    fn both_hold(&self, number: usize) {
        let key = self.scene.clear_key(number).replace("/main/", &format!("/{}/", self.name));
        self.folder.holds(&key, self.scene.bytes(number));
        self.bucket.holds(&key, self.scene.bytes(number));
    }

    fn check(&self, acknowledged: bool) {
        if acknowledged {
            self.both_hold(0);
        }
        for note in self.scene.files_in("pg_wal/seawall/pushed") {
            let Some(name) = note.strip_suffix(".json") else { continue };
            let number = (0..SEGMENTS).find(|&number| self.scene.name(number) == name);
            self.both_hold(number.expect("one of ours"));
        }
        for number in 0..SEGMENTS {
            self.scene.push(number).args(self.cluster()).run().expect(0);
            self.scene.directory.mark_done(self.scene.name(number));
            self.both_hold(number);
        }
        assert_eq!(self.folder.leftovers(), [""; 0]);
        assert_eq!(self.folder.keys().len(), SEGMENTS);
    }
}
