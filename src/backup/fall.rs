//! Whether a backup holds so much less than those before it that its source has likely gone: a disk that is not
//! mounted, a folder that somebody emptied, a server that lost its data. Such a backup is whole, and worth little.

use serde::{Deserialize, Serialize};

use super::SelfContained;

/// How much of something a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// In words, such as `files`.
    pub what: String,
    pub count: u64,
    #[serde(skip)]
    limits: FallLimits,
}

/// What counts as a fall. It is no part of the format: who reads compares with his own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct FallLimits {
    /// A fall to nothing counts if the backup before had at least this many.
    gone: u64,
    /// `(of, lost)`: a fall to one part in `of` counts if at least `lost` are missing.
    part: Option<(u64, u64)>,
    /// Where it is not named it is gone: a database that has no key.
    silent: bool,
}

impl Measure {
    /// A fall to nothing counts if there were at least `gone` before.
    pub fn new(what: impl Into<String>, count: u64, gone: u64) -> Self {
        let limits = FallLimits { gone, part: None, silent: false };
        Self { what: what.into(), count, limits }
    }

    /// So does its fall to one part in `of`, where at least `lost` are lost.
    pub fn or_part(mut self, of: u64, lost: u64) -> Self {
        self.limits.part = Some((of, lost));
        self
    }

    /// A backup that does not name it has none of it.
    pub fn silent(mut self) -> Self {
        self.limits.silent = true;
        self
    }

    fn fell_to(&self, now: u64, limits: FallLimits) -> bool {
        let (before, lost) = (self.count, self.count.saturating_sub(now));
        let gone = now == 0 && before > 0 && before >= limits.gone;
        gone || limits.part.is_some_and(|(of, least)| {
            lost > 0 && lost >= least && now.saturating_mul(of) <= before
        })
    }
}

/// In the description of a backup that holds far less: since when, and what the last one before had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fell {
    /// The id of that one.
    pub since: String,
    pub before: Vec<Measure>,
}

impl Fell {
    /// What to compare the next backup with: this one, or what this one is compared with itself.
    pub fn reference<D: SelfContained>(newest: &D) -> Self {
        let own = || Self { since: newest.id().to_owned(), before: newest.measures() };
        let head = newest.head();
        head.fell.filter(|_| !head.accepted).cloned().unwrap_or_else(own)
    }

    /// What a new backup that has this much says of itself: since when it holds far less, unless somebody accepts that,
    /// and whether somebody did.
    pub fn judge(reference: Option<&Self>, now: &[Measure], accept: bool) -> (Option<Self>, bool) {
        let fell = reference.filter(|it| it.said(now).is_some());
        (fell.filter(|_| !accept).cloned(), accept && fell.is_some())
    }

    /// What has fallen, a clause for each: `0 files instead of 200`.
    pub fn said(&self, now: &[Measure]) -> Option<String> {
        let clauses: Vec<String> = self.before.iter().filter_map(|it| clause(it, now)).collect();
        (!clauses.is_empty()).then(|| clauses.join(", "))
    }
}

fn clause(before: &Measure, all: &[Measure]) -> Option<String> {
    let now = all.iter().find(|it| it.what == before.what);
    // A reader of an older description knows no limits of its own for what is not there any more.
    let silent = before.limits.silent || before.what.starts_with("keys of database ");
    let limits = match now {
        Some(now) => now.limits,
        None if silent => FallLimits { gone: DATABASE_KEYS, ..before.limits },
        None => return None,
    };
    let count = now.map_or(0, |it| it.count);
    let fell = before.fell_to(count, limits);
    fell.then(|| format!("{count} {} instead of {}", before.what, before.count))
}

/// A small database of a Redis may well be empty now and then.
pub const DATABASE_KEYS: u64 = 10;

/// Which of some backups, given from the oldest on, hold far less than those before them, and than which.
pub fn fallen<'a, D: SelfContained + 'a>(
    all: impl IntoIterator<Item = &'a D>,
) -> Vec<Option<Fell>> {
    let mut reference: Option<Fell> = None;
    let judge = |it: &D| {
        let now = it.measures();
        let before = reference.clone().or_else(|| it.head().fell.cloned());
        let fell = before.filter(|before| !it.head().accepted && before.said(&now).is_some());
        if fell.is_none() {
            reference = Some(Fell { since: it.id().to_owned(), before: now });
        }
        fell
    };
    all.into_iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(count: u64) -> Vec<Measure> {
        vec![Measure::new("files", count, 1).or_part(2, 10)]
    }

    fn fell(before: u64, now: u64) -> bool {
        Fell { since: "x".into(), before: files(before) }.said(&files(now)).is_some()
    }

    #[test]
    fn nothing_left_and_half_of_many_are_falls() {
        for (before, now, expected) in [
            (200, 0, true),
            (1, 0, true),
            (200, 100, true),
            (200, 101, false),
            (18, 9, false),
            (20, 10, true),
            (0, 0, false),
            (0, 5, false),
            (u64::MAX, u64::MAX / 2, true),
        ] {
            assert_eq!(fell(before, now), expected, "{before} {now}");
        }
    }

    #[test]
    fn a_database_that_is_not_named_is_empty() {
        let database = |count| Measure::new("keys of database 3", count, DATABASE_KEYS).silent();
        let before = |count| Fell { since: "x".into(), before: vec![database(count)] };
        let said = Some("0 keys of database 3 instead of 10".to_owned());
        assert_eq!(before(10).said(&[]), said);
        assert_eq!(before(9).said(&[]), None);
        // As it comes back from a description.
        let text = serde_json::to_string(&before(10)).unwrap();
        assert_eq!(text, r#"{"since":"x","before":[{"what":"keys of database 3","count":10}]}"#);
        assert_eq!(serde_json::from_str::<Fell>(&text).unwrap().said(&[]), said);
        assert_eq!(before(10).said(&[database(1)]), None);
        assert_eq!(Fell { since: "x".into(), before: files(5) }.said(&[]), None);
    }
}
