//! The history of a timeline is in front of its WAL.

use super::S3;
use crate::scene::{Kind, SHORT_LIMITS, Scene, Store, altered};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};

const HISTORY: &str = "00000002.history";

/// A server on timeline 2 whose history says that it left timeline 1 here.
fn on_timeline_2(scene: &Scene, left_at: &str) -> String {
    let (name, mut bytes) = scene.wal.segments[0].clone();
    let name = format!("00000002{}", &name[8..]);
    // `xlp_tli` in the header of the first page (`xlog_internal.h`).
    bytes[4..8].copy_from_slice(&2_u32.to_ne_bytes());
    scene.directory.put(&name, &bytes);
    scene.directory.put(HISTORY, format!("1\t{left_at}\tno reason\n").as_bytes());
    name
}

/// Two standbys were promoted at other places, to the same number.
#[test]
fn where_the_history_is_refused_none_of_its_wal_is_stored() {
    for kind in [Kind::Local, S3] {
        let place = Place::new();
        let store = Store::start(kind, &place);
        let server = || Scene::in_place(&place).with(&store.table("only"));
        let (rightful, refused) = (server(), server());
        on_timeline_2(&rightful, "0/1000000");
        rightful.push_file(HISTORY).run().expect(0);
        let name = on_timeline_2(&refused, "0/2000000");
        refused.push_file(&name).run().expect(7).says(HISTORY);
        assert_eq!(store.keys(), [refused.key(HISTORY, ".zst")], "{kind:?}");
    }
}

/// One repository does not answer, the other one has other WAL: both are said, and the second counts.
#[test]
fn what_is_wrong_with_the_history_does_not_hide_what_is_wrong_with_the_wal() {
    let place = Place::new();
    let (folder, bucket) = (Store::start(Kind::Local, &place), Store::start(S3, &place));
    let proxy = Proxy::start(bucket.server().address());
    let both = Scene::in_place(&place)
        .with(&folder.table("disk"))
        .with(&bucket.table_at("cloud", &proxy.endpoint()));
    let rightful = Scene::in_place(&place).with(&folder.table("disk"));
    let name = on_timeline_2(&rightful, "0/1000000");
    rightful.push_file(&name).run().expect(0);
    on_timeline_2(&both, "0/1000000");
    let bytes = std::fs::read(both.directory.wal(&name)).expect("put there");
    both.directory.put(&name, &altered(&bytes));
    proxy.add(Rule::new(Fault::Answer(500)));
    let outcome = both.push_file(&name).args(SHORT_LIMITS).run();
    outcome.expect(7).says(&format!("could not archive {name} in repository disk: expected"));
    outcome.says(&format!("could not archive {HISTORY} in repository cloud: "));
    assert_eq!(bucket.keys(), [""; 0]);
}
