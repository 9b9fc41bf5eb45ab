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
}
