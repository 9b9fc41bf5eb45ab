//! The WAL of a base backup does not come: the server knows why, and so it is said while one still waits.

use super::base_backup;
use super::sound::LIMIT;
use crate::archiving::commands::Seawall;
use crate::scene::{error, side_by_side, warnings};
use crate::support::place::Place;
use crate::support::postgres::Server;

#[test]
fn why_the_wal_does_not_come_is_said_while_one_waits() {
    // The command, and how the server's answer is told; in it * stands for anything.
    let cases = [
        (
            "false",
            "the server could not archive *, the newest of * failed attempts; its log says why",
        ),
        (
            "true",
            "the server has archived everything up to *, so its archive_command archives elsewhere",
        ),
        ("", "the server archives nothing: archive_command is empty"),
    ];
    side_by_side(&cases, |(command, expected)| {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let mut server = Server::builder(&place).segment_mib(1).archive_command(command).init();
        server.start();
        let create =
            base_backup(&seawall, &server, "create").args(["--basebackup-wal-timeout", "13s"]);
        let outcome = create.limit(LIMIT).run();
        let told = warnings(outcome.expect(11));
        let told = told.iter().find(|it| it.contains("the WAL does not arrive: "));
        let told = told.unwrap_or_else(|| panic!("nothing told: {outcome}"));
        for text in expected.split('*') {
            assert!(told.contains(text) && error(&outcome).contains(text), "{text:?}: {outcome}");
        }
    });
}
