//! Every segment size, many segments, and the process that fetches them ahead of recovery.

use std::time::Duration;

use super::leftovers::nothing_is_left_behind;
use crate::archiving::commands::{
    Seawall, lines_of_level, nothing_but_information, write_segments,
};
use crate::support::place::Place;
use crate::support::postgres::Server;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_hundred_segments_of_1_mib_come_back_across_the_end_of_a_log() {
    comes_back(15, 1, 100, ["000000010000000000000FD0", "000000010000000100000000"]);
}

#[test]
fn segments_of_16_mib_come_back_across_the_end_of_a_log() {
    comes_back(17, 16, 20, ["0000000100000000000000F2", "000000010000000100000000"]);
}

#[test]
fn segments_of_64_mib_come_back_across_the_end_of_a_log() {
    comes_back(18, 64, 10, ["00000001000000000000003A", "000000010000000100000000"]);
}

/// A cluster whose WAL begins at the first name shortly before the end of a log, and goes on to the
/// second name, the first one of the next log, and beyond.
fn comes_back(version: u32, segment_mib: u32, segments: u32, [first, beyond]: [&str; 2]) {
    let place = Place::with_odd_name();
    let seawall = Seawall::new(&place).local("archive").option("--log-level", "debug");
    let builder = || Server::builder(&place).version(version).segment_mib(segment_mib);
    let mut server = builder().archive_command(&seawall.push()).init();
    server.tool("pg_resetwal").args(["-l", first, "-D"]).arg(server.data()).run().expect(0);
    server.start();
    server.base_backup(&place.join("backup"));
    let last = write_segments(&server, segments);
    server.wait_archived(&last, LIMIT);
    assert!(last.as_str() > beyond, "{last}");
    let contents = server.contents();
    nothing_but_information(&server.log());
    server.kill_nine();
    server.lose_data();

    let mut restored = builder().over(place.join("backup"));
    restored.recover_with(&seawall.fetch());
    restored.start();
    restored.wait_promoted(LIMIT);
    let log = restored.log();
    assert_eq!(restored.contents(), contents, "{log}");
    assert!(log.contains(&format!("restored log file \"{beyond}\"")), "{log}");
    nothing_but_information(&log);
    most_were_fetched_ahead(&log, segments);

    restored.wait_archived(&restored.switch_wal(), LIMIT);
    nothing_is_left_behind(&place, restored.data());
}

#[track_caller]
fn most_were_fetched_ahead(log: &str, segments: u32) {
    let debug = lines_of_level(log, "DEBUG");
    let ahead =
        debug.iter().filter(|line| line.contains("handed over the prefetched file")).count();
    assert!(ahead * 2 > segments as usize, "{ahead} of {segments}\n{log}");
}
