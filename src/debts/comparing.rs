//! What repositories hold is compared: a debt whose notes died with a host, and a repository that was rolled back to a
//! snapshot, which all of it was acknowledged by, are found by nobody else.
//!
//! A repository lacks what another one has behind the first segment that it holds itself of that timeline or of an ancestor:
//! before that it is its own retention, or it was added later. What is quite new may be under way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, Result};
use crate::postgres::{TimelineId, WalFileName, WalSegment};
use crate::repository::{Repository, Source, WalFolder};
use crate::threads::in_parallel;

/// A push that stores a file now is over by then.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(10);

/// The WAL files of one system in each repository, and when each store dates them.
pub struct WalListings(Vec<BTreeMap<WalFileName, Option<Timestamp>>>);

/// Timelines, and those that they came from.
type Ancestors = BTreeMap<TimelineId, BTreeSet<TimelineId>>;

/// What one repository lacks, and the places of those that have it.
pub type LackedWal = BTreeMap<WalFileName, Vec<usize>>;

impl WalListings {
    /// Lists all of them. Where one does not answer nothing is compared.
    pub fn read(repositories: &[Repository], folder: &WalFolder) -> Result<Self> {
        let list = |repository: &Repository| {
            let mut names = BTreeMap::new();
            let listed = repository.storage().list(folder.prefix(), "", &mut |listed| {
                names.extend(folder.file_of(listed.key).map(|name| (name, listed.created)));
                ControlFlow::Continue(())
            });
            listed.map(|()| names).map_err(|error: Error| {
                error.while_doing(format!("could not list repository {}", repository.name()))
            })
        };
        Ok(Self(in_parallel(repositories, list).into_iter().collect::<Result<_>>()?))
    }

    /// Whether a repository has nothing of this system, and another one has.
    pub fn is_new(&self, place: usize) -> bool {
        self.0[place].is_empty() && self.0.iter().any(|names| !names.is_empty())
    }

    /// One that has the most.
    pub fn fullest(&self) -> Option<usize> {
        (0..self.0.len()).max_by_key(|place| self.0[*place].len())
    }

    /// What a repository lacks at this time, as far as its own holdings say that it should have it.
    pub fn lacked(&self, place: usize, ancestors: &Ancestors, now: Timestamp) -> LackedWal {
        let own = &self.0[place];
        let mut first: BTreeMap<TimelineId, WalSegment> = BTreeMap::new();
        for segment in own.keys().filter_map(|name| name.segment()) {
            let known = first.entry(segment.timeline).or_insert(segment);
            *known = segment.min(*known);
        }
        let position = |segment: &WalSegment| (segment.log, segment.segment);
        let reaches = |name: &WalFileName| {
            let Some(segment) = name.segment() else { return true };
            if let Some(first) = first.get(&segment.timeline) {
                let is_whole = matches!(name, WalFileName::Segment(_));
                return *first < segment || *first == segment && !is_whole;
            }
            let from = ancestors.get(&segment.timeline).into_iter().flatten();
            let mut firsts = from.filter_map(|timeline| first.get(timeline));
            firsts.any(|first| position(first) <= position(&segment))
        };
        let is_young = |created: &Option<Timestamp>| {
            created.is_some_and(|created| now.duration_since(created).abs() < UNDER_WAY)
        };
        let mut lacked = LackedWal::new();
        if own.is_empty() {
            return lacked;
        }
        for (other, names) in self.0.iter().enumerate().filter(|(other, _)| *other != place) {
            for (name, created) in names {
                if !own.contains_key(name) && reaches(name) && !is_young(created) {
                    lacked.entry(*name).or_default().push(other);
                }
            }
        }
        lacked
    }

    /// Which timelines came from which, as the histories say that can be read.
    pub fn ancestors(&self, repositories: &[Repository], source: &Source<'_>) -> Ancestors {
        let mut ancestors = Ancestors::new();
        for (place, names) in self.0.iter().enumerate() {
            for name in names.keys() {
                let WalFileName::History(timeline) = name else { continue };
                if ancestors.contains_key(timeline) {
                    continue;
                }
                match repositories[place].history(source, *timeline) {
                    Ok(Some(history)) => {
                        let all = history.ancestors.iter().map(|switch| switch.timeline);
                        ancestors.insert(*timeline, all.collect());
                    }
                    Ok(None) => {}
                    Err(error) => tracing::debug!("{error}"),
                }
            }
        }
        ancestors
    }

    /// The nearest segments of its timeline that a repository has before and behind one.
    pub fn around(&self, place: usize, segment: WalSegment) -> Vec<WalSegment> {
        let own = || self.0[place].keys();
        let whole = |name: &WalFileName| match name {
            WalFileName::Segment(it) if it.timeline == segment.timeline => Some(*it),
            _ => None,
        };
        let before = own().filter_map(whole).filter(|it| *it < segment).max();
        let behind = own().filter_map(whole).filter(|it| *it > segment).min();
        before.into_iter().chain(behind).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "2026-11-01T00:00:00Z";

    fn listings(all: &[&[&str]]) -> WalListings {
        let old: Timestamp = OLD.parse().unwrap();
        let names =
            |names: &&[&str]| names.iter().map(|name| (name.parse().unwrap(), Some(old))).collect();
        WalListings(all.iter().map(names).collect())
    }

    fn lacked(listings: &WalListings, place: usize, ancestors: &Ancestors) -> Vec<String> {
        let now = "2026-11-30T00:00:00Z".parse().unwrap();
        listings.lacked(place, ancestors, now).keys().map(ToString::to_string).collect()
    }

    const ONE: &str = "000000010000000000000001";
    const TWO: &str = "000000010000000000000002";
    const THREE: &str = "000000010000000000000003";
    const FOUR: &str = "000000010000000000000004";
    const SECOND: &str = "000000020000000000000004";

    #[test]
    fn what_lies_before_the_first_one_that_it_holds_is_its_own_affair() {
        let all = listings(&[&[ONE, TWO, THREE, FOUR], &[TWO, FOUR], &[TWO, THREE]]);
        let none = Ancestors::new();
        assert_eq!(lacked(&all, 1, &none), [THREE]);
        assert_eq!(lacked(&all, 2, &none), [FOUR]);
        assert_eq!(lacked(&all, 0, &none), [""; 0]);
        assert!(!all.is_new(1));
    }

    #[test]
    fn a_timeline_that_it_has_nothing_of_counts_if_it_has_an_ancestor() {
        let all = listings(&[&[ONE, TWO, SECOND, "00000002.history"], &[TWO]]);
        let none = Ancestors::new();
        assert_eq!(lacked(&all, 1, &none), ["00000002.history"]);
        let one = |text: &str| text.parse::<WalFileName>().unwrap().timeline();
        let known = Ancestors::from([(one(SECOND), BTreeSet::from([one(ONE)]))]);
        let mut both = lacked(&all, 1, &known);
        both.sort();
        assert_eq!(both, ["00000002.history", SECOND]);
    }

    #[test]
    fn one_that_has_nothing_is_new_and_what_may_be_under_way_is_not_lacked() {
        let all = listings(&[&[ONE, TWO], &[]]);
        assert!(all.is_new(1) && !all.is_new(0));
        assert_eq!(lacked(&all, 1, &Ancestors::new()), [""; 0]);
        let all = listings(&[&[ONE, TWO], &[ONE]]);
        let soon = "2026-11-01T00:05:00Z".parse().unwrap();
        assert!(all.lacked(1, &Ancestors::new(), soon).is_empty());
    }
}
