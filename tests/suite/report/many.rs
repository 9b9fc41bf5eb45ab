//! A large repository, for the time and the memory that it takes.

use std::time::Duration;

use crate::listing::many::laid_out;

#[test]
fn a_hundred_thousand_segments_take_no_memory() {
    let laid = laid_out();
    let run = laid.seawall("report").args(["--html", "-"]).limit(Duration::from_secs(120));
    let (outcome, peak) = run.start().finish_with_peak();
    let page = outcome.expect(0).stdout.len();
    println!(
        "100000 segments, 400 backups: {:?}, {peak} bytes of memory, page {page}",
        outcome.took
    );
    assert!(peak < 160 << 20, "{peak} bytes");
    assert!(page < 1 << 20, "{page} bytes");
}
