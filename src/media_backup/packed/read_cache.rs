//! Pieces of packs that a restore has fetched lately. A request for each small file would take long; but a file that is
//! wanted alone should not cost a whole piece. So a piece is fetched only when something in it, or in the piece before
//! it, was wanted already.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::threads::lock;

/// Objects are fetched in pieces of this length, in bytes.
const WINDOW_BYTES: u64 = 8 << 20;

/// So many pieces are kept.
const KEPT: usize = 6;

/// The object, and which piece of it.
type Key = (u32, u64);

/// Where a piece is once it was fetched; who wants it meanwhile waits for the lock.
type Slot = Arc<Mutex<Option<Arc<Vec<u8>>>>>;

/// The pieces, and which of them something was wanted of.
#[derive(Default)]
pub(crate) struct ReadCache {
    /// The one used last is in front.
    kept: Mutex<VecDeque<(Key, Slot)>>,
    touched: Mutex<HashSet<Key>>,
}

/// Fetches so many bytes from an offset on.
pub(crate) type FetchRange<'a> = &'a dyn Fn(u64, u64) -> Result<Vec<u8>>;

impl ReadCache {
    /// Bytes of an object of `total` bytes; the range lies within it.
    pub(crate) fn read(
        &self,
        object: u32,
        total: u64,
        (offset, length): (u64, u64),
        fetch: FetchRange<'_>,
    ) -> Result<Vec<u8>> {
        let windows = offset / WINDOW_BYTES..=(offset + length.max(1) - 1) / WINDOW_BYTES;
        if !self.is_near(object, *windows.start()) {
            return fetch(offset, length);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        for window in windows {
            let start = window * WINDOW_BYTES;
            let end = (start + WINDOW_BYTES).min(total);
            let piece = self.piece((object, window), &|| fetch(start, end - start))?;
            let at = |position: u64| usize::try_from(position - start).unwrap_or(usize::MAX);
            let range = at(offset.max(start))..at((offset + length).min(end));
            bytes.extend_from_slice(piece.get(range).unwrap_or_default());
        }
        Ok(bytes)
    }

    /// Whether something in this piece or the one before was wanted already.
    fn is_near(&self, object: u32, window: u64) -> bool {
        let mut touched = lock(&self.touched);
        let before = window.checked_sub(1).is_some_and(|it| touched.contains(&(object, it)));
        !touched.insert((object, window)) || before
    }

    fn piece(&self, key: Key, fetch: &dyn Fn() -> Result<Vec<u8>>) -> Result<Arc<Vec<u8>>> {
        let slot = self.slot(key);
        let mut piece = lock(&slot);
        if let Some(piece) = &*piece {
            return Ok(Arc::clone(piece));
        }
        let fetched = Arc::new(fetch()?);
        *piece = Some(Arc::clone(&fetched));
        Ok(fetched)
    }

    fn slot(&self, key: Key) -> Slot {
        let mut kept = lock(&self.kept);
        let there = kept.iter().position(|(it, _)| *it == key);
        let (_, slot) =
            there.and_then(|at| kept.remove(at)).unwrap_or_else(|| (key, Slot::default()));
        kept.push_front((key, Arc::clone(&slot)));
        kept.truncate(KEPT);
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn neighbours_come_together_and_a_stranger_comes_alone() {
        let total = 3 * WINDOW_BYTES + 5;
        let fetched = RefCell::new(Vec::new());
        let fetch = |offset: u64, length: u64| {
            fetched.borrow_mut().push((offset, length));
            Ok((offset..offset + length).map(|it| (it % 251) as u8).collect())
        };
        let cache = ReadCache::default();
        let read = |offset: u64, length: u64| {
            let found = cache.read(7, total, (offset, length), &fetch).unwrap();
            let expected: Vec<u8> = (offset..offset + length).map(|it| (it % 251) as u8).collect();
            assert!(found == expected, "{offset} {length}");
            std::mem::take(&mut *fetched.borrow_mut())
        };
        assert_eq!(read(10, 20), [(10, 20)]);
        assert_eq!(read(30, 20), [(0, WINDOW_BYTES)]);
        assert_eq!(read(WINDOW_BYTES - 3, 6), [(WINDOW_BYTES, WINDOW_BYTES)]);
        assert_eq!(read(0, 100), []);
        assert_eq!(read(3 * WINDOW_BYTES + 1, 4), [(3 * WINDOW_BYTES + 1, 4)]);
        assert_eq!(read(3 * WINDOW_BYTES, 5), [(3 * WINDOW_BYTES, 5)]);
    }
}
