//! Two contents of one name, because a timeline was left in the middle of a segment: no conflict where both are the same
//! up to there, and neither is thrown away.

use super::S3;
use crate::scene::{KeyPair, Kind, Scene, Store, altered, error, warnings};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::user::{hand_over, write_as_server_user};

const HISTORY: &str = "00000002.history";

/// How many bytes of the first segment are before the place where timeline 2 left it.
const BEFORE: usize = 300_008;

/// Hosts that have WAL of a timeline that was left within the first segment.
struct Fork {
    place: Place,
    store: Store,
}

impl Fork {
    fn new(kind: Kind) -> Fork {
        let place = Place::new();
        let store = Store::start(kind, &place);
        Fork { place, store }
    }

    fn host(&self) -> Scene {
        Scene::in_place(&self.place).with(&self.store.table("only"))
    }

    /// A standby that follows timeline 2, with what it has of the segment.
    fn follower(&self, more: &str) -> Scene {
        let host = self.host().with(more);
        host.directory.put(HISTORY, history(&host, BEFORE).as_bytes());
        host.directory.put(host.name(0), &short(host.bytes(0)));
        host
    }

    /// The primary that was replaced, with the whole segment.
    fn replaced(&self, more: &str) -> Scene {
        let host = self.host().with(more);
        host.has(0);
        host
    }
}

fn history(scene: &Scene, before: usize) -> String {
    let number = u64::from_str_radix(&scene.name(0)[16..], 16).expect("a segment");
    format!("1\t0/{:X}\tno recovery target specified\n", (number << 20) + before as u64)
}

/// The segment up to the place, with zeros behind.
fn short(segment: &[u8]) -> Vec<u8> {
    let mut bytes = segment.to_vec();
    bytes[BEFORE..].fill(0);
    bytes
}

fn beyond(scene: &Scene, name: &str, content: &[u8], ending: &str) -> String {
    let digits = blake3::hash(content).to_hex()[..16].to_uppercase();
    scene.key(&format!("{name}.{digits}.beyond"), ending)
}

/// In whichever order they come, and however often.
#[test]
fn both_contents_of_a_segment_are_kept_and_no_push_fails() {
    for kind in [Kind::Local, S3] {
        let fork = Fork::new(kind);
        let (follower, replaced) = (fork.follower(""), fork.replaced(""));
        let (name, whole) = (follower.name(0).to_owned(), replaced.bytes(0));
        follower.push_file(HISTORY).run().expect(0);
        follower.push(0).run().expect(0);
        let outcome = replaced.push(0).run();
        outcome.expect(0);
        let kept = beyond(&replaced, &name, whole, ".zst");
        let said = warnings(&outcome);
        assert!(
            said.len() == 1
                && said[0]
                    .contains(&format!("{name}: the same content is already archived up to 0/"))
                && said[0].contains("; timeline 2 left timeline 1 at 0/")
                && said[0].contains(&format!("and this file is kept as {kept}")),
            "{outcome}"
        );
        let keys = [replaced.clear_key(0), kept.clone(), follower.key(HISTORY, ".zst")];
        for _ in 0..2 {
            let mut all = keys.to_vec();
            all.sort();
            assert_eq!(fork.store.keys(), all);
            fork.store.holds(&keys[0], &short(whole));
            fork.store.holds(&keys[1], whole);
            let outcome = replaced.push(0).run();
            assert_eq!(warnings(&outcome), [""; 0], "{outcome}");
            outcome.expect(0);
            follower.push(0).run().expect(0);
        }
        // The server that leads now gets the file from the old primary with pg_rewind.
        let leader = fork.follower("");
        leader.has(0).push(0).run().expect(0);
        assert_eq!(fork.store.keys().len(), 3);
        // Nobody gets it for the segment.
        replaced.fetch(0).run().expect(0);
        assert!(replaced.take_fetched() == Some(short(whole)));
    }
}

#[test]
fn the_whole_segment_first_and_then_what_a_standby_has_of_it() {
    for kind in [Kind::Local, S3] {
        let fork = Fork::new(kind);
        let (follower, replaced) = (fork.follower(""), fork.replaced(""));
        replaced.push(0).run().expect(0);
        follower.push_file(HISTORY).run().expect(0);
        let outcome = follower.push(0).run();
        outcome.expect(0).says("and this file has nothing behind that");
        assert_eq!(warnings(&outcome), [""; 0], "{outcome}");
        assert_eq!(fork.store.keys(), [replaced.clear_key(0), replaced.key(HISTORY, ".zst")]);
        fork.store.holds(&replaced.clear_key(0), replaced.bytes(0));
        // A file that a standby wrote over an old one has that behind the place.
        let mut recycled = short(follower.bytes(0));
        recycled[BEFORE + 5000..].fill(7);
        follower.directory.put(follower.name(0), &recycled);
        follower.push(0).run().expect(0);
        fork.store.holds(&beyond(&follower, follower.name(0), &recycled, ".zst"), &recycled);
    }
}

