//! One name at the same instant from a host that encrypts and from one that does not.

use std::time::Duration;

use super::S3;
use crate::scene::{KeyPair, Kind, Scene, Store, altered, error};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::run::Outcome;
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

/// Two hosts on one bucket; the first one's PUT of a segment arrives late.
struct Hosts {
    store: Store,
    proxy: Proxy,
    late: Scene,
    other: Scene,
}

impl Hosts {
    fn new(late_encrypts: bool) -> Hosts {
        let place = Place::new();
        let store = Store::start(S3, &place);
        let proxy = Proxy::start(store.server().address());
        let keys = KeyPair::recipients(&[&KeyPair::new(&place)]);
        let (mut late, mut other) = (Scene::in_place(&place), Scene::in_place(&place));
        match late_encrypts {
            true => late = late.with(&keys),
            false => other = other.with(&keys),
        }
        let late = late.with(&store.table_at("s3", &proxy.endpoint()));
        let other = other.with(&store.table("s3"));
        Hosts { store, proxy, late, other }
    }

    fn both_push(&self) -> [Outcome; 2] {
        let name = self.late.name(0);
        // So long that the other one is through meanwhile, on a busy machine too.
        let delay = Fault::Delay(Duration::from_secs(6));
        self.proxy.add(Rule::new(delay).method("PUT").path(name));
        let late = self.late.push(0).start();
        wait_until("the late PUT", LIMIT, || self.proxy.count("PUT", name) > 0);
        let other = self.other.push(0).run();
        [late.finish(), other]
    }
}

#[test]
fn of_two_contents_the_later_is_refused_and_says_that_both_are_there() {
    for late_encrypts in [true, false] {
        let hosts = Hosts::new(late_encrypts);
        hosts.other.has(0);
        hosts.late.directory.put(hosts.late.name(0), &altered(hosts.late.bytes(0)));
        let [late, other] = hosts.both_push();
        other.expect(0);
        late.expect(7);
        assert!(error(&late).contains("both are stored now"), "{late}");
        assert_eq!(hosts.store.keys().len(), 2, "nothing is deleted");
        // And from now on neither gets further with it.
        for host in [&hosts.late, &hosts.other] {
            host.push(0).run().expect(7);
        }
    }
}

#[test]
fn of_the_same_content_both_succeed_with_a_warning() {
    let hosts = Hosts::new(true);
    hosts.other.has(0);
    hosts.late.has(0);
    let [late, other] = hosts.both_push();
    other.expect(0);
    late.expect(0).says(" WARN ");
    for host in [&hosts.late, &hosts.other] {
        host.push(0).run().expect(0).says("the same content is already archived");
    }
}

#[test]
fn on_disk_the_later_is_never_acknowledged() {
    let place = Place::new();
    let store = Store::start(Kind::Local, &place);
    let keys = KeyPair::recipients(&[&KeyPair::new(&place)]);
    let clear = Scene::in_place(&place).with(&store.table("disk"));
    let encrypted = Scene::in_place(&place).with(&keys).with(&store.table("disk"));
    clear.has(0);
    encrypted.directory.put(encrypted.name(0), &altered(encrypted.bytes(0)));
    for round in 0..40 {
        let cluster = format!("--cluster=round{round}");
        let running = [&clear, &encrypted].map(|host| host.push(0).arg(&cluster).start());
        let outcomes = running.map(|one| one.finish());
        let statuses = outcomes.each_ref().map(|one| one.status);
        assert!(
            [[Some(0), Some(7)], [Some(7), Some(0)], [Some(7), Some(7)]].contains(&statuses),
            "round {round}: {}\n{}",
            outcomes[0],
            outcomes[1]
        );
    }
}
