//! Names of databases are names, whatever they look like.

use std::path::Path;

use super::{LIMIT, Scene};
use crate::base_backups::base_backup;
use crate::support::postgres::NEWEST;

/// Whoever may create a database must not choose where the drill connects to.
#[test]
fn a_database_whose_name_is_a_connection_string_leads_nowhere() {
    let scene = Scene::new(NEWEST);
    let server = &scene.server;
    server.sql("alter system set log_connections = on");
    server.reload();
    let connection: Vec<(String, String)> = server.connection().to_vec();
    let value = |name: &str| {
        connection
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    };
    let live = format!("host={} port={} dbname=postgres", value("PGHOST"), value("PGPORT"));
    for name in [live.as_str(), "dbname=postgres host=/nonexistent", "postgres://x@y/z"] {
        server.sql(&format!("create database \"{name}\""));
    }
    base_backup(&scene.seawall, server, "create").limit(LIMIT).run().expect(0);
    scene.archived();
    let connections = || server.log().matches("application_name=seawall").count();
    let before = connections();
    scene.drill().run().expect(0);
    assert_eq!(connections(), before, "the live server was asked");
    assert!(Path::new(&value("PGHOST")).is_absolute());
}
