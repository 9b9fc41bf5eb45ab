//! What it costs: each WAL folder is listed once, by the check and the page together.

use crate::check::requests::{counted, lay};
use crate::listing::laid::{Laid, OLD};

#[test]
fn listings_grow_with_their_pages_only() {
    let laid = Laid::with_folder_and_bucket();
    lay(&laid, 0..8);
    let counted = || counted(&laid, &["report", "--html", "-"], 0);
    let kinds = |gets, lists| [("GET".to_owned(), gets), ("LIST".to_owned(), lists)];
    // All backups are described. Listings as those of a check: two for the systems, one for base backups, one
    // for WAL, one for what was dropped of it, one each for what there is of Redis and of media sets, one for
    // what is owed, two for records.
    assert_eq!(counted(), kinds(8, 10));
    lay(&laid, 8..60);
    assert_eq!(counted(), kinds(60, 10));
    // A page has a thousand keys, and each backup takes four.
    laid.wal("s3", OLD, 1, 61..=1100);
    assert_eq!(counted(), kinds(60, 11));
}
