//! Two hosts push one name at the same instant, many times.

use crate::scene::{Kind, Scene, Store, altered};
use crate::support::place::Place;
use crate::support::proxy::Proxy;
use crate::support::run::Outcome;
use crate::support::s3;

const ROUNDS: usize = 50;
const MOTO: Kind = Kind::S3(s3::Kind::Moto);
const S3S_FS: Kind = Kind::S3(s3::Kind::S3sFs);

/// Two data directories of one cluster that archive to one repository.
struct Race {
    store: Store,
    _proxy: Option<Proxy>,
    ours: Scene,
    theirs: Scene,
}

impl Race {
    /// The servers at hand look first and write then; AWS does both as one. The proxy makes up for it.
    fn new(kind: Kind) -> Race {
        let place = Place::new();
        let store = Store::start(kind, &place);
        let proxy = (kind != Kind::Local).then(|| Proxy::start(store.server().address()));
        proxy.iter().for_each(Proxy::one_put_at_a_time);
        let table = match &proxy {
            Some(proxy) => store.table_at("shared", &proxy.endpoint()),
            None => store.table("shared"),
        };
        let host = || Scene::in_place(&place).with(&table);
        let (ours, theirs) = (host(), host());
        Race { store, _proxy: proxy, ours, theirs }
    }

    /// Both push the first segment under a cluster name of this round. Who is started first takes turns.
    fn run(&self, round: usize) -> [Outcome; 2] {
        let cluster = format!("--cluster=round{round}");
        let start = |scene: &Scene| scene.push(0).arg(&cluster).start();
        if round.is_multiple_of(2) {
            let running = [start(&self.ours), start(&self.theirs)];
            running.map(|one| one.finish())
        } else {
            let mut running = [start(&self.theirs), start(&self.ours)];
            running.reverse();
            running.map(|one| one.finish())
        }
    }

    fn key(&self, round: usize) -> String {
        self.ours.clear_key(0).replace("/main/", &format!("/round{round}/"))
    }
}

#[test]
fn of_two_contents_one_wins_and_the_other_is_refused_on_disk() {
    one_wins(Kind::Local, 0);
}

#[test]
fn of_two_contents_one_wins_and_the_other_is_refused_on_s3() {
    one_wins(MOTO, 0);
    one_wins(S3S_FS, 0);
}

/// Eight writers at the storage at once instead of two: each host takes three segments along.
#[test]
fn of_two_contents_one_wins_among_the_segments_taken_along_too() {
    one_wins(Kind::Local, 3);
    one_wins(S3S_FS, 3);
}

fn one_wins(kind: Kind, taken_along: usize) {
    let race = Race::new(kind);
    let count = taken_along + 1;
    let contents = |number: usize| {
        let ours = race.ours.bytes(number);
        [ours.to_vec(), altered(ours)]
    };
    for (host, content) in [(&race.ours, 0), (&race.theirs, 1)] {
        for number in 0..count {
            host.directory.put(host.name(number), &contents(number)[content]);
            host.directory.mark_ready(host.name(number));
        }
    }
    let rounds = if taken_along == 0 { ROUNDS } else { 10 };
    let mut wins = [0, 0];
    for round in 0..rounds {
        let outcomes = race.run(round);
        let statuses = outcomes.each_ref().map(|one| one.status);
        let winner = match statuses {
            [Some(0), Some(7)] => 0,
            [Some(7), Some(0)] => 1,
            _ => panic!("{kind:?}, round {round}: {}\n{}", outcomes[0], outcomes[1]),
        };
        wins[winner] += 1;
        race.store.holds(&race.key(round), &contents(0)[winner]);
        // What was taken along may be either's, but it is whole.
        for number in 1..count {
            let key = race.key(round).replace(race.ours.name(0), race.ours.name(number));
            let Some(stored) = race.store.get(&key) else { continue };
            let plain = zstd::decode_all(&stored[..]).expect("whole");
            assert!(contents(number).contains(&plain));
        }
    }
    println!("{kind:?}: wins {wins:?}");
    assert_eq!(race.store.leftovers(), [""; 0]);
}

#[test]
fn of_two_alike_both_succeed() {
    for kind in [Kind::Local, S3S_FS] {
        let race = Race::new(kind);
        race.ours.has(0);
        race.theirs.has(0);
        for round in 0..20 {
            for outcome in race.run(round) {
                assert_eq!(outcome.status, Some(0), "{kind:?}, round {round}: {outcome}");
            }
            race.store.holds(&race.key(round), race.ours.bytes(0));
        }
        assert_eq!((race.store.keys().len(), race.store.leftovers()), (20, vec![]));
    }
}
