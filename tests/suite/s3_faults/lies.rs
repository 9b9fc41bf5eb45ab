//! A store that does not tell the truth. Whatever it says, the WAL does not end early, nothing is deleted on
//! its word, and what is handed over is what was archived.

use std::fs;

use super::Line;
use crate::listing::laid::Laid;
use crate::retention::{MONTHLY, lay_out_today};
use crate::scene::{SHORT, SHORT_LIMITS, altered, side_by_side};
use crate::support::proxy::{Fault, Lie, Proxy, Rule};
use crate::support::run::Outcome;
use crate::support::s3::Kind;

/// Of eight segments this one is missing. Those before it fill the first page of a listing from the start.
const MISSING: usize = 5;

fn with_a_gap() -> Line {
    let line = Line::new(Kind::Moto);
    for number in (0..8).filter(|number| *number != MISSING) {
        line.scene.has(number).push(number).run().expect(0);
    }
    line
}

fn listings(lie: Lie) -> Rule {
    Rule::new(Fault::Lie(lie)).method("GET").path("list-type=2")
}

/// What a standby is told: something later was seen, or the listing is not believed.
const GAP: i32 = 11;
const DOUBT: i32 = 8;

const LISTINGS: [(Lie, i32); 14] = [
    (Lie::ShortPages, GAP),
    (Lie::IgnoresStartAfter, GAP),
    (Lie::EmptyPagesBetween, GAP),
    (Lie::TokenOnTheLastPage, GAP),
    (Lie::CutOff, GAP),
    (Lie::CutOffAtOnce, DOUBT),
    (Lie::FirstVersion, DOUBT),
    (Lie::SamePage, GAP),
    (Lie::SamePageOtherToken, GAP),
    (Lie::EmptyPages, DOUBT),
    (Lie::PageWithoutEnd, DOUBT),
    (Lie::Backwards, DOUBT),
    (Lie::Repeated, GAP),
    (Lie::Foreign, DOUBT),
];

#[test]
fn no_listing_ends_the_wal_early() {
    side_by_side(&LISTINGS, |(lie, status)| {
        let line = with_a_gap();
        line.proxy.add(listings(*lie));
        for (signal, status) in [("recovery.signal", 200 + status), ("standby.signal", *status)] {
            line.scene.directory.signal(signal);
            let fetch = line.scene.fetch(MISSING).args(SHORT_LIMITS).start();
            let (fetch, peak) = fetch.finish_with_peak();
            assert!(fetch.status == Some(status) && fetch.took < SHORT, "{lie:?}: {fetch}");
            assert!(line.scene.take_fetched().is_none(), "{lie:?}: {fetch}");
            assert!(peak < 64 << 20, "{lie:?}: {peak} bytes of memory");
            fs::remove_file(line.scene.directory.path().join(signal)).expect("made above");
        }
    });
}

/// Listings that hide something of what is there, or never end.
const HIDING: [Lie; 10] = [
    Lie::CutOff,
    Lie::CutOffAtOnce,
    Lie::FirstVersion,
    Lie::SamePage,
    Lie::SamePageOtherToken,
    Lie::EmptyPages,
    Lie::PageWithoutEnd,
    Lie::Backwards,
    Lie::Repeated,
    Lie::Foreign,
];

#[test]
fn nothing_is_deleted_or_called_well_on_a_lying_listing() {
    side_by_side(&HIDING, |lie| {
        let laid = Laid::with_bucket(Kind::Moto);
        lay_out_today(&laid, "s3");
        let store = laid.store("s3");
        let before = store.keys();
        let proxy = Proxy::start(store.server().address());
        proxy.add(listings(*lie));
        let config = laid.place.file("lied-to.toml", store.table_at("s3", &proxy.endpoint()));
        let run = |program: &str, verb: &str, flags: &[&str]| -> Outcome {
            let run = laid.program(program, verb).arg("--config").arg(&config).args(flags);
            run.arg("--limits-total-timeout=6s").run()
        };
        let basebackup = env!("CARGO_BIN_EXE_basebackup");
        // What is of today may go.
        let at_once = ["--yes", "--retention-keep-within=0s", "--retention-wal-window=0s"];
        let flags = [&MONTHLY[..], &at_once].concat();
        let prune = run(basebackup, "prune", &flags);
        for outcome in [prune, run(basebackup, "list", &[]), run(basebackup, "verify", &[])] {
            assert!(outcome.status == Some(8) && outcome.took < SHORT, "{lie:?}: {outcome}");
            assert!(
                outcome.stderr.contains("LIST s3://seawall-tests/postgres/"),
                "{lie:?}: {outcome}"
            );
        }
        assert_eq!(proxy.count("DELETE", ""), 0, "{lie:?}");
        assert_eq!(store.keys(), before, "{lie:?}");
        let check = run(env!("CARGO_BIN_EXE_seawall"), "check", &[]);
        assert!(check.status != Some(0), "{lie:?}: {check}");
        // On the word of an honest store it goes.
        proxy.clear();
        let prune = run(basebackup, "prune", &flags);
        assert!(prune.stdout.contains("\nDeleted "), "{lie:?}: {prune}");
    });
}

#[test]
fn a_store_that_keeps_nothing_acknowledges_nothing() {
    let line = Line::new(Kind::Moto);
    line.proxy.add(Rule::new(Fault::KeepNothing).method("PUT"));
    let push = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
    let object = line.scene.clear_key(0);
    push.expect(8).says(&format!("the object {object} was there and is gone"));
    assert_eq!(line.store.keys(), [""; 0]);
}

#[test]
fn entity_tags_mean_nothing() {
    let line = Line::new(Kind::Moto);
    line.proxy.add(Rule::new(Fault::OtherETag));
    line.scene.has(0).push(0).run().expect(0);
    line.holds_the_segment_once();
    line.scene.fetches(0);
}

#[test]
fn an_object_whose_answer_is_short_is_not_handed_over() {
    side_by_side(&[0, 5, 300, 4000], |promised| {
        let line = Line::with_archived_segment(Kind::Moto);
        line.proxy.add(Rule::new(Fault::PromiseLess(*promised)).method("GET").path(".zst"));
        let fetch = line.scene.fetch(0).args(SHORT_LIMITS).run();
        assert!(fetch.status == Some(205), "{promised}: {fetch}");
        assert!(line.scene.take_fetched().is_none());
    });
}

/// A HEAD and a GET that disagree: what is read counts.
#[test]
fn a_head_that_is_not_true_is_found_out() {
    // What is there is said to be absent.
    let line = Line::with_archived_segment(Kind::Moto);
    line.proxy.add(Rule::new(Fault::Answer(404)).method("HEAD"));
    line.scene.has(0).push(0).args(SHORT_LIMITS).run().expect(0);
    line.scene.directory.put(line.scene.name(0), &altered(line.scene.bytes(0)));
    line.scene.push(0).args(SHORT_LIMITS).run().expect(7);
    line.holds_the_segment_once();

    // What is absent is said to be there.
    let line = Line::new(Kind::Moto);
    line.proxy.add(Rule::new(Fault::Answer(200)).method("HEAD"));
    let push = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
    push.expect(8).says(".zst.age was there and is gone");
    assert_eq!(line.store.keys(), [""; 0]);
}
