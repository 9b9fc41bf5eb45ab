//! What time it is, and when a backup ended. This host has a clock, each store has one, and a description says what its
//! writer believed: a wrong one of them must not delete the others' backups.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::CLOCKS_APART;
use crate::error::{Class, Error};

/// Nobody minds that the clocks of a host and of a store are so far apart.
const TOLERATED: SignedDuration = SignedDuration::from_mins(5);

/// No clock that goes says less: one without a battery begins in 1970 or when it was made.
const NO_CLOCK_BEFORE: Timestamp = Timestamp::constant(1_577_836_800, 0);

/// What time it is, for this host and all stores together.
#[derive(Debug)]
pub struct Clocks {
    /// The earliest of them: with it nothing is older than it is for any of them.
    pub now: Timestamp,
    /// The latest of them: what is there was there then for certain.
    pub latest: Timestamp,
    /// What there is to say of it.
    pub remarks: Vec<String>,
    /// Stores whose clock is wrong for certain, by their places.
    pub wrong: BTreeMap<usize, Error>,
}

impl Clocks {
    /// `stores` are names and what their clocks say, where they do; `newest` is the end of the newest backup of which
    /// nobody doubts when that was.
    pub fn compare(
        host: Timestamp,
        stores: &[(&str, Option<Timestamp>)],
        newest: Option<Timestamp>,
    ) -> Self {
        let mut clocks =
            Self { now: host, latest: host, remarks: Vec::new(), wrong: BTreeMap::new() };
        for (place, (name, said)) in stores.iter().enumerate() {
            let Some(said) = *said else { continue };
            if said < NO_CLOCK_BEFORE {
                clocks.remarks.push(format!(
                    "The clock of repository {name} says {said:.0}, which it can't be: what backups say counts alone."
                ));
                continue;
            }
            if newest.is_some_and(|newest| newest.duration_since(said) > CLOCKS_APART)
                && host.duration_since(said) > CLOCKS_APART
            {
                clocks.wrong.insert(place, wrong(name, said, newest.unwrap_or(said)));
                continue;
            }
            let ahead = host.duration_since(said);
            if ahead.abs() > TOLERATED {
                let way = if ahead.is_positive() { "ahead of" } else { "behind" };
                let by = humantime::format_duration(std::time::Duration::from_secs(
                    ahead.unsigned_abs().as_secs(),
                ));
                clocks.remarks.push(format!(
                    "The clock of this host is {by} {way} that of repository {name}: the earlier one counts."
                ));
            }
            clocks.now = clocks.now.min(said);
            clocks.latest = clocks.latest.max(said);
        }
        clocks
    }
}

fn wrong(name: &str, said: Timestamp, newest: Timestamp) -> Error {
    let message = format!(
        "expected the clock of repository {name} to be later than the end of a backup at {newest:.0}, found {said:.0}"
    );
    Error::new(Class::Configuration, message)
        .hint("Set the clock of that store right; nothing was deleted in it.")
}

/// The date of an object, unless its store had no clock then.
pub fn believable(created: Option<Timestamp>) -> Option<Timestamp> {
    created.filter(|created| *created >= NO_CLOCK_BEFORE)
}

/// What this host noted when it saw a description for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// What the store said then; or what a human vouched for.
    Stored(Timestamp),
    /// The store said nothing: it was there at the latest then, by the later one of the clocks.
    Seen(Timestamp),
}

/// When a description was stored, as far as anybody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dates {
    /// By the clock of the store. It begins anew where a repository is copied.
    pub store: Option<Timestamp>,
    /// Of a description with the same content.
    pub noted: Option<Noted>,
}

impl Dates {
    /// What counts. A note that bears a description out counts instead of the store, and so does one that does not: what
    /// was in doubt once stays so, whenever it is stored again.
    fn stored(&self) -> Option<Timestamp> {
        match (self.store, self.noted) {
            (_, Some(Noted::Stored(noted))) => Some(noted),
            (Some(store), Some(Noted::Seen(noted))) => Some(store.min(noted)),
            (store, _) => store,
        }
    }

    /// Why nobody believes that it ended then.
    pub fn doubt(&self, ended: Timestamp) -> Option<String> {
        doubt(ended, self.stored())
    }

    /// The younger one of what is said and what is known; of one in doubt what is known alone. Where that is from before
    /// it ended, a note makes it no older than the store does.
    pub fn seen(&self, ended: Timestamp) -> Timestamp {
        match (self.stored(), self.doubt(ended)) {
            (None, _) => ended,
            (Some(stored), Some(_)) if stored < ended => {
                Some(stored).max(self.store).unwrap_or(ended)
            }
            (Some(stored), Some(_)) => stored,
            (Some(stored), None) => stored.max(ended),
        }
    }

    /// Whether the note alone bears it out.
    pub fn is_borne_out_by_note(&self, ended: Timestamp) -> bool {
        self.doubt(ended).is_none() && doubt(ended, self.store).is_some()
    }
}

/// From the end of a backup to its description: it waits for its WAL meanwhile.
const LATE_MAX: SignedDuration = SignedDuration::from_hours(6);

