//! Which names are those of one file: the first is kept as a file, and the others become hard links to the first once
//! that is kept.

use std::collections::HashMap;

use super::super::entry::{Entry, Seen};

/// What became of the first name of a file that has more.
pub enum Link {
    /// It is under way.
    Waiting,
    Known(Box<Entry>),
    /// It could not be kept; the next name may.
    Failed,
}

/// Files with more than one name, by device and inode.
#[derive(Default)]
pub struct Links(HashMap<(u64, u64), Link>);

impl Links {
    pub fn is_waiting(&self, seen: &Seen) -> bool {
        matches!(self.0.get(&key(seen)), Some(Link::Waiting))
    }

    /// The entry of its first name. One that was changed since is another file.
    pub fn find(&self, seen: &Seen) -> Option<&Entry> {
        match self.0.get(&key(seen)) {
            Some(Link::Known(entry)) if entry.seen == *seen => Some(entry),
            _ => None,
        }
    }

    pub fn wait(&mut self, seen: Seen) {
        self.0.insert(key(&seen), Link::Waiting);
    }

    /// Nothing happens where nobody waits for it.
    pub fn settle(&mut self, seen: &Seen, link: Link) {
        if let Some(waiting) = self.0.get_mut(&key(seen)) {
            *waiting = link;
        }
    }
}

fn key(seen: &Seen) -> (u64, u64) {
    (seen.device, seen.inode)
}
