//! Very many relations, and a very large one: memory stays bounded.

use std::time::Duration;

use super::base_backup;
use super::sound::{is_verified, restoring};
use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::Server;

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

/// The rows are random bytes: compressed they are as long as before, which fills every queue.
#[test]
fn a_relation_over_a_gibibyte_takes_little_memory() {
    const ROW: usize = 8000;
    const ROWS: usize = 256;
    /// So that there are two segment files: a page has one row.
    const BLOCKS: usize = 530;
    let scene = Scene::new();
    let (head, block) = copy_file(ROWS, ROW);
    let head = scene.place.file("head", head);
    let block = scene.place.file("block", block);
    // Without WAL: a table that the same transaction made is only synced.
    let quick = [("wal_level", "minimal"), ("max_wal_senders", "0"), ("autovacuum", "off")];
    let builder = quick.iter().fold(scene.builder(), |it, (key, value)| it.setting(key, value));
    let mut server = builder.setting("max_wal_size", "4GB").init();
    server.start();
    let program = format!(
        "cat ''{}''; for n in $(seq {BLOCKS}); do cat ''{}''; done; printf ''\\377\\377''",
        head.display(),
        block.display()
    );
    server.sql(&format!(
        "create table big (content bytea storage external); alter table big alter content set storage plain; \
         copy big from program '{program}' (format binary)"
    ));
    server.set("wal_level", "replica");
    server.set("max_wal_senders", "5");
    server.restart();
    let size: u64 = server.sql("select pg_relation_size('big')").parse().expect("a size");
    assert!(size > 1 << 30, "{size}");
    let restored = scene.there_and_back(server);
    assert_eq!(restored.sql("select count(*) from big"), (ROWS * BLOCKS).to_string());
}

/// The beginning of a file for `COPY … (FORMAT binary)`, and rows of random bytes for it (PostgreSQL docs,
/// `COPY`, "Binary Format").
fn copy_file(rows: usize, row_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let head = [&b"PGCOPY\n\xff\r\n\0"[..], &[0; 8]].concat();
    let mut block = Vec::with_capacity(rows * (row_bytes + 6));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..rows {
        block.extend_from_slice(&1_u16.to_be_bytes());
        block.extend_from_slice(&u32::try_from(row_bytes).expect("small").to_be_bytes());
        for _ in 0..row_bytes / 8 {
            // Xorshift, by Marsaglia.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend_from_slice(&state.to_ne_bytes());
        }
    }
    (head, block)
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
        Server::builder(&self.place).version(18)
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
