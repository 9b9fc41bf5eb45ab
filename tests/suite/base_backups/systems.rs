//! Two servers under one cluster name in one repository: nobody gets the other one's files.

use std::fs;
use std::path::Path;

use super::base_backup;
use super::sound::{LIMIT, ids, restore};
use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::{Installation, NEWEST, Server};

fn server(place: &Place, seawall: &Seawall, name: &str) -> Server {
    let builder = Server::builder(place).version(NEWEST).segment_mib(1);
    let mut server = builder.archive_command(&seawall.push()).init();
    server.start();
    server.sql(&format!("create table {name} (i int)"));
    base_backup(seawall, &server, "create").limit(LIMIT).run().expect(0);
    server
}

#[test]
fn a_directory_gets_the_backup_of_its_own_system() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let mut one = server(&place, &seawall, "one");
    let mut other = server(&place, &seawall, "other");
    for server in [&one, &other] {
        server.wait_archived(&server.switch_wal(), LIMIT);
    }
    let (first, second) = (one.system_identifier(), other.system_identifier());
    one.kill_nine();
    other.kill_nine();
    for (server, system) in [(&one, first), (&other, second)] {
        for mode in ["--replace", "--delta"] {
            let outcome = restore(&seawall, server.data(), &[mode, "--dry-run"]);
            outcome.expect(0).shows(&format!("system      {system}\n"));
        }
    }
    // Which one comes into an empty folder, only the user knows.
    let new = place.join("new");
    let outcome = restore(&seawall, &new, &[]);
    outcome.expect(2).says("several servers used this cluster name at the same time: ");
    outcome
        .says(&first.to_string())
        .says(&second.to_string())
        .says("HINT: Say which one to restore: --system-identifier NUMBER.");
    assert!(!new.exists());
    let named = ["--system-identifier", &second.to_string()];
    restore(&seawall, &new, &[&named[..], &["--dry-run"]].concat())
        .expect(0)
        .shows(&format!("system      {second}\n"));
    // Its files would be mixed with another's, or removed.
    let outcome = restore(&seawall, one.data(), &[&named[..], &["--delta"]].concat());
    outcome
        .expect(6)
        .says(&format!("{:?} belongs to system {first}, not to system {second}", one.data()));
    let outcome =
        restore(&seawall, one.data(), &[&named[..], &["--replace", "--dry-run"]].concat());
    outcome
        .expect(0)
        .shows(&format!("beware      the directory belongs to another system, {first}\n"));
}

#[test]
fn the_directory_of_a_server_that_was_never_backed_up_is_not_replaced_by_the_way() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let mut one = server(&place, &seawall, "one");
    one.wait_archived(&one.switch_wal(), LIMIT);
    let system = one.system_identifier();
    one.kill_nine();
    let stranger = Server::builder(&place).version(NEWEST).segment_mib(1).init();
    let before = fs::read_dir(stranger.data()).expect("there").count();
    for mode in ["--replace", "--delta"] {
        let outcome = restore(&seawall, stranger.data(), &[mode]);
        outcome.expect(6).says(&format!(
            "to which directory {:?} belongs; there are those of {system} (",
            stranger.data()
        ));
        outcome.says("--replace --system-identifier NUMBER.");
    }
    assert_eq!(fs::read_dir(stranger.data()).expect("there").count(), before);
    let named = system.to_string();
    let words = ["--replace", "--system-identifier", &named];
    restore(&seawall, stranger.data(), &words).expect(0);
}

/// The true server is gone, and then somebody who may add objects adds a system: it looks like one that took over.
#[test]
fn a_system_that_comes_behind_the_true_one_is_not_taken_silently() {
    let place = Place::new();
    let state = place.folder("state of the host");
    let seawall = Seawall::new(&place).local("archive");
    let mut one = server(&place, &seawall, "one");
    one.wait_archived(&one.switch_wal(), LIMIT);
    let first = one.system_identifier();
    let connection = one.connection();
    let programs = Installation::of(NEWEST).program("postgres");
    let programs = Path::new(&programs).parent().expect("a folder").to_owned();
    let drills = place.folder("drills");
    let drill = || {
        let drill = seawall.base_backup_by_hand("drill").limit(LIMIT);
        drill.arg("--drill-directory").arg(&drills).arg("--drill-postgres-bin").arg(&programs)
    };
    // Later by more than the second that stores tell.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let mut planted = server(&place, &seawall, "planted");
    planted.kill_nine();
    // The host that takes the backups has notes of its own; here it took both.
    let text = "several servers used this cluster name at the same time: ";
    let new = place.join("new");
    restore(&seawall, &new, &[]).expect(2).says(text).says("--system-identifier NUMBER");
    drill().run().expect(2).says(text).says("--system-identifier NUMBER");
    assert!(!new.exists());
    // The running server says which one is meant.
    let outcome = drill().envs(connection).run();
    outcome.expect(0).says(&format!(
        "there are several systems under this cluster name, and {first} counts: it is that of the running server"
    ));
    one.kill_nine();
    // And so do the notes of a host that backs up one of them.
    for note in fs::read_dir(state.join("basebackup-known")).expect("notes").flatten() {
        let noted = fs::read_to_string(note.path()).expect("a note");
        if !ids(&place.join("archive")).first().is_some_and(|id| noted.contains(id)) {
            fs::remove_file(note.path()).expect("ours");
        }
    }
    let outcome = restore(&seawall, &new, &["--dry-run"]);
    outcome.expect(0).shows(&format!("system      {first}\n")).says(&format!(
        "there are several systems under this cluster name, and {first} counts: this host takes base backups of it"
    ));
}
