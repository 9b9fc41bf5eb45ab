//! With `recovery.signal` a server takes a status from 1 to 125 as the end of the WAL, and promotes what
//! it has.

use super::prepared::{LIMIT, Prepared};
use crate::support::postgres::Server;

/// One data directory goes through all failures, and is as good as new for the next try.
pub fn every_failure_stops_it_and_the_end_of_the_archive_ends_it(prepared: &Prepared) {
    let (damaged, from_damaged) = prepared.archive_copy("damaged");
    prepared.damage(&damaged, 3);
    let (gap, from_gap) = prepared.archive_copy("gap");
    prepared.remove(&gap, 3);
    let mut server = prepared.server("recovery");
    let unexpected = "unexpected argument '--repositry' found";
    let unknown = "unknown key wal.look_ahed";
    let later = format!("but segment {} is in repository local", prepared.names[4]);
    let damage = format!("ERROR could not fetch {} from repository local", prepared.names[3]);
    for (restore_command, status, text) in [
        (prepared.fetch_with_wrong_flag(), 202, unexpected),
        (prepared.fetch_with_wrong_configuration(), 203, unknown),
        (from_damaged, 205, &damage),
        (prepared.fetch_from_nowhere(), 208, "Connection refused"),
        (prepared.fetch_with_wrong_secret(), 209, "SignatureDoesNotMatch"),
        (from_gap, 211, &later),
    ] {
        refuses_to_start(&mut server, &restore_command, status, text);
    }
    let (shortened, from_shortened) = prepared.archive_copy("shortened");
    prepared.remove(&shortened, 5);
    server.recover_with(&from_shortened);
    server.start();
    server.wait_promoted(LIMIT);
    assert_eq!(server.sql("select row from t order by row"), "0\n1\n2\n3\n4", "{}", server.log());
}

#[track_caller]
fn refuses_to_start(server: &mut Server, restore_command: &str, status: u8, text: &str) {
    server.recover_with(restore_command);
    let log = server.start_expecting_failure();
    let refused = format!("from archive: child process exited with exit code {status}");
    assert!(log.contains("FATAL:  could not restore file") && log.contains(&refused), "{log}");
    assert!(log.contains(text), "{text}\n{log}");
    let promoted = server.data().join("pg_wal/00000002.history").exists();
    assert!(server.data().join("recovery.signal").exists() && !promoted, "{log}");
}
