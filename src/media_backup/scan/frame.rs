//! A folder that the scan goes through, with its names in the order in which whole paths sort: `a`, `a-b`, `a/c`. So a
//! folder is looked at under its name and entered later, and no list of all paths has to be sorted.

use std::collections::{BTreeMap, HashMap};

use super::implied::Node;

/// A folder whose names are being gone through.
pub struct Frame {
    /// Its path as an entry; empty at the top.
    pub path: Vec<u8>,
    pub at: Where,
    pub items: std::vec::IntoIter<Item>,
}

pub enum Where {
    /// On the way to paths of the set.
    Implied(BTreeMap<Vec<u8>, Node>),
    Folder {
        place: usize,
        /// Its path below that place.
        below: Vec<u8>,
        /// Folders that are still to be entered: device and inode of each name.
        found: HashMap<Vec<u8>, (u64, u64)>,
        device: u64,
    },
}

/// What is done with a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    Look(Vec<u8>),
    /// Go through the folder of this name: that comes later, where `name/` sorts.
    Enter(Vec<u8>),
}

impl Item {
    fn key(&self) -> impl Iterator<Item = u8> + '_ {
        let (name, end) = match self {
            Self::Look(name) => (name, None),
            Self::Enter(name) => (name, Some(b'/')),
        };
        name.iter().copied().chain(end)
    }
}

impl Frame {
    pub fn new(path: Vec<u8>, at: Where, mut items: Vec<Item>) -> Self {
        items.sort_unstable_by(|one, other| one.key().cmp(other.key()));
        Self { path, at, items: items.into_iter() }
    }

    pub fn implied(path: Vec<u8>, children: BTreeMap<Vec<u8>, Node>) -> Self {
        let both = |name: &Vec<u8>| [Item::Look(name.clone()), Item::Enter(name.clone())];
        let items = children.keys().flat_map(both).collect();
        Self::new(path, Where::Implied(children), items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_folder_sorts_as_paths_do() {
        let look = |name: &str| Item::Look(name.into());
        let enter = |name: &str| Item::Enter(name.into());
        let items = vec![enter("a"), look("a0"), look("a-"), enter("a-"), look("a")];
        let frame = Frame::new(Vec::new(), Where::Implied(BTreeMap::new()), items);
        let expected = [look("a"), look("a-"), enter("a-"), enter("a"), look("a0")];
        assert_eq!(frame.items.collect::<Vec<_>>(), expected);
    }
}
