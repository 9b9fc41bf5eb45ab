//! `pg_control` of real servers: what is read of it lies elsewhere in nearly every version.

use std::fs;

use seawall::postgres::{system_identifier_of_control_file, wal_segment_size_of_control_file};

use crate::scene::side_by_side;
use crate::support::place::Place;
use crate::support::postgres::{Server, VERSIONS};

#[test]
fn every_version_is_read() {
    side_by_side(&VERSIONS, |version| {
        let place = Place::new();
        let server = Server::builder(&place).version(*version).segment_mib(4).init();
        let bytes = fs::read(server.data().join("global/pg_control")).unwrap();
        let size = wal_segment_size_of_control_file(&bytes).unwrap();
        assert_eq!(size.bytes(), 4 << 20, "PostgreSQL {version}");
        let system = system_identifier_of_control_file(&bytes).unwrap();
        assert_eq!(
            system.to_string(),
            server.system_identifier().to_string(),
            "PostgreSQL {version}"
        );
    });
}
