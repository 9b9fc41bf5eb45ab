//! What an earliest moment leaves out: a backup is needed if it is the newest that ended before the moment, or a later one;
//! and WAL from the start of the oldest base backup that is needed.

use jiff::Timestamp;

use crate::backup::{Backup, Kind};

/// Which of these backups, the oldest first by their times, restore the moment and all later ones.
pub(super) fn needed<'b, K: Kind>(
    backups: impl IntoIterator<Item = &'b Backup<K>>,
    since: Option<Timestamp>,
) -> Vec<&'b Backup<K>> {
    let mut all: Vec<&Backup<K>> = backups.into_iter().collect();
    let Some(since) = since else { return all };
    all.sort_by_key(|it| it.ended);
    let later = all.partition_point(|it| it.ended <= since);
    all.split_off(later.saturating_sub(1))
}