/// Why nobody believes when a backup ended, from what its description says and when that was stored by the clock of
/// the store.
pub fn doubt(ended: Timestamp, stored: Option<Timestamp>) -> Option<String> {
    let stored = stored?;
    let late = stored.duration_since(ended);
    (late > LATE_MAX || late < -CLOCKS_APART)
        .then(|| format!("says that it ended at {ended:.0}, and was stored at {stored:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_earlier_clock_counts_and_is_said() {
        let host = at("2028-01-04T12:00:00Z");
        let (near, far) = (at("2028-01-04T11:56:00Z"), at("2026-11-30T12:00:00Z"));
        let compare = |stores: &[(&str, Option<Timestamp>)]| Clocks::compare(host, stores, None);
        let clocks = compare(&[("disk", Some(near)), ("nas", None)]);
        assert_eq!((clocks.now, clocks.remarks.len(), clocks.wrong.len()), (near, 0, 0));
        let clocks = compare(&[("disk", Some(host)), ("s3", Some(far))]);
        assert_eq!(clocks.now, far);
        let text = "The clock of this host is 1year 1month 4days 7h 26m 24s ahead of that of repository s3: the earlier one counts.";
        assert_eq!(clocks.remarks, [text]);
    }

    #[test]
    fn a_store_without_a_clock_or_with_a_wrong_one_does_not_stop_the_others() {
        let host = at("2026-11-30T12:00:00Z");
        let clocks = Clocks::compare(host, &[("nas", Some(Timestamp::UNIX_EPOCH))], None);
        assert_eq!(clocks.now, host);
        let text = "The clock of repository nas says 1970-01-01T00:00:00Z, which it can't be: what backups say counts alone.";
        assert_eq!(clocks.remarks, [text]);
        let behind = at("2026-11-29T12:00:00Z");
        let stores = [("nas", Some(behind)), ("disk", Some(host))];
        let clocks = Clocks::compare(host, &stores, Some(at("2026-11-30T02:00:00Z")));
        assert_eq!((clocks.now, clocks.remarks.len()), (host, 0));
        assert_eq!(
            clocks.wrong[&0].to_string(),
            "expected the clock of repository nas to be later than the end of a backup at \
             2026-11-30T02:00:00Z, found 2026-11-29T12:00:00Z. HINT: Set the clock of that store right; nothing was \
             deleted in it."
        );
        assert_eq!(believable(Some(Timestamp::UNIX_EPOCH)), None);
        assert_eq!(believable(Some(host)), Some(host));
    }

    fn day(day: i8) -> Timestamp {
        format!("2026-11-{day:02}T03:00:00Z").parse().unwrap()
    }

    fn dates(store: i8, noted: Noted) -> Dates {
        Dates { store: Some(day(store)), noted: Some(noted) }
    }

    #[test]
    fn what_was_believed_once_is_believed_in_a_copy_of_the_repository() {
        let copied = dates(28, Noted::Stored(day(2)));
        assert_eq!((copied.doubt(day(2)), copied.seen(day(2))), (None, day(2)));
        assert!(copied.is_borne_out_by_note(day(2)));
        let unknown = Dates { noted: None, ..copied };
        assert!(unknown.doubt(day(2)).is_some());
        assert_eq!(unknown.seen(day(2)), day(28));
        // A store that says less than it did then: the younger one.
        let earlier = dates(1, Noted::Stored(day(2)));
        assert_eq!((earlier.doubt(day(2)), earlier.seen(day(2))), (None, day(2)));
    }

    #[test]
    fn what_was_in_doubt_once_stays_so() {
        // Said to be of the 20th, seen on the 10th, and stored once more on the 20th.
        let future = dates(20, Noted::Stored(day(10)));
        assert!(future.doubt(day(20)).is_some());
        assert_eq!(future.seen(day(20)), day(20));
        assert_eq!(doubt(day(20), future.store), None);
        // Said to be of the 1st, seen on the 10th.
        let past = dates(20, Noted::Stored(day(10)));
        assert!(past.doubt(day(1)).is_some());
        assert_eq!(past.seen(day(1)), day(10));
    }

    /// The clock of the store was wrong, or it has none.
    #[test]
    fn what_was_only_seen_proves_that_it_was_there() {
        let seen = dates(28, Noted::Seen(day(10)));
        assert!(seen.doubt(day(2)).is_some());
        assert_eq!(seen.seen(day(2)), day(10));
        let nothing = Dates { store: None, ..seen };
        assert_eq!((nothing.doubt(day(2)), nothing.seen(day(2))), (None, day(2)));
    }

    #[test]
    fn what_was_stored_long_after_it_ended_or_before_is_in_doubt() {
        let at = |time: &str| -> Timestamp { format!("2026-11-30T{time}Z").parse().unwrap() };
        let ended = at("12:00:00");
        assert_eq!(doubt(ended, None), None);
        for stored in ["11:00:00", "12:00:05", "18:00:00"] {
            assert_eq!(doubt(ended, Some(at(stored))), None, "{stored}");
        }
        for stored in ["10:59:59", "18:00:01"] {
            let text = format!(
                "says that it ended at 2026-11-30T12:00:00Z, and was stored at 2026-11-30T{stored}Z"
            );
            assert_eq!(doubt(ended, Some(at(stored))), Some(text));
        }
    }
}
