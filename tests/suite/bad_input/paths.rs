//! Paths that lead to no readable file, and unusual ones that do.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::refused;
use crate::by_hand::ByHand;
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::user::hand_over;

const OWNER: &str =
    "HINT: Check owner and mode of it and of the folders above, for the user that runs this.";

#[test]
fn an_unreadable_file_is_a_local_failure() {
    let host = ByHand::new();
    let (path, name) = (host.has(1), host.name(1));
    let closed = fs::Permissions::from_mode(0o000);
    fs::set_permissions(host.directory.wal(name), closed).expect("our own file");
    let text = format!(
        "could not archive {name}: could not read \"{path}\": Permission denied (os error 13). {OWNER}"
    );
    refused(&host, host.push().args([&path, name]), 10, &text);
}

#[test]
fn a_missing_file_is_a_local_failure_and_says_where_it_was_looked_for() {
    let host = ByHand::new();
    let name = host.name(1);
    let text = format!(
        "could not archive {name}: could not read \"pg_wal/{name}\": No such file or directory \
         (os error 2). HINT: It was looked for in {:?}; PostgreSQL calls in its data directory.",
        host.directory.path()
    );
    refused(&host, host.push().args([&format!("pg_wal/{name}"), name]), 10, &text);
    let path = host.directory.wal(name);
    let text = format!(
        "could not archive {name}: could not read {path:?}: No such file or directory (os error 2)"
    );
    refused(&host, host.push().arg(&path).arg(name), 10, &text);
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let host = ByHand::new();
    let name = host.name(1);
    let fifo = host.directory.wal("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("made");
    hand_over(&fifo);
    for (path, found) in
        [("pg_wal", "a directory"), ("pg_wal/fifo", "a FIFO"), ("/dev/zero", "a device")]
    {
        let text =
            format!("could not archive {name}: expected a file at \"{path}\", found {found}");
        let run = host.push().args([path, name]).limit(Duration::from_secs(10));
        refused(&host, run, 6, &text);
    }
}

#[test]
fn a_data_directory_and_a_repository_with_spaces_and_letters_outside_ascii_work() {
    let host = ByHand::in_place(&Place::with_odd_name());
    let name = host.name(0);
    let path = host.directory.path().join("pg_wal/Dateien für später");
    fs::create_dir(&path).expect("our own folder");
    let path = path.join("ein Segment");
    fs::write(&path, host.bytes(0)).expect("our own folder");
    hand_over(&host.directory.path().join("pg_wal"));
    let text = format!("[[repository]]\nurl = {:?}\n", host.repository);
    let config = host.place.file("Einstellungen für Seawall.toml", text);
    let with_config = |run: Run| run.env("SEAWALL_REPOSITORY", "").env("SEAWALL_CONFIG", &config);
    with_config(host.push()).arg(&path).arg(name).run().expect(0);
    with_config(host.fetch()).args([name, "pg_wal/RÜCK WEG"]).run().expect(0);
    assert!(fs::read(host.directory.wal("RÜCK WEG")).expect("fetched") == host.bytes(0));
}

#[test]
fn a_path_that_is_not_text_works() {
    let host = ByHand::new();
    let path = host.directory.path().join(OsStr::from_bytes(b"pg_wal/\xff\xfe"));
    fs::write(&path, host.bytes(0)).expect("our own folder");
    hand_over(&path);
    host.push().arg(&path).arg(host.name(0)).run().expect(0);
    let target = host.directory.path().join(OsStr::from_bytes(b"pg_wal/\xfd"));
    host.fetch().arg(host.name(0)).arg(&target).run().expect(0);
    assert!(fs::read(target).expect("fetched") == host.bytes(0));
}

#[test]
fn a_file_can_be_fetched_neither_into_a_missing_folder_nor_over_a_folder() {
    let host = ByHand::new();
    host.archives(0);
    let text = "could not create a file in \"missing\": No such file or directory (os error 2)";
    refused(&host, host.fetch().args([host.name(0), "missing/file"]), 210, text);
    let text = "could not create \"pg_wal\": Is a directory (os error 21)";
    refused(&host, host.fetch().args([host.name(0), "pg_wal"]), 210, text);
    assert_eq!(fs::read_dir(host.directory.path()).expect("readable").count(), 3);
}

#[test]
fn a_fetch_away_from_a_data_directory_wants_to_know_whose_wal() {
    let host = ByHand::new();
    host.archives(0);
    let elsewhere = host.place.folder("elsewhere");
    let text = "neither \"file\" nor the working directory is in a data directory. HINT: \
                Elsewhere, say which system's WAL it is: --system-identifier NUMBER.";
    refused(&host, host.fetch().cwd(&elsewhere).args([host.name(0), "file"]), 202, text);
    let system = host.wal.system_identifier.to_string();
    let run = host.fetch().cwd(&elsewhere).args(["--system-identifier", &system]);
    run.args([host.name(0), "file"]).run().expect(0);
    assert!(fs::read(elsewhere.join("file")).expect("fetched") == host.bytes(0));
}
