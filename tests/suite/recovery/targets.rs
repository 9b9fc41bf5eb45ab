//! Recovery that ends before the WAL does.

use std::time::Duration;

use super::leftovers::nothing_is_left_behind;
use crate::archiving::commands::{Seawall, nothing_but_information, write_segments};
use crate::support::place::Place;
use crate::support::postgres::Server;

const LIMIT: Duration = Duration::from_secs(60);

/// Segments beyond the target were fetched ahead, and are never asked for.
#[test]
fn a_recovery_to_a_target_leaves_nothing_of_what_was_fetched_beyond_it() {
    let place = Place::with_odd_name();
    let seawall = Seawall::new(&place).local("archive");
    let builder = || Server::builder(&place).segment_mib(1);
    let mut server = builder().archive_command(&seawall.push()).init();
    server.start();
    server.base_backup(&place.join("backup"));
    write_segments(&server, 10);
    let (target, contents) = (server.current_lsn(), server.contents());
    server.sql("create table too_late (a int)");
    server.wait_archived(&write_segments(&server, 30), LIMIT);
    server.kill_nine();
    server.lose_data();

    let mut restored = builder().over(place.join("backup"));
    restored.set("recovery_target_lsn", &target);
    restored.set("recovery_target_action", "promote");
    restored.recover_with(&seawall.fetch());
    restored.start();
    restored.wait_promoted(LIMIT);
    assert_eq!(restored.contents(), contents, "{}", restored.log());
    restored.wait_archived(&restored.switch_wal(), LIMIT);
    nothing_but_information(&restored.log());
    nothing_is_left_behind(&place, restored.data());
}
