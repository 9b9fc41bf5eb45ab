//! With `standby.signal` a server asks again after a status from 1 to 125, and goes down after others.

use std::fs;
use std::path::Path;
use std::thread;

use super::prepared::{LIMIT, Prepared};
use crate::archiving::commands::PREFIX;
use crate::support::postgres::{Server, shell_word};
use crate::support::wait::{poll, wait_until};

/// The restore command is a script, so that it can be mended before the server takes connections.
pub fn every_failure_makes_it_ask_again_until_it_is_mended(mut prepared: Prepared) {
    for key in &prepared.keys[2..] {
        prepared.s3.delete(&format!("{PREFIX}/{key}"));
    }
    let mut standby = prepared.server("standby");
    standby.stand_by_with(&format!("sh {} %f %p", shell_word(&prepared.place.join("script"))));
    prepared.s3.stop();
    thread::scope(|scope| {
        let mending = scope.spawn(|| fails_from_the_start(&mut prepared));
        standby.start();
        mending.join().expect("no panic in the other thread");
    });
    has_rows(&mut standby, 2);
    fails_on_the_way(&prepared, &mut standby);
}

/// The server asks and asks, and starts when everything is mended.
fn fails_from_the_start(prepared: &mut Prepared) {
    asks_again(prepared, &prepared.fetch_with_wrong_flag(), 2);
    asks_again(prepared, &prepared.fetch_with_wrong_configuration(), 3);
    asks_again(prepared, &prepared.fetch_from_bucket(), 8);
    prepared.s3.restart();
    asks_again(prepared, &prepared.fetch_with_wrong_secret(), 9);
    write_script(prepared, &prepared.fetch_from_bucket(), "mended");
}

/// The server replays what there is, and goes on when the rest can be had.
fn fails_on_the_way(prepared: &Prepared, standby: &mut Server) {
    let (archive, fetch) = prepared.archive_copy("followed");
    (3..6).for_each(|row| prepared.remove(&archive, row));
    asks_again(prepared, &fetch, 1);
    has_rows(standby, 3);
    prepared.damage(&archive, 3);
    asks_again(prepared, &fetch, 5);
    has_rows(standby, 3);
    prepared.restore(&archive, 3);
    has_rows(standby, 4);
    prepared.restore(&archive, 5);
    asks_again(prepared, &fetch, 11);
    has_rows(standby, 4);
    prepared.restore(&archive, 4);
    has_rows(standby, 6);
    asks_again(prepared, &prepared.fetch_with_wrong_secret(), 9);
    has_rows(standby, 6);
    assert_eq!(standby.sql("select pg_is_in_recovery()"), "t");
}

/// Waits until the server has called this command three times in vain.
#[track_caller]
fn asks_again(prepared: &Prepared, restore_command: &str, status: u8) {
    let log = write_script(prepared, restore_command, &format!("{status}"));
    let line = format!("exit status {status}\n");
    let log = || fs::read_to_string(&log).unwrap_or_default();
    wait_until(&format!("{line}{restore_command}"), LIMIT, || log().matches(&line).count() >= 3);
}

/// Makes the script call this command and note its exit status; gives the path of the notes.
fn write_script(prepared: &Prepared, restore_command: &str, name: &str) -> std::path::PathBuf {
    let notes = prepared.place.folder("notes").join(name);
    let _ = fs::remove_file(&notes);
    let command = restore_command.replace("%%", "%").replace("%f %p", "\"$@\"");
    let script = format!(
        "{command} 2>>{notes}\nstatus=$?\necho exit status $status >>{notes}\nexit $status\n",
        notes = shell_word(&notes)
    );
    let new = prepared.place.file("new-script", script);
    fs::rename(&new, Path::with_file_name(&new, "script")).expect("our own file");
    notes
}

/// Waits until the standby has so many rows; it runs all the time.
#[track_caller]
fn has_rows(standby: &mut Server, count: usize) {
    let found = || standby.sql("select count(*) from t");
    let all = poll(LIMIT, || (found() == count.to_string()).then_some(()));
    assert!(all.is_some(), "{count} rows, found {}\n{}", found(), standby.log());
    assert!(standby.runs());
}
