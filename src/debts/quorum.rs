//! Which repositories are enough: `needed` counts devices, and a `required` repository can't be made up for by others.

use std::collections::BTreeSet;

use crate::config::{Config, NeededCopies};
use crate::repository::Repository;

/// What has to have a file or a backup before it counts as stored. By the places of the repositories in the
/// configuration.
#[derive(Debug, Clone)]
pub struct Quorum {
    needed: NeededCopies,
    required: Vec<bool>,
    /// Two folders on one disk, and two places in one bucket, are lost together.
    devices: Vec<String>,
}

impl Quorum {
    pub fn of(config: &Config, repositories: &[Repository]) -> Self {
        Self::on(config, repositories.iter().map(|one| one.storage().device()).collect())
    }

    /// With these devices, one for each repository.
    pub fn on(config: &Config, devices: Vec<String>) -> Self {
        let required = config.repositories.iter().map(|one| one.required).collect();
        Self { needed: config.needed, required, devices }
    }

    /// Whether nothing is ever owed to anybody.
    pub fn is_all(&self) -> bool {
        self.needed == NeededCopies::All
    }

    /// Whether these are enough.
    pub fn is_met(&self, have: impl IntoIterator<Item = usize>) -> bool {
        let have: BTreeSet<usize> = have.into_iter().collect();
        let is_required = |place: &usize| self.required.get(*place).copied().unwrap_or(false);
        if !(0..self.devices.len()).filter(is_required).all(|place| have.contains(&place)) {
            return false;
        }
        match self.needed {
            NeededCopies::All => have.len() == self.devices.len(),
            NeededCopies::AtLeast(number) => {
                let devices: BTreeSet<&str> = have
                    .iter()
                    .filter_map(|place| self.devices.get(*place))
                    .map(String::as_str)
                    .collect();
                devices.len() >= number.get()
            }
        }
    }

    /// Whether it can't be met without this one.
    pub fn needs(&self, place: usize) -> bool {
        !self.is_met((0..self.devices.len()).filter(|other| *other != place))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn quorum(needed: usize, required: &[bool], devices: &[&str]) -> Quorum {
        Quorum {
            needed: NonZeroUsize::new(needed).map_or(NeededCopies::All, NeededCopies::AtLeast),
            required: required.to_vec(),
            devices: devices.iter().map(|device| (*device).to_owned()).collect(),
        }
    }

    #[test]
    fn one_of_two_is_enough_where_one_is_needed() {
        let one = quorum(1, &[false, false], &["a", "b"]);
        assert!(one.is_met([0]) && one.is_met([1]) && !one.is_met([]));
        let all = quorum(0, &[false, false], &["a", "b"]);
        assert!(all.is_met([0, 1]) && !all.is_met([0]) && all.needs(0) && all.is_all());
    }

    #[test]
    fn two_folders_on_one_disk_count_once() {
        let two = quorum(2, &[false; 3], &["disk", "disk", "bucket"]);
        assert!(!two.is_met([0, 1]) && two.is_met([0, 2]));
        assert!(two.needs(2) && !two.needs(0));
    }

    #[test]
    fn a_required_one_is_not_made_up_for() {
        let one = quorum(1, &[false, true], &["a", "b"]);
        assert!(!one.is_met([0]) && one.is_met([1]) && one.needs(1) && !one.needs(0));
    }
}
