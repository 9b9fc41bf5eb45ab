use jiff::Timestamp;

use super::doubt;

/// What this host noted when it saw a description for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// What the store said then; or what a human vouched for.
    Stored(Timestamp),
    /// The store said nothing: it was there at the latest then, by the later one of the clocks.
    Seen(Timestamp),
}

/// When a description was stored, as far as anybody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dates {
    /// By the clock of the store. It begins anew where a repository is copied.
    pub store: Option<Timestamp>,
    /// Of a description with the same content.
    pub noted: Option<Noted>,
}

impl Dates {
    /// What counts. A note that bears a description out counts instead of the store, and so does one that does not: what
    /// was in doubt once stays so, whenever it is stored again.
    fn stored(&self) -> Option<Timestamp> {
        match (self.store, self.noted) {
            (_, Some(Noted::Stored(noted))) => Some(noted),
            (Some(store), Some(Noted::Seen(noted))) => Some(store.min(noted)),
            (store, _) => store,
        }
    }

    /// Why nobody believes that it ended then.
    pub fn doubt(&self, ended: Timestamp) -> Option<String> {
        doubt(ended, self.stored())
    }

    /// The younger one of what is said and what is known; of one in doubt what is known alone. Where that is from before
    /// it ended, a note makes it no older than the store does.
    pub fn seen(&self, ended: Timestamp) -> Timestamp {
        match (self.stored(), self.doubt(ended)) {
            (None, _) => ended,
            (Some(stored), Some(_)) if stored < ended => {
                Some(stored).max(self.store).unwrap_or(ended)
            }
            (Some(stored), Some(_)) => stored,
            (Some(stored), None) => stored.max(ended),
        }
    }

    /// Whether the note alone bears it out.
    pub fn is_borne_out_by_note(&self, ended: Timestamp) -> bool {
        self.doubt(ended).is_none() && doubt(ended, self.store).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8) -> Timestamp {
        format!("2026-11-{day:02}T03:00:00Z").parse().unwrap()
    }

    fn dates(store: i8, noted: Noted) -> Dates {
        Dates { store: Some(day(store)), noted: Some(noted) }
    }

    #[test]
    fn what_was_believed_once_is_believed_in_a_copy_of_the_repository() {
        let copied = dates(28, Noted::Stored(day(2)));
        assert_eq!((copied.doubt(day(2)), copied.seen(day(2))), (None, day(2)));
        assert!(copied.is_borne_out_by_note(day(2)));
        let unknown = Dates { noted: None, ..copied };
        assert!(unknown.doubt(day(2)).is_some());
        assert_eq!(unknown.seen(day(2)), day(28));
        // A store that says less than it did then: the younger one.
        let earlier = dates(1, Noted::Stored(day(2)));
        assert_eq!((earlier.doubt(day(2)), earlier.seen(day(2))), (None, day(2)));
    }

    #[test]
    fn what_was_in_doubt_once_stays_so() {
        // Said to be of the 20th, seen on the 10th, and stored once more on the 20th.
        let future = dates(20, Noted::Stored(day(10)));
        assert!(future.doubt(day(20)).is_some());
        assert_eq!(future.seen(day(20)), day(20));
        assert_eq!(doubt(day(20), future.store), None);
        // Said to be of the 1st, seen on the 10th.
        let past = dates(20, Noted::Stored(day(10)));
        assert!(past.doubt(day(1)).is_some());
        assert_eq!(past.seen(day(1)), day(10));
    }

    /// The clock of the store was wrong, or it has none.
    #[test]
    fn what_was_only_seen_proves_that_it_was_there() {
        let seen = dates(28, Noted::Seen(day(10)));
        assert!(seen.doubt(day(2)).is_some());
        assert_eq!(seen.seen(day(2)), day(10));
        let nothing = Dates { store: None, ..seen };
        assert_eq!((nothing.doubt(day(2)), nothing.seen(day(2))), (None, day(2)));
    }
}
