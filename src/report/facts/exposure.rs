use jiff::Timestamp;

const HOUR_SECONDS: i64 = 3600;

/// How many hours are looked back.
pub const HOURS: usize = 14 * 24;

/// How much could have been lost at worst in each of the last hours: the time since the newest WAL that a
/// repository had. Where the server had nothing to write it had nothing to lose, so this is an upper bound.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// The hour that runs now is the last.
    first_hour: i64,
    now: i64,
    /// Seconds; `None` before the first WAL.
    hours: Vec<Option<u64>>,
}

impl Exposure {
    pub fn until(now: Timestamp) -> Self {
        let now = now.as_second();
        let first_hour = now.div_euclid(HOUR_SECONDS) + 1 - HOURS as i64;
        Self { first_hour, now, hours: vec![None; HOURS] }
    }

    /// Nothing came between these two moments.
    pub fn waited(&mut self, from: Timestamp, to: Timestamp) {
        let (from, to) = (from.as_second(), to.as_second().min(self.now));
        let first = from.div_euclid(HOUR_SECONDS).max(self.first_hour);
        let last = to.div_euclid(HOUR_SECONDS).min(self.first_hour + HOURS as i64 - 1);
        for hour in first..=last {
            let until = to.min((hour + 1) * HOUR_SECONDS);
            let Ok(at) = usize::try_from(hour - self.first_hour) else { continue };
            let seconds = u64::try_from(until - from).unwrap_or(0);
            self.hours[at] = self.hours[at].max(Some(seconds));
        }
    }

    /// The better of two repositories, hour by hour: one is enough to restore from.
    pub fn better(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.hours.iter_mut().zip(&other.hours) {
            *mine = match (*mine, *theirs) {
                (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
                (mine, theirs) => mine.or(theirs),
            };
        }
        self
    }

    /// The worst of every `hours` hours in seconds, each with the time it begins. The last one ends now.
    pub fn every(&self, hours: usize) -> impl Iterator<Item = (Timestamp, Option<u64>)> {
        self.hours.chunks(hours).enumerate().filter_map(move |(at, chunk)| {
            let hour = self.first_hour + (at * hours) as i64;
            let begins = Timestamp::from_second(hour * HOUR_SECONDS).ok()?;
            Some((begins, chunk.iter().copied().max().flatten()))
        })
    }

    pub fn worst(&self) -> Option<u64> {
        self.hours.iter().copied().max().flatten()
    }

    /// How many hours are known, and how many of them kept to a limit.
    pub fn kept(&self, seconds: u64) -> (usize, usize) {
        let known = self.hours.iter().flatten();
        (known.clone().count(), known.filter(|found| **found <= seconds).count())
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
        exposure.waited(at(-5), at(-2));
        exposure.waited(at(-2), at(0));
        let last: Vec<_> = exposure.hours[HOURS - 7..].to_vec();
        let hours = |count: u64| Some(count * 3600);
        let expected = [None, hours(1), hours(2), hours(3), hours(3), hours(2), hours(2)];
        assert_eq!(last, expected);
        assert_eq!((exposure.worst(), exposure.kept(7200)), (hours(3), (6, 4)));
        let other = Exposure::until(at(0));
        assert_eq!(exposure.clone().better(&other).worst(), hours(3));
        let mut other = other;
        other.waited(at(-3), at(-3));
        let better = exposure.better(&other);
        assert_eq!(better.hours[HOURS - 4], hours(0));
        assert_eq!(better.every(HOURS).count(), 1);
    }
}
