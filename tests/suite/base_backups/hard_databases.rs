//! Databases with all that makes a copy of them hard: tablespaces, several databases, large objects,
//! unlogged tables, and names that scripts get wrong.

mod database;
mod files;

use std::fs;

use database::{Hard, what_is_there};
use files::{GUC_FILE, has_odd_files, write_odd_files};

use super::sound::{LIMIT, ids, is_sound, is_verified, recovered, restore, restoring};
use super::{backups_in, base_backup};
use crate::archiving::commands::{Seawall, each_version};
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, OLDEST, Server, Stop};

each_version!(a_hard_database_comes_back_whole);

/// From a backup with its WAL inside to where it was, and from another one to other folders, first the
/// files alone and then through the archive to the end.
fn a_hard_database_comes_back_whole(version: u32) {
    let (hard, mut server) = Hard::new(version);
    let (place, seawall) = (&hard.place, &hard.seawall);
    let at_first = what_is_there(&server);
    base_backup(seawall, &server, "create").arg("--standalone").run().expect(0);
    hard.go_on(&server, "between the backups");
    base_backup(seawall, &server, "create").run().expect(0);
    hard.go_on(&server, "in the archive only");
    let in_the_end = what_is_there(&server);
    server.wait_archived(&server.switch_wal(), LIMIT);
    server.kill_nine();
    server.lose_data();
    hard.lose_tablespaces();

    let (first, second) = (place.join("first"), place.join("second"));
    let id = &ids(&place.join("archive"))[0];
    restore(seawall, &first, &["--backup", id, "--no-recovery"]).expect(0);
    is_verified(&server, &first, true);
    has_odd_files(&first);
    let mut as_it_was = Server::builder(place).version(version).over(first);
    as_it_was.start();
    assert_eq!(as_it_was.sql("show archive_mode"), "off");
    assert_eq!(as_it_was.sql("show seawall.odd"), GUC_FILE);
    assert_eq!(what_is_there(&as_it_was), at_first);
    hard.unlogged_is_empty_and_usable(&as_it_was);
    is_sound(&as_it_was);
    drop(as_it_was);

    let moved = hard.moves();
    restoring(seawall, &second).args(&moved).arg("--no-recovery").run().expect(0);
    is_verified(&server, &second, false);
    has_odd_files(&second);
    restoring(seawall, &second).args(&moved).arg("--delta").run().expect(0);
    let server = recovered(Server::builder(place).version(version).over(second));
    assert_eq!(what_is_there(&server), in_the_end, "{}", server.log());
    hard.unlogged_is_empty_and_usable(&server);
    let where_they_are = server.sql(
        "select pg_tablespace_location(oid) from pg_tablespace where spcname in ('odd', 'long') order by oid",
    );
    let moved: Vec<String> = hard.moved.iter().map(|it| it.display().to_string()).collect();
    assert_eq!(where_they_are, moved.join("\n"));
}

/// A tar archive as the server writes it holds 99 bytes of a name.
#[test]
fn a_name_that_the_server_cannot_send_is_named() {
    for version in [OLDEST, NEWEST] {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let mut server =
            Server::builder(&place).version(version).archive_command(&seawall.push()).init();
        write_odd_files(server.data());
        server.start();
        for length in [100, 255] {
            let name = "n".repeat(length);
            let odd = server.data().join(&name);
            fs::write(&odd, "too long").expect("our own folder");
            crate::support::user::hand_over(&odd);
            let outcome = base_backup(&seawall, &server, "create").run();
            outcome.expect(8).says(&format!(
                "could not take a base backup: the server says: file name too long for tar format: \"{name}\" (SQLSTATE "
            ));
            fs::remove_file(&odd).expect("our own file");
        }
        assert_eq!(backups_in(&place.join("archive")).len(), 0);
        base_backup(&seawall, &server, "create").run().expect(0);
        assert_eq!(backups_in(&place.join("archive")).len(), 1);
        server.stop(Stop::Immediate);
    }
}
