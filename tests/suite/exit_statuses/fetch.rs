//! `wal-fetch` in a recovery and on a standby.

use super::{prepared::Prepared, recovery_signal, standby_signal};
use crate::archiving::commands::each_version;

each_version!(every_failure_stops_a_recovery_and_makes_a_standby_ask_again);

/// One base backup and one archive for both.
fn every_failure_stops_a_recovery_and_makes_a_standby_ask_again(version: u32) {
    let prepared = Prepared::new(version);
    recovery_signal::every_failure_stops_it_and_the_end_of_the_archive_ends_it(&prepared);
    standby_signal::every_failure_makes_it_ask_again_until_it_is_mended(prepared);
}