#[test]
fn what_differs_before_the_place_is_a_conflict() {
    for kind in [Kind::Local, S3] {
        let fork = Fork::new(kind);
        let (follower, replaced) = (fork.follower(""), fork.replaced(""));
        follower.push_file(HISTORY).run().expect(0);
        let mut other = short(follower.bytes(0));
        other[BEFORE - 1] ^= 1;
        follower.directory.put(follower.name(0), &other);
        follower.push(0).run().expect(0);
        let keys = fork.store.keys();
        let outcome = replaced.push(0).run();
        outcome.expect(7);
        let said = error(&outcome);
        assert!(said.contains("timeline 2 left timeline 1 within it, at 0/"), "{said}");
        assert!(said.contains(", and the two differ before that"), "{said}");
        assert_eq!(fork.store.keys(), keys);
    }
}

#[test]
fn a_history_that_leaves_elsewhere_explains_nothing() {
    let fork = Fork::new(Kind::Local);
    let (follower, replaced) = (fork.follower(""), fork.replaced(""));
    for before in [0, 1 << 20, 2 << 20] {
        follower.directory.put(HISTORY, history(&follower, before).as_bytes());
        follower.push(0).run().expect(0);
        replaced.push(0).run().expect(7).says("Either two servers archive under one cluster name");
        let of_timeline_3 = history(&follower, before);
        replaced.directory.put("00000003.history", of_timeline_3.as_bytes());
        replaced.push(0).run().expect(7);
        assert_eq!(fork.store.keys(), [replaced.clear_key(0)]);
    }
}

/// Two servers take writes on two lines: somebody has to know.
#[test]
fn an_old_primary_that_lives_on_is_refused() {
    let fork = Fork::new(Kind::Local);
    let (follower, replaced) = (fork.follower(""), fork.replaced(""));
    follower.push_file(HISTORY).run().expect(0);
    follower.push(0).run().expect(0);
    let keys = fork.store.keys();
    let pid = replaced.directory.path().join("postmaster.pid");
    let me = std::process::id();
    write_as_server_user(&pid, format!("{me}\n/data\n1732307400\n5432\n/tmp\n*\n 1 2\nready\n"));
    let outcome = replaced.push(0).run();
    outcome.expect(7);
    let said = error(&outcome);
    assert!(
        said.contains("and this server continues on timeline 1. HINT: Another server was promoted"),
        "{said}"
    );
    assert_eq!(fork.store.keys(), keys);
    // It follows the other one now.
    replaced.directory.signal("standby.signal");
    replaced.push(0).run().expect(0);
    fork.store
        .holds(&beyond(&replaced, replaced.name(0), replaced.bytes(0), ".zst"), replaced.bytes(0));
}

#[test]
fn encrypted_segments_are_compared_where_there_is_a_key_and_kept_where_there_is_none() {
    for has_key in [true, false] {
        let fork = Fork::new(Kind::Local);
        let pair = KeyPair::new(&fork.place);
        let keys = match has_key {
            true => pair.recipients_and_identity(&[&pair]),
            false => KeyPair::recipients(&[&pair]),
        };
        let (follower, leader) = (fork.follower(&keys), fork.follower(&keys));
        follower.push_file(HISTORY).run().expect(0);
        follower.push(0).run().expect(0);
        leader.has(0);
        let outcome = leader.push(0).run();
        outcome.expect(0);
        let said = match has_key {
            true => "the same content is already archived up to 0/",
            false => "other content is already archived, and no private key of this host opens it",
        };
        assert!(warnings(&outcome)[0].contains(said), "{outcome}");
        let kept = beyond(&leader, leader.name(0), leader.bytes(0), ".zst.age");
        assert!(fork.store.keys().contains(&kept), "{:?}", fork.store.keys());
        let again = leader.push(0).run();
        again.expect(0);
        assert_eq!((warnings(&again).len(), fork.store.keys().len()), (0, 3));
        // A third content, the same up to the place.
        leader.directory.put(leader.name(0), &altered(leader.bytes(0)));
        leader.push(0).run().expect(0);
        assert_eq!(fork.store.keys().len(), 4);
    }
}

/// Each server that is promoted within a segment makes a `.partial` of it.
#[test]
fn two_promotions_within_one_segment_make_two_partial_files() {
    let fork = Fork::new(Kind::Local);
    let (first, second) = (fork.follower(""), fork.host());
    let partial = format!("{}.partial", first.name(0));
    first.directory.put(&partial, &short(first.bytes(0)));
    first.push_file(HISTORY).run().expect(0);
    first.push_file(&partial).run().expect(0);
    // The next one, which knew nothing of the first, had more of it.
    second.directory.put("00000003.history", history(&second, BEFORE + 70_000).as_bytes());
    second.directory.put(&partial, second.bytes(0));
    second.push_file("00000003.history").run().expect(0);
    second.push_file(&partial).run().expect(0);
    fork.store.holds(&beyond(&second, &partial, second.bytes(0), ".zst"), second.bytes(0));
    fork.store.holds(&first.key(&partial, ".zst"), &short(first.bytes(0)));
}

