//! Several repositories: what one of them refuses, none gets.

use std::time::Duration;

use super::{S3, Servers};
use crate::scene::{KeyPair, Kind, Scene, Store, altered, error};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

/// Either of them was added later, or was away when the rightful server archived.
#[test]
fn what_one_repository_refuses_the_one_that_lacks_it_does_not_get() {
    for kinds in [[Kind::Local, Kind::Local], [Kind::Local, S3], [S3, Kind::Local], [S3, S3]] {
        for has_it in [0, 1] {
            let servers = Servers::new(&kinds);
            let alone = Scene::in_place(&servers.place).with(&servers.stores[has_it].table("old"));
            alone.has(0).push(0).run().expect(0);
            let refused = &servers.refused;
            refused.directory.put(refused.name(0), &altered(refused.bytes(0)));
            refused.directory.mark_ready(refused.name(0));
            refused.has(1).directory.mark_ready(refused.name(1));
            let outcome = refused.push(0).run();
            outcome.expect(7);
            let start =
                format!("could not archive {} in repository number{has_it}: ", refused.name(0));
            assert!(error(&outcome).starts_with(&start), "{outcome}");
            assert_eq!(servers.stores[1 - has_it].keys(), [""; 0], "{kinds:?} {has_it}");
            servers.rightful_archives(2);
        }
    }
}

/// The same where the one that has it holds it encrypted, and this host can't open it.
#[test]
fn what_an_encrypted_repository_refuses_the_other_does_not_get() {
    for kind in [Kind::Local, S3] {
        let place = Place::new();
        let pair = KeyPair::new(&place);
        let (old, new) = (Store::start(kind, &place), Store::start(Kind::Local, &place));
        let keys = KeyPair::recipients(&[&pair]);
        let rightful = Scene::in_place(&place).with(&keys).with(&old.table("old"));
        rightful.has(0).push(0).run().expect(0);
        let new_table = format!("{}encrypt = false\n", new.table("new"));
        let refused = Scene::in_place(&place).with(&keys).with(&old.table("old")).with(&new_table);
        refused.directory.put(refused.name(0), &altered(refused.bytes(0)));
        refused.push(0).run().expect(7);
        assert_eq!(new.keys(), [""; 0], "{kind:?}");
        refused.has(0).push(0).run().expect(0);
        new.holds(&refused.clear_key(0), refused.bytes(0));
    }
}

/// Look-ahead asks once for all; what comes into one repository after that is noticed too.
#[test]
fn what_came_into_one_repository_meanwhile_is_seen() {
    for quick_into in ["disk", "cloud"] {
        let place = Place::new();
        let (folder, bucket) = (Store::start(Kind::Local, &place), Store::start(S3, &place));
        let proxy = Proxy::start(bucket.server().address());
        let tables = [folder.table("disk"), bucket.table_at("cloud", &proxy.endpoint())];
        let slow = Scene::in_place(&place).with(&tables[0]).with(&tables[1]);
        slow.has_ready(4);
        let (first, second) = (slow.name(0), slow.name(1));
        proxy.add(Rule::new(Fault::Delay(Duration::from_secs(3))).method("PUT").path(first));
        let pushing = slow.push(0).start();
        wait_until("the late PUT", LIMIT, || proxy.count("PUT", first) > 0);
        let (has_it, lacks_it) =
            if quick_into == "disk" { (&folder, &bucket) } else { (&bucket, &folder) };
        let quick = Scene::in_place(&place).with(&has_it.table(quick_into));
        quick.directory.put(second, &altered(quick.bytes(1)));
        quick.push(1).arg("--wal-look-ahead=0").run().expect(0);
        pushing.finish().expect(0);
        for _ in 0..2 {
            assert_eq!(lacks_it.keys(), [slow.clear_key(0)], "{quick_into}");
            assert_eq!(has_it.keys(), [slow.clear_key(0), slow.clear_key(1)], "{quick_into}");
            slow.push(1).run().expect(7);
        }
    }
}
