//! Clocks that are a day off.

use std::thread::scope;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{about, complaints, doctor_of_stores, findings};
use crate::check::like;
use crate::scene::{Kind as StoreKind, Store, side_by_side};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::s3::Kind;
use crate::support::wait::poll;

const LISTING: &str = "prefix=seawall-doctor";

#[test]
fn a_store_whose_clock_is_a_day_off_is_named() {
    side_by_side(&[(24, "before"), (-24, "behind")], |(hours, which)| {
        let place = Place::new();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start(store.server().address());
        let slow = Fault::Delay(Duration::from_secs(2));
        proxy.add(Rule::new(slow).method("GET").path(LISTING).times(1));
        let config = place.file("seawall.toml", store.table_at("bucket", &proxy.endpoint()));
        let all = scope(|scope| {
            let run = scope.spawn(|| doctor_of_stores(&place, &config).arg("--json").run());
            let listed = || (proxy.count("GET", LISTING) > 0).then_some(());
            poll(Duration::from_secs(60), listed).expect("the probe is listed");
            let time = Timestamp::now() + SignedDuration::from_hours(*hours);
            let keys = store.keys().into_iter().filter(|key| key.ends_with("/small"));
            keys.for_each(|key| store.server().set_stored(&key, time));
            let outcome = run.join().expect("a doctor");
            outcome.expect(1);
            findings(&outcome)
        });
        assert_eq!(complaints(&all), ["warning clock"]);
        let clock = about(&all, "clock");
        assert_eq!(clock.found, format!("the store's is 1day {which} this host's"));
        assert_eq!(
            clock.mend,
            "Have this host keep its time with NTP (timedatectl); stores refuse requests that are 15 minutes off."
        );
        assert_eq!(store.keys(), [""; 0]);
    });
}

/// Six seconds for an answer are no six seconds of the clock.
#[test]
fn a_slow_store_has_no_wrong_clock() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
    let proxy = Proxy::start(store.server().address());
    let slow = Rule::new(Fault::Delay(Duration::from_secs(6)));
    proxy.add(slow.method("GET").path("/small").times(2));
    let config = place.file("seawall.toml", store.table_at("bucket", &proxy.endpoint()));
    let outcome = doctor_of_stores(&place, &config).arg("--json").run();
    outcome.expect(0);
    assert_eq!(about(&findings(&outcome), "clock").found, "as ours");
}

/// A real server refuses what was signed a day ago, and says why.
#[test]
fn a_host_whose_clock_is_a_day_behind_is_told_so() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
    let proxy = Proxy::start(store.server().address());
    proxy.add(Rule::new(Fault::SignedADayAgo));
    let config = place.file("seawall.toml", store.table_at("bucket", &proxy.endpoint()));
    let outcome = doctor_of_stores(&place, &config).arg("--json").run();
    outcome.expect(2);
    let all = findings(&outcome);
    assert_eq!(complaints(&all), ["problem write"], "{outcome}");
    let found = &about(&all, "write").found;
    let expected = "PUT s3://seawall-tests/seawall-conditional-put-probe failed: HTTP status 403, RequestTimeTooSkewed: …; \
                    it is …, … GMT there, …, … GMT here. HINT: Set this host's clock right, by NTP (timedatectl).";
    assert!(like(found, expected), "{found}");
}
