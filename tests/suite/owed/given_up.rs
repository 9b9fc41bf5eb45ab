//! `seawall drop-wal --repository NAME`: a human gives up what a repository is owed and can't get any more. It is written down
//! in that repository before the notes go.

use super::OneOfTwo;
use super::good_copies::flip;
use super::settling::settle;
use crate::crash_matrix::dies_at;
use crate::scene::error;
use crate::support::proxy::Fault;
use crate::support::run::Run;

fn give_up(both: &OneOfTwo, number: usize) -> Run {
    let run = both.scene.seawall("drop-wal").args(["--repository", "cloud", "--until"]);
    run.arg(both.scene.name(number)).args(["--reason", "the disk was bad"])
}

fn gaps(both: &OneOfTwo) -> Vec<String> {
    let keys = both.bucket.keys().into_iter().filter(|key| key.contains("/gaps/"));
    keys.map(|key| key.rsplit_once('/').unwrap().1.to_owned()).collect()
}

/// The first one went to both. The next five are owed to the bucket, and of the third of all there is no good copy left.
fn stuck() -> OneOfTwo {
    let both = OneOfTwo::new();
    both.pushes([0]);
    both.bucket_does(Fault::Answer(503));
    both.pushes(1..6);
    both.proxy.clear();
    flip(&both.folder, &both.scene.clear_key(2));
    settle(&both.scene).run().expect(5);
    assert_eq!(both.owed(&both.folder).len(), 4);
    both
}

#[test]
fn what_no_repository_has_whole_is_given_up_and_the_rest_is_paid() {
    let both = stuck();
    let (name, object) = (both.scene.name(2), format!("{0}-{0}.json", both.scene.name(2)));
    let plan = give_up(&both, 2).arg("--dry-run").run();
    plan.expect(0).shows("Repository cloud is owed 1 WAL file up to").shows(name);
    plan.shows("No recovery from cloud alone can pass this gap.");
    let unasked = give_up(&both, 2).run();
    assert!(error(unasked.expect(2)).contains("there is no terminal to ask on"), "{unasked}");
    assert_eq!((both.owed(&both.folder).len(), gaps(&both)), (4, vec![]));

    let done = give_up(&both, 2).arg("--yes").run();
    done.expect(0).shows("Gave up 1 WAL file that repository cloud was owed.");
    assert_eq!(both.owed(&both.folder), [3, 4, 5].map(|number| both.scene.name(number)));
    assert_eq!(gaps(&both), [object.as_str()]);
    settle(&both.scene).run().expect(0).shows("3 WAL files");
    for number in [0, 1, 3, 4, 5] {
        both.bucket.holds(&both.scene.clear_key(number), both.scene.bytes(number));
    }
    assert_eq!((both.owed(&both.folder), both.owed(&both.bucket)), (vec![], vec![]));
    let nothing = give_up(&both, 2).arg("--yes").run();
    nothing.expect(0).shows("there is nothing to drop");
    // Who has nothing but the bucket is told.
    let alone = crate::scene::Scene::in_place(&both.scene.place).with(&both.tables[1]);
    alone.directory.signal("recovery.signal");
    let fetch = alone.fetch(2).run();
    fetch.expect(211).says(&format!("{name} was dropped by hand (seawall drop-wal) at "));
    fetch.says("reason: \"the disk was bad\"");
}

#[test]
fn killed_anywhere_it_is_written_down_first_and_the_same_command_does_the_rest() {
    for point in ["drop.stored", "drop.gave-up"] {
        let both = stuck();
        dies_at(give_up(&both, 4).arg("--yes"), point);
        let object = format!("{}-{}.json", both.scene.name(2), both.scene.name(4));
        assert_eq!(gaps(&both), [object.as_str()], "{point}");
        give_up(&both, 4).arg("--yes").run().expect(0);
        assert!(gaps(&both).contains(&object), "{point}");
        assert_eq!(both.owed(&both.folder), [both.scene.name(5)], "{point}");
        settle(&both.scene).run().expect(0);
        both.bucket.holds(&both.scene.clear_key(5), both.scene.bytes(5));
    }
}

/// The gap must be written down in it.
#[test]
fn nothing_is_given_up_while_the_repository_is_away() {
    let both = stuck();
    both.bucket_does(Fault::Answer(503));
    let limits = ["--limits-request-timeout=1s", "--limits-attempts=1", "--yes"];
    give_up(&both, 2).args(limits).run().expect(8);
    assert_eq!((both.owed(&both.folder).len(), gaps(&both)), (4, vec![]));
}
