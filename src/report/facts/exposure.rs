//! What could have been lost at worst in each of the last hours: the time since the newest WAL that a repository had. A
//! server that had nothing to write had nothing to lose, so this is an upper bound; times in which the server may have
//! been idle are kept apart from those in which it surely wrote.

use jiff::Timestamp;

pub(super) const HOUR_SECONDS: i64 = 3600;

/// How many hours are looked back.
pub(crate) const HOURS: usize = 14 * 24;

/// The last [`HOURS`], each with the longest times without WAL.
#[derive(Debug, Clone)]
pub(crate) struct Exposure {
    /// The hour that runs now is the last.
    first_hour: i64,
    now: i64,
    /// `None` before the first WAL.
    hours: Vec<Option<Wait>>,
}

/// The longest times in which nothing came, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wait {
    /// While there was something to come.
    pub written: u64,
    /// While nobody knows whether there was: the server may have been idle.
    pub quiet: u64,
}

/// Whether a limit was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitKept {
    Yes,
    /// There may have been nothing to lose.
    Unknown,
    No,
}

impl Wait {
    pub(crate) fn longest(self) -> u64 {
        self.written.max(self.quiet)
    }

    pub(crate) fn kept(self, seconds: u64) -> LimitKept {
        match self {
            Self { written, .. } if written > seconds => LimitKept::No,
            Self { quiet, .. } if quiet > seconds => LimitKept::Unknown,
            _ => LimitKept::Yes,
        }
    }

    fn worse(self, other: Self) -> Self {
        Self { written: self.written.max(other.written), quiet: self.quiet.max(other.quiet) }
    }
}

impl Exposure {
    pub(crate) fn until(now: Timestamp) -> Self {
        let now = now.as_second();
        let first_hour = now.div_euclid(HOUR_SECONDS) + 1 - HOURS as i64;
        Self { first_hour, now, hours: vec![None; HOURS] }
    }

    /// Nothing came between these two moments, although there was something to come where `written`.
    pub(crate) fn waited(&mut self, from: Timestamp, to: Timestamp, written: bool) {
        let (from, to) = (from.as_second(), to.as_second().min(self.now));
        let first = from.div_euclid(HOUR_SECONDS).max(self.first_hour);
        let last = to.div_euclid(HOUR_SECONDS).min(self.first_hour + HOURS as i64 - 1);
        for hour in first..=last {
            let until = to.min((hour + 1) * HOUR_SECONDS);
            let Ok(at) = usize::try_from(hour - self.first_hour) else { continue };
            let seconds = u64::try_from(until - from).unwrap_or(0);
            let wait = match written {
                true => Wait { written: seconds, quiet: 0 },
                false => Wait { written: 0, quiet: seconds },
            };
            self.hours[at] = Some(self.hours[at].unwrap_or_default().worse(wait));
        }
    }

    /// The better of two repositories, hour by hour: one is enough to restore from.
    pub(crate) fn better(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.hours.iter_mut().zip(&other.hours) {
            *mine = match (*mine, *theirs) {
                (Some(mine), Some(theirs)) if theirs.longest() < mine.longest() => Some(theirs),
                (mine, theirs) => mine.or(theirs),
            };
        }
        self
    }

    /// How many hours are known, from the first of which something is known.
    pub(crate) fn known(&self) -> usize {
        self.hours.iter().skip_while(|hour| hour.is_none()).count()
    }

    /// The worst of every `hours` hours from the first that is known, each with the time it begins. The last one ends
    /// now.
    pub(crate) fn every(&self, hours: usize) -> impl Iterator<Item = (Timestamp, Option<Wait>)> {
        let first = HOURS - self.known().div_ceil(hours) * hours;
        let chunks = self.hours.get(first..).unwrap_or_default().chunks(hours);
        chunks.enumerate().filter_map(move |(at, chunk)| {
            let hour = self.first_hour + (first + at * hours) as i64;
            let begins = Timestamp::from_second(hour * HOUR_SECONDS).ok()?;
            Some((begins, chunk.iter().copied().flatten().reduce(Wait::worse)))
        })
    }

    /// The longest time of all, whether there was something to come or not.
    pub(crate) fn longest(&self) -> Option<u64> {
        self.hours.iter().flatten().map(|wait| wait.longest()).max()
    }

    /// The longest time while there was something to come.
    pub(crate) fn worst(&self) -> Option<u64> {
        self.hours.iter().flatten().map(|wait| wait.written).max()
    }

    /// In how many hours a limit was kept so.
    pub(crate) fn count(&self, seconds: u64, kept: LimitKept) -> usize {
        self.hours.iter().flatten().filter(|wait| wait.kept(seconds) == kept).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_799_996_400 + hours * HOUR_SECONDS).unwrap()
    }

    #[test]
    fn what_could_be_lost_grows_until_something_comes() {
        let mut exposure = Exposure::until(at(0));
        exposure.waited(at(-5), at(-2), true);
        exposure.waited(at(-2), at(0), false);
        let last: Vec<_> = exposure.hours[HOURS - 7..].to_vec();
        let hours =
            |written: u64, quiet: u64| Some(Wait { written: written * 3600, quiet: quiet * 3600 });
        let expected =
            [None, hours(1, 0), hours(2, 0), hours(3, 0), hours(3, 1), hours(0, 2), hours(0, 2)];
        assert_eq!(last, expected);
        assert_eq!((exposure.worst(), exposure.longest()), (Some(3 * 3600), Some(3 * 3600)));
        let counted = [LimitKept::Yes, LimitKept::Unknown, LimitKept::No]
            .map(|kept| exposure.count(5400, kept));
        assert_eq!((counted, exposure.known()), ([1, 2, 3], 6));
        let other = Exposure::until(at(0));
        assert_eq!(exposure.clone().better(&other).worst(), Some(3 * 3600));
        let mut other = other;
        other.waited(at(-3), at(-3), false);
        let better = exposure.better(&other);
        assert_eq!(better.hours[HOURS - 4], hours(0, 0));
        assert_eq!(better.every(4).count(), 2);
    }
}
