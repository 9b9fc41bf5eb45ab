//! What it costs: requests grow with the pages of listings, and not with what is there.

use crate::listing::laid::{Laid, OLD, described};
use crate::support::proxy::Proxy;

/// How many requests of which kind `seawall` makes with these words.
pub fn counted(laid: &Laid, words: &[&str], status: i32) -> Vec<(String, usize)> {
    let proxy = Proxy::start(laid.store("s3").server().address());
    let table = laid.store("s3").table_at("s3", &proxy.endpoint());
    let config = laid.place.file(&format!("through{}.toml", laid.place.next_number()), table);
    let run = laid.program(env!("CARGO_BIN_EXE_seawall"), words[0]).args(&words[1..]);
    run.arg("--config").arg(&config).run().expect(status);
    let mut counts = std::collections::BTreeMap::new();
    for request in proxy.requests() {
        let kind = if request.path.contains("list-type=2") { "LIST" } else { &request.method };
        *counts.entry(kind.to_owned()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// As many backups as there are numbers, and a segment for each.
pub fn lay(laid: &Laid, numbers: std::ops::Range<u32>) {
    laid.wal("s3", OLD, 1, numbers.start..=numbers.end);
    for number in numbers {
        let (month, day) = (number / 28 + 1, number % 28 + 1);
        let id = format!("2024{month:02}{day:02}T203000Z-4f2a");
        laid.backup("s3", &described(&id, 1, u64::from(number)));
    }
}

#[test]
fn they_do_not_grow_with_backups_and_segments() {
    let laid = Laid::with_folder_and_bucket();
    lay(&laid, 0..8);
    let counted = || counted(&laid, &["check", "--format", "json"], 2);
    let few = counted();
    lay(&laid, 8..60);
    assert_eq!(counted(), few);
    // A page has a thousand keys.
    laid.wal("s3", OLD, 1, 61..=1100);
    let (of_one, of_two) = (&few[1].1, counted()[1].1);
    assert_eq!(of_two, of_one + 1);
    // Of backups the newest four are described. Listings: two for the systems, one for base backups, one
    // for WAL, one for what was dropped of it, one each for what there is of Redis and of media sets, one for
    // what is owed, two for records.
    assert_eq!(few, [("GET".to_owned(), 4), ("LIST".to_owned(), 10)]);
}
