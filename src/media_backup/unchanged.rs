//! Whether a file is, without reading it, what it was in the previous snapshot: same length, same times to the
//! nanosecond, same inode. What was changed in the second in which that snapshot began, or later, may have been changed
//! once more after it was read, within one tick of the clock of the file system; so it does not count as unchanged (git
//! calls such files racy).

use super::entry::{Entry, Kind};
use super::scan::{Found, FoundKind};

/// `began` is the second in which the previous snapshot began.
pub fn is_unchanged(found: &Found, previous: &Entry, began: i64) -> bool {
    let (FoundKind::File { size, .. }, Kind::File(content) | Kind::HardLink { content, .. }) =
        (&found.kind, &previous.kind)
    else {
        return false;
    };
    let settled = found.seen.changed.second() < began && found.metadata.mtime.second() != began;
    settled
        && *size == content.size
        && found.metadata.mtime == previous.metadata.mtime
        && found.seen == previous.seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, found};
    use super::super::time::Time;
    use super::*;

    #[test]
    fn any_difference_counts() {
        let began = 2_000;
        assert!(is_unchanged(&found("a", 5), &entry("a", 5), began));
        assert!(!is_unchanged(&found("a", 6), &entry("a", 5), began));
        let changes: [fn(&mut Found); 4] = [
            |it| it.metadata.mtime = Time::new(1000, 2),
            |it| it.seen.changed = Time::new(1000, 3),
            |it| it.seen.inode += 1,
            |it| it.seen.device += 1,
        ];
        for change in changes {
            let mut found = found("a", 5);
            change(&mut found);
            assert!(!is_unchanged(&found, &entry("a", 5), began));
        }
    }

    #[test]
    fn the_second_of_the_last_snapshot_proves_nothing() {
        let (mut found, mut entry) = (found("a", 5), entry("a", 5));
        let changed = found.seen.changed.second();
        assert!(is_unchanged(&found, &entry, changed + 1));
        assert!(!is_unchanged(&found, &entry, changed));
        assert!(!is_unchanged(&found, &entry, changed - 1));
        for metadata in [&mut found.metadata, &mut entry.metadata] {
            metadata.mtime = Time::new(5_000, 1);
        }
        assert!(!is_unchanged(&found, &entry, 5_000));
        assert!(is_unchanged(&found, &entry, 6_000));
    }

    #[test]
    fn what_was_no_file_is_new() {
        let mut entry = entry("a", 5);
        entry.kind = Kind::Directory { implied: false };
        assert!(!is_unchanged(&found("a", 5), &entry, 2_000));
    }
}
