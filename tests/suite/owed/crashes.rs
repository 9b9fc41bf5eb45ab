//! Killed while something becomes owed, and while it is paid: what was acknowledged is in one repository, and the other one
//! has it or is owed it.

use std::thread::sleep;
use std::time::Duration;

use super::OneOfTwo;
use super::settling::settle;
use crate::crash_matrix::{Random, dies_at};
use crate::scene::SHORT_LIMITS;
use crate::support::proxy::Fault;

/// Every place that a debt comes past, from its note to its end.
pub const POINTS: [&str; 6] = [
    "owe.before-note",
    "owe.noted",
    "settle.before-file",
    "settle.carried",
    "settle.backup-copied",
    "drop.gave-up",
];

#[test]
fn a_push_may_die_before_and_after_the_note_of_a_debt() {
    for point in &POINTS[..2] {
        let both = OneOfTwo::new();
        both.bucket_does(Fault::Answer(503));
        dies_at(both.scene.has(0).push(0).args(SHORT_LIMITS), point);
        both.folder.holds(&both.scene.clear_key(0), both.scene.bytes(0));
        both.scene.push(0).args(SHORT_LIMITS).run().expect(0);
        assert_eq!(both.owed(&both.folder), [both.scene.name(0)], "{point}");
        both.proxy.clear();
        settle(&both.scene).run().expect(0);
        both.bucket.holds(&both.scene.clear_key(0), both.scene.bytes(0));
        assert_eq!(both.owed(&both.folder), [""; 0], "{point}");
    }
}

#[test]
fn a_payment_may_die_at_any_file() {
    for point in ["settle.before-file:1", "settle.carried", "settle.carried:2", "s3.after-put:2"] {
        let both = OneOfTwo::new();
        both.bucket_does(Fault::Answer(503));
        both.pushes(0..4);
        both.proxy.clear();
        dies_at(settle(&both.scene), point);
        both.each_has_it_or_is_owed(4);
        both.pushes([4]);
        both.each_has_it_or_is_owed(5);
        settle(&both.scene).run().expect(0);
        both.both_hold(5);
        assert_eq!(both.owed(&both.folder), [""; 0], "{point}");
    }
}

/// The bucket comes and goes, and whatever runs is killed at any moment. With OWED_KILLS=1000 as often as that.
#[test]
fn what_was_acknowledged_is_had_or_owed_whenever_something_was_killed() {
    let kills = std::env::var("OWED_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let (mut random, mut killed, mut rounds) = (Random::new(), 0, 0);
    let mut span = Duration::from_millis(100);
    while killed < kills {
        rounds += 1;
        assert!(rounds < 20 + kills * 2, "only {killed} were killed in {rounds} rounds");
        let both = OneOfTwo::new();
        let mut next = 0;
        while next < both.scene.wal.segments.len().min(8) {
            match random.below(3) {
                0 => both.bucket_does(Fault::Answer(503)),
                1 => both.bucket_does(Fault::CutBeforeAnswer),
                _ => both.proxy.clear(),
            }
            if random.below(2) == 0 {
                both.a_minute_later();
            }
            let pushes = random.below(3) > 0;
            let run = match pushes {
                true => both.scene.has(next).push(next).args(SHORT_LIMITS),
                false => settle(&both.scene),
            };
            let mut running = run.start();
            sleep(span * random.below(1000) / 1000);
            let ended = running.ended();
            span = if ended { span * 9 / 10 } else { span * 11 / 10 };
            let outcome = running.kill_nine();
            killed += u32::from(outcome.signal == Some(9));
            if pushes && ended && outcome.status == Some(0) {
                next += 1;
            }
            both.each_has_it_or_is_owed(next);
            if pushes && outcome.signal == Some(9) {
                // PostgreSQL asks again.
                both.proxy.clear();
                both.scene.push(next).args(SHORT_LIMITS).run().expect(0);
                next += 1;
                both.each_has_it_or_is_owed(next);
            }
        }
        both.proxy.clear();
        settle(&both.scene).run().expect(0);
        both.both_hold(next);
        assert_eq!((both.owed(&both.folder), both.owed(&both.bucket)), (vec![], vec![]));
    }
}
