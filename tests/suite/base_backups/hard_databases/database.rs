use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::files::write_odd_files;
use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::Server;

/// The last has the 63 bytes that PostgreSQL takes.
const DATABASES: [&str; 5] = [
    "postgres",
    "empty",
    "template of ours",
    "it's a \"däta\" = base \\ 100% $HOME",
    "a_database_whose_name_has_sixty_three_bytes_and_not_one_more_xy",
];

/// Folders of tablespaces. PostgreSQL refuses only single quotes, and a tar header holds 99 bytes.
const FOLDERS: [&str; 2] =
    ["new\nline \"täble=space\" \\n 100% ", "a-long-one-------------------------------------"];

/// What each database but the empty one has. `odd` and `long` are the tablespaces.
const TABLES: &str = r#"
create table "it's a ""täble"" \ 100%" (i int primary key, "two
lines" text) tablespace odd;
insert into "it's a ""täble"" \ 100%" select i, md5(i::text) from generate_series(1, 1000) i;
create index "an
index" on "it's a ""täble"" \ 100%" ("two
lines") tablespace long;
create table a_table_whose_name_has_sixty_three_bytes_and_not_one_more_then_xy (word text);
create table parts (i int, word text) partition by hash (i);
create table part_0 partition of parts for values with (modulus 3, remainder 0) tablespace odd;
create table part_1 partition of parts for values with (modulus 3, remainder 1) tablespace long;
create table part_2 partition of parts for values with (modulus 3, remainder 2);
insert into parts select i, repeat(md5(i::text), 200) from generate_series(1, 300) i;
create materialized view seen tablespace long as select * from parts;
create unlogged table unlogged (i int primary key generated always as identity, word text) tablespace odd;
insert into unlogged (word) select 'lost' from generate_series(1, 1000);
select lo_from_bytea(0, ''), lo_from_bytea(0, 'short'), lo_from_bytea(0, decode(repeat('00ff27', 500000), 'hex'));
"#;

pub struct Hard {
    pub place: Place,
    pub seawall: Seawall,
    /// Where the tablespaces are, and where they go.
    folders: Vec<PathBuf>,
    pub moved: Vec<PathBuf>,
    oids: Vec<String>,
}

impl Hard {
    /// With the server that has it all, which runs.
    pub fn new(version: u32) -> (Hard, Server) {
        let place = Place::with_odd_name();
        let seawall = Seawall::new(&place).local("archive");
        let builder = Server::builder(&place).version(version).segment_mib(1);
        let mut server = builder.archive_command(&seawall.push()).init();
        write_odd_files(server.data());
        server.start();
        let folders: Vec<PathBuf> = FOLDERS.iter().map(|name| place.folder(name)).collect();
        let moved = FOLDERS.iter().map(|name| place.join(format!("moved {name}"))).collect();
        let oids = fill(&server, &folders);
        (Hard { place, seawall, folders, moved, oids }, server)
    }

    /// One more row, table and large object in each database.
    pub fn go_on(&self, server: &Server, word: &str) {
        for database in DATABASES.iter().filter(|name| **name != "empty") {
            server.sql_in(
                database,
                &format!(
                    "insert into parts select i, '{word}' from generate_series(1, 30) i; \
                     create table \"{word}\" tablespace odd as select '{word}' word; \
                     select lo_put(max(oid), 2000, '{word}') from pg_largeobject_metadata; \
                     insert into unlogged (word) values ('{word}');"
                ),
            );
        }
    }

    pub fn lose_tablespaces(&self) {
        self.folders.iter().for_each(|folder| fs::remove_dir_all(folder).expect("our own folder"));
    }

    /// The words that send the tablespaces elsewhere.
    pub fn moves(&self) -> Vec<OsString> {
        let word = |(oid, folder): (&String, &PathBuf)| {
            let mut word = OsString::from(format!("--tablespace={oid}="));
            word.push(folder);
            word
        };
        self.oids.iter().zip(&self.moved).map(word).collect()
    }

    #[track_caller]
    pub fn unlogged_is_empty_and_usable(&self, server: &Server) {
        for database in DATABASES.iter().filter(|name| **name != "empty") {
            assert_eq!(server.sql_in(database, "select count(*) from unlogged"), "0", "{database}");
            let inserted = "insert into unlogged (word) values ('new') returning word";
            assert_eq!(server.sql_in(database, inserted), "new");
        }
    }
}

/// Makes tablespaces and databases, and gives the numbers of the former.
fn fill(server: &Server, folders: &[PathBuf]) -> Vec<String> {
    for (name, folder) in ["odd", "long"].iter().zip(folders) {
        server.sql(&format!("create tablespace {name} location '{}'", folder.display()));
    }
    for (number, name) in DATABASES.iter().enumerate() {
        let quoted = name.replace('"', "\"\"");
        // One lies in a tablespace as a whole.
        let tablespace = if number == 4 { "tablespace long" } else { "" };
        if *name != "postgres" {
            server.sql(&format!("create database \"{quoted}\" {tablespace}"));
        }
        if *name != "empty" {
            // A table must not name the tablespace of its own database.
            let tables = TABLES.replace(if number == 4 { "tablespace long" } else { "\0" }, "");
            server.sql_in(name, &tables);
        }
    }
    server.sql("alter database \"template of ours\" is_template true");
    let oids = "select oid from pg_tablespace where spcname in ('odd', 'long') order by oid";
    server.sql(oids).lines().map(str::to_owned).collect()
}

/// All rows and all large objects of all databases.
#[track_caller]
pub fn what_is_there(server: &Server) -> Vec<(String, String)> {
    let databases = "select datname from pg_database where datallowconn order by oid";
    let large = "select count(*), md5(string_agg(md5(lo_get(oid)), ' ' order by oid)) \
        from pg_largeobject_metadata";
    let of = |name: &str| server.contents_of(name) + &server.sql_in(name, large);
    server.sql(databases).lines().map(|name| (name.to_owned(), of(name))).collect()
}
