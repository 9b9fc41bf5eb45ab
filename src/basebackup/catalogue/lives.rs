//! Which of several systems under one cluster name lives: one that was upgraded left its old one behind, and who may add
//! objects may add a system. What a system says of its time counts for nothing here, only what the stores say.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{Survey, SystemWal};
use crate::backup::Known;
use crate::basebackup::all_backups;
use crate::config::Config;
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;
use crate::retention::believable;

/// Who took over stored something for so long: a backup that somebody planted is there for a moment.
const LIVED: SignedDuration = SignedDuration::from_hours(24);

/// From when to when something of a system was stored, by the clocks of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub first: Timestamp,
    pub last: Timestamp,
    pub system: SystemIdentifier,
}

/// Systems one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    pub living: Life,
    /// Those that it took over from, the oldest first.
    pub left: Vec<Life>,
    /// Those of which something was stored while it lived, or behind that, and not for long.
    pub rivals: Vec<Life>,
}

impl Succession {
    fn of(mut lives: Vec<Life>) -> Option<Self> {
        sort(&mut lives);
        let mut lives = lives.into_iter();
        let mut all = Self { living: lives.next()?, left: Vec::new(), rivals: Vec::new() };
        for next in lives {
            let lived = next.last.duration_since(next.first) >= LIVED;
            if next.first > all.living.last && lived {
                all.left.push(std::mem::replace(&mut all.living, next));
                all.rivals.retain(|rival| rival.last >= next.first);
            } else {
                all.rivals.push(next);
            }
        }
        Some(all)
    }

    /// Those that may be meant.
    pub fn candidates(&self) -> Vec<SystemIdentifier> {
        let all = std::iter::once(&self.living).chain(&self.rivals);
        all.map(|life| life.system).collect()
    }
}

fn sort(lives: &mut [Life]) {
    lives.sort_unstable_by_key(|life| (life.first, life.last, life.system.0));
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:.0} to {:.0})", self.system, self.first, self.last)
    }
}

impl Survey {
    /// Of all systems with a base backup, the oldest first.
    pub fn lives(&self) -> Vec<Life> {
        let mut lives: Vec<Life> = self.systems.iter().map(|it| self.life(it)).collect();
        sort(&mut lives);
        lives
    }

    /// `None` where no system has a base backup.
    pub fn succession(&self) -> Option<Succession> {
        Succession::of(self.lives())
    }

    /// What backups say of themselves counts where no store says anything.
    fn life(&self, system: &SystemWal) -> Life {
        let backups = || self.catalogue.backups.iter().filter(|it| it.system == system.system);
        let inventories = || system.inventories.iter().flatten();
        let stored = || backups().filter_map(|it| it.stored());
        let dated = |it: Timestamp| believable(Some(it));
        let began = inventories().flat_map(|it| it.began.values().copied()).filter_map(dated);
        let ended = inventories().flat_map(|it| it.ended.values().copied()).filter_map(dated);
        let (starts, stops) = (
            backups().map(|it| it.facts.start.time).min(),
            backups().map(|it| it.facts.stop.time).max(),
        );
        let first = began.chain(stored()).min().or(starts).unwrap_or(Timestamp::MIN);
        let last = ended.chain(stored()).max().or(stops).unwrap_or(first);
        Life { first, last, system: system.system }
    }
}

/// The one of these systems that this host takes base backups of, as it noted itself; `None` where that is none or several.
pub fn noted(
    config: &Config,
    repositories: &[Repository],
    systems: &[SystemIdentifier],
) -> Option<SystemIdentifier> {
    let known = Known::of(config.state_directory.as_deref(), "basebackup");
    let is_noted = |system: &&SystemIdentifier| {
        let all = all_backups(&config.cluster, **system);
        repositories.iter().any(|repository| known.took(repository, &all))
    };
    let mut noted = systems.iter().filter(is_noted);
    noted.next().copied().filter(|_| noted.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(system: u64, first: i64, last: i64) -> Life {
        let at = |hours: i64| Timestamp::from_second(1_795_000_000 + hours * 3600).unwrap();
        Life { first: at(first), last: at(last), system: SystemIdentifier(system) }
    }

    /// The living one, those left, the rivals.
    fn told(lives: &[Life]) -> (u64, Vec<u64>, Vec<u64>) {
        let it = Succession::of(lives.to_vec()).unwrap();
        let numbers = |lives: &[Life]| lives.iter().map(|life| life.system.0).collect::<Vec<_>>();
        (it.living.system.0, numbers(&it.left), numbers(&it.rivals))
    }

    #[test]
    fn who_lived_for_a_day_behind_another_took_over() {
        assert!(Succession::of(Vec::new()).is_none());
        let old = life(7, 0, 1000);
        assert_eq!(told(&[old]), (7, vec![], vec![]));
        assert_eq!(told(&[life(8, 1001, 1025), old]), (8, vec![7], vec![]));
        // A moment is no life, whatever number it has.
        let planted = life(u64::MAX, 1001, 1001);
        assert_eq!(told(&[planted, old]), (7, vec![], vec![u64::MAX]));
        assert_eq!(told(&[life(8, 1001, 1024), old]), (7, vec![], vec![8]));
        // Two that live at the same time: which one is meant nobody knows.
        assert_eq!(told(&[life(3, 500, 2000), old]), (7, vec![], vec![3]));
        // What was a rival of the old one is past with it.
        let long_ago = life(9, 300, 300);
        assert_eq!(told(&[old, long_ago, life(8, 1001, 1025)]), (8, vec![7], vec![]));
        assert_eq!(told(&[old, life(9, 300, 1010), life(8, 1001, 1025)]), (8, vec![7], vec![9]));
    }
}
