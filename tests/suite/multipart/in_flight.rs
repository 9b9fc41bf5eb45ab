//! Many parts are on their way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use seawall::storage::Created;

use super::{KEY, Line, PART, content, facts};
use crate::scene::side_by_side;
use crate::storage_contract::{LIMITS, PART_BYTES};
use crate::support::proxy::{Fault, Rule};
use crate::support::s3::Kind;
use crate::support::wait::wait_until;

const LONG: Duration = Duration::from_secs(60);

/// Memory is bounded: whoever writes waits while the store does not answer.
#[test]
fn no_more_parts_are_in_memory_than_five() {
    for (front, on_their_way) in [(0, 4), (9, 3)] {
        let line = Line::new(Kind::S3sFs);
        line.proxy.add(Rule::new(Fault::Hang).path(PART));
        let whole = content(7, 7);
        let written = AtomicUsize::new(0);
        let progress = || written.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut object = line.storage.begin_large(KEY, front, 1, &facts())?;
                for piece in whole[front..].chunks(1 << 20) {
                    object.write(Bytes::copy_from_slice(piece))?;
                    written.fetch_add(piece.len(), Ordering::Relaxed);
                }
                object.finish(Bytes::copy_from_slice(&whole[..front]))
            });
            wait_until("the store to be asked", LONG, || {
                line.proxy.count("PUT", PART) == on_their_way
            });
            let most = 5 * PART_BYTES;
            wait_until("the fifth part to fill", LONG, || progress() + (1 << 20) > most - front);
            std::thread::sleep(Duration::from_millis(300));
            assert!(progress() + front <= most, "{}", progress());
            assert_eq!(line.proxy.count("PUT", PART), on_their_way);
            line.proxy.clear();
            assert_eq!(writer.join().expect("no panic"), Ok(Created::New));
        });
        line.holds(&whole);
    }
}

#[test]
fn several_objects_go_side_by_side() {
    let line = Line::with(Kind::S3sFs, LIMITS, true, |_| {});
    side_by_side(&["a", "b", "c"], |key| {
        let mut object = line.storage.begin_large(key, 0, 1, &facts()).expect("begun");
        object.write(Bytes::from(content(2, key.as_bytes()[0].into()))).expect("written");
        assert_eq!(object.finish(Bytes::new()), Ok(Created::New));
    });
    for key in ["a", "b", "c"] {
        let expected = content(2, key.as_bytes()[0].into());
        assert!(line.server.get(key) == Some(expected), "{key}");
    }
    line.nothing_is_pending();
}