/// What the follower has of the segment does not reach to where the second one left.
#[test]
fn a_segment_must_hold_all_that_the_own_line_needs() {
    let fork = Fork::new(Kind::Local);
    let (follower, second) = (fork.follower(""), fork.host());
    follower.push_file(HISTORY).run().expect(0);
    follower.push(0).run().expect(0);
    second.directory.put("00000003.history", history(&second, BEFORE + 70_000).as_bytes());
    second.has(0).push(0).run().expect(7).says("timeline 3 left timeline 1 within it");
}

#[test]
fn a_repository_that_lacks_the_segment_gets_it_and_one_that_refuses_keeps_all_from_the_others() {
    let place = Place::new();
    let stores = [Store::start(Kind::Local, &place), Store::start(S3, &place)];
    let (one, other) = (stores[0].table("one"), stores[1].table("other"));
    let host = |tables: &[&String]| {
        let scene = tables.iter().fold(Scene::in_place(&place), |scene, table| scene.with(table));
        scene.directory.put(HISTORY, history(&scene, BEFORE).as_bytes());
        scene.directory.put(scene.name(0), &short(scene.bytes(0)));
        scene
    };
    let follower = host(&[&one]);
    follower.push_file(HISTORY).run().expect(0);
    follower.push(0).run().expect(0);
    let leader = host(&[&one, &other]);
    leader.push_file(HISTORY).run().expect(0);
    let foreign = host(&[&other]);
    let mut content = short(foreign.bytes(0));
    content[BEFORE - 1] ^= 1;
    foreign.directory.put(foreign.name(0), &content);
    foreign.push(0).run().expect(0);
    leader.has(0).push(0).run().expect(7);
    assert_eq!(stores[0].keys().len(), 2, "{:?}", stores[0].keys());
    stores[1].delete(&leader.clear_key(0));
    leader.push(0).run().expect(0);
    stores[1].holds(&leader.clear_key(0), leader.bytes(0));
    stores[0].holds(&leader.clear_key(0), &short(leader.bytes(0)));
    stores[0].holds(&beyond(&leader, leader.name(0), leader.bytes(0), ".zst"), leader.bytes(0));
}

/// The other content comes between the look and the PUT.
#[test]
fn content_that_came_meanwhile_is_judged_alike() {
    let fork = Fork::new(S3);
    let follower = fork.follower("");
    follower.push_file(HISTORY).run().expect(0);
    follower.push(0).run().expect(0);
    let proxy = Proxy::start(fork.store.server().address());
    let leader = Scene::in_place(&fork.place).with(&fork.store.table_at("only", &proxy.endpoint()));
    leader.directory.put(HISTORY, history(&leader, BEFORE).as_bytes());
    leader.has(0);
    let name = leader.name(0);
    proxy.add(Rule::new(Fault::Answer(404)).method("HEAD").path(name).times(2));
    leader.push(0).run().expect(0);
    assert_eq!(proxy.count("PUT", &format!("{name}.zst")), 1);
    fork.store.holds(&beyond(&leader, name, leader.bytes(0), ".zst"), leader.bytes(0));
    fork.store.holds(&leader.clear_key(0), &short(leader.bytes(0)));
}

/// Somebody planted or damaged the object beside.
#[test]
fn what_stands_under_the_second_name_is_looked_at() {
    let fork = Fork::new(Kind::Local);
    let (follower, replaced) = (fork.follower(""), fork.replaced(""));
    follower.push_file(HISTORY).run().expect(0);
    follower.push(0).run().expect(0);
    let kept = beyond(&replaced, replaced.name(0), replaced.bytes(0), ".zst");
    let other = fork.store.get(&replaced.clear_key(0)).expect("archived");
    fork.store.put(&kept, &other);
    replaced.push(0).run().expect(7).says(&format!("at {kept}, found"));
    fork.store.damage(&kept, |bytes| bytes.truncate(5));
    replaced.push(0).run().expect(5).says(&format!("could not use {kept}: "));
    fork.store.delete(&kept);
    replaced.push(0).run().expect(0);
}

/// The note says that wal-fetch handed the file over cut; a newer Seawall may write it in another way.
#[test]
fn a_note_of_a_cut_that_can_not_be_understood_keeps_the_file_back() {
    let fork = Fork::new(Kind::Local);
    let host = fork.replaced("");
    let note = host.directory.wal(&format!("seawall/cut/{}.json", host.name(0)));
    for text in ["{\"seawall\":2,\"at\":\"0/1\",\"blake3\":\"\"}", "{"] {
        std::fs::create_dir_all(note.parent().expect("a folder")).expect("our own folder");
        std::fs::write(&note, text).expect("our own folder");
        hand_over(&host.directory.wal("seawall"));
        host.push(0)
            .run()
            .expect(7)
            .says("expected a note of format 1 at ")
            .says("HINT: A newer Seawall");
        assert_eq!(fork.store.keys(), [""; 0]);
    }
    std::fs::remove_file(&note).expect("our own file");
    host.push(0).run().expect(0);
}
