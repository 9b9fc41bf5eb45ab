//! What one call takes along gets its name in PostgreSQL's order.

use std::time::Duration;

use super::{S3, Servers, diverges};
use crate::archiving::commands::copy_folder;
use crate::scene::{Kind, SHORT_LIMITS, Scene, Store};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);
const WAITING: usize = 6;

#[test]
fn of_a_refused_server_nothing_is_stored_that_waits_behind() {
    for kinds in [&[Kind::Local][..], &[S3], &[Kind::Local, S3]] {
        let servers = Servers::new(kinds);
        servers.rightful.has(0).push(0).run().expect(0);
        (0..WAITING).for_each(|number| diverges(&servers.refused, number));
        for _ in 0..3 {
            servers.refused.push(0).run().expect(7);
            servers.hold(1);
        }
        servers.rightful_archives(WAITING);
    }
}

/// The first two are alike, as those of two standbys are up to the moment when both were promoted.
#[test]
fn a_conflict_further_back_stops_what_is_behind_it() {
    for kinds in [&[Kind::Local][..], &[S3], &[Kind::Local, S3]] {
        let servers = Servers::new(kinds);
        for number in 0..3 {
            servers.rightful.has(number).push(number).run().expect(0);
        }
        servers.refused.has_ready(2);
        (2..WAITING).for_each(|number| diverges(&servers.refused, number));
        for (number, status) in [(0, 0), (1, 0), (2, 7)] {
            servers.refused.push(number).run().expect(status);
            servers.hold(3);
        }
        servers.rightful_archives(WAITING);
    }
}

#[test]
fn what_is_behind_waits_for_a_store_that_does_not_answer() {
    for (fault, stuck) in
        [(Fault::Hang, 0), (Fault::Answer(500), 0), (Fault::Hang, 2), (Fault::Answer(403), 2)]
    {
        let place = Place::new();
        let store = Store::start(S3, &place);
        let proxy = Proxy::start(store.server().address());
        let scene = Scene::in_place(&place).with(&store.table_at("s3", &proxy.endpoint()));
        scene.has_ready(WAITING);
        proxy.add(Rule::new(fault).method("PUT").path(scene.name(stuck)));
        let outcome = scene.push(0).args(&SHORT_LIMITS[..7]).run();
        assert_eq!(outcome.status == Some(0), stuck > 0, "{fault:?} {stuck}: {outcome}");
        let expected: Vec<String> = (0..stuck).map(|number| scene.clear_key(number)).collect();
        assert_eq!(store.keys(), expected, "{fault:?} {stuck}: {outcome}");
    }
}

/// The answer to the first PUT is late; meanwhile the other server is there first.
#[test]
fn who_is_overtaken_while_a_store_takes_its_time_stops_there() {
    for alike in [0, 2] {
        let place = Place::new();
        let store = Store::start(S3, &place);
        let proxy = Proxy::start(store.server().address());
        let slow = Scene::in_place(&place).with(&store.table_at("s3", &proxy.endpoint()));
        let quick = Scene::in_place(&place).with(&store.table("s3"));
        for number in 0..alike {
            quick.has(number).push(number).run().expect(0);
            slow.has(number).directory.mark_ready(slow.name(number));
        }
        (alike..WAITING).for_each(|number| diverges(&slow, number));
        let late = slow.name(alike);
        proxy.add(Rule::new(Fault::Delay(Duration::from_secs(2))).method("PUT").path(late));
        let overtaken = slow.push(0).start();
        wait_until("the late PUT", LIMIT, || proxy.count("PUT", late) > 0);
        quick.has(alike).push(alike).run().expect(0);
        overtaken.finish().expect(if alike == 0 { 7 } else { 0 });
        let expected: Vec<String> = (0..=alike).map(|number| quick.clear_key(number)).collect();
        assert_eq!(store.keys(), expected);
        store.holds(&quick.clear_key(alike), quick.bytes(alike));
    }
}

/// A copy of a data directory has notes of the original beside other content.
#[test]
fn a_note_that_is_not_believed_lets_nothing_pass() {
    for kind in [Kind::Local, S3] {
        let servers = Servers::new(&[kind]);
        let original = &servers.rightful;
        original.has_ready(4).push(0).run().expect(0);
        let notes = original.files_in("pg_wal/seawall/pushed");
        assert_eq!(notes.len(), 3, "{notes:?}");
        let copy = servers.refused.directory.wal("seawall");
        copy_folder(&servers.place, &original.directory.wal("seawall"), &copy);
        servers.refused.has(0).directory.mark_ready(servers.refused.name(0));
        (1..WAITING).for_each(|number| diverges(&servers.refused, number));
        servers.refused.push(0).run().expect(0);
        servers.hold(4);
    }
}

/// Asked for by hand, out of turn: what waits before it comes next, and what is behind waits for that.
#[test]
fn a_file_out_of_turn_opens_no_way_for_those_behind_it() {
    let servers = Servers::new(&[Kind::Local]);
    servers.rightful.has(0).push(0).run().expect(0);
    (0..WAITING).for_each(|number| diverges(&servers.refused, number));
    servers.refused.push(3).run().expect(0);
    let expected = [0, 3].map(|number| servers.rightful.clear_key(number));
    assert_eq!(servers.stores[0].keys(), expected);
}
