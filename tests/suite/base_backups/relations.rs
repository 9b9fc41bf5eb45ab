//! Very many relations, and a very large one: memory stays bounded.

use std::time::Duration;

use super::base_backup;
use super::sound::{is_verified, restoring};
use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, Server};

const LIMIT: Duration = Duration::from_secs(180);

/// The most that creating and restoring may take.
const MEMORY_MAX: u64 = 160 << 20;

const TABLES: u32 = 20_000;

#[test]
fn twenty_thousand_tables_take_little_memory() {
    let scene = Scene::new();
    let mut server = scene.builder().init();
    server.start();
    server.sql(&format!(
        "do $$ begin
            for n in 1..{TABLES} loop
                execute format('create table t%s as select %s i', n, n);
                if n % 500 = 0 then commit; end if;
            end loop;
        end $$"
    ));
    let restored = scene.there_and_back(server);
    let count = "select count(*) from pg_class where relname ~ '^t[0-9]+$'";
    assert_eq!(restored.sql(count), TABLES.to_string());
    for n in [1, TABLES / 2, TABLES] {
        assert_eq!(restored.sql(&format!("select i from t{n}")), n.to_string());
    }
}

/// Its first quarter is random: compressed it is as long as before, which fills every queue. All of it
/// would be no other case, and an unoptimised program hashes slowly.
#[test]
fn a_relation_over_a_gibibyte_takes_little_memory() {
    const ROWS: usize = 256;
    /// So that there are two segment files: a page has one row.
    const BLOCKS: [usize; 2] = [130, 400];
    let scene = Scene::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let random = || {
        // Xorshift, by Marsaglia.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_ne_bytes()
    };
    // A file for `COPY … (FORMAT binary)` (PostgreSQL docs, `COPY`, "Binary Format").
    let path = |name: &str, bytes: Vec<u8>| scene.place.file(name, bytes).display().to_string();
    let head = path("head", [&b"PGCOPY\n\xff\r\n\0"[..], &[0; 8]].concat());
    let random = path("random", copied_rows(ROWS, random));
    let plain = path("plain", copied_rows(ROWS, || *b"8 bytes\n"));
    let program = format!(
        "cat ''{head}''; for n in $(seq {}); do cat ''{random}''; done; for n in $(seq {}); do cat ''{plain}''; \
         done; printf ''\\377\\377''",
        BLOCKS[0], BLOCKS[1]
    );
    // Without WAL: a table that the same transaction made is only synced.
    let quick = [("wal_level", "minimal"), ("max_wal_senders", "0"), ("max_wal_size", "4GB")];
    let builder = quick.iter().fold(scene.builder(), |it, (key, value)| it.setting(key, value));
    let mut server = builder.setting("autovacuum", "off").init();
    server.start();
    server.sql(&format!(
        "create table big (content bytea storage plain); copy big from program '{program}' (format binary)"
    ));
    server.set("wal_level", "replica");
    server.set("max_wal_senders", "5");
    server.restart();
    let size: u64 = server.sql("select pg_relation_size('big')").parse().expect("a size");
    assert!(size > 1 << 30, "{size}");
    let restored = scene.there_and_back(server);
    let rows = ROWS * (BLOCKS[0] + BLOCKS[1]);
    assert_eq!(restored.sql("select count(*) from big"), rows.to_string());
}

/// Rows of one column of 8000 bytes, as `COPY` takes them.
fn copied_rows(rows: usize, mut word: impl FnMut() -> [u8; 8]) -> Vec<u8> {
    const BYTES: u32 = 8000;
    let mut copied = Vec::new();
    for _ in 0..rows {
        copied.extend_from_slice(&1_u16.to_be_bytes());
        copied.extend_from_slice(&BYTES.to_be_bytes());
        (0..BYTES / 8).for_each(|_| copied.extend_from_slice(&word()));
    }
    copied
}

struct Scene {
    place: Place,
    seawall: Seawall,
}

impl Scene {
    fn new() -> Scene {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        Scene { place, seawall }
    }

    fn builder(&self) -> crate::support::postgres::Builder {
        Server::builder(&self.place).version(NEWEST)
    }

    /// Backs the server up with the WAL inside, loses it, restores it and starts what came back.
    fn there_and_back(&self, mut server: Server) -> Server {
        let create = base_backup(&self.seawall, &server, "create").arg("--standalone");
        let (created, peak) = create.limit(LIMIT).start().finish_with_peak();
        created.expect(0);
        assert!(peak <= MEMORY_MAX, "create took {peak} bytes");
        server.kill_nine();
        server.lose_data();
        let data = self.place.join("restored");
        let restore = restoring(&self.seawall, &data).arg("--no-recovery").limit(LIMIT);
        let (restored, peak) = restore.start().finish_with_peak();
        restored.expect(0);
        assert!(peak <= MEMORY_MAX, "restore took {peak} bytes");
        is_verified(&server, &data, true);
        let mut restored = self.builder().over(data);
        restored.start();
        restored
    }
}
