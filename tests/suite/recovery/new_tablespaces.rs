//! WAL that creates a tablespace, replayed beside the server that it is from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::archiving::commands::{Seawall, each_version};
use crate::base_backups::base_backup;
use crate::base_backups::sound::{LIMIT, recovered, restore};
use crate::support::place::Place;
use crate::support::postgres::{Server, Stop};

each_version!(the_files_of_the_live_server_are_not_touched);

/// PostgreSQL takes whatever the folder has for its own, and would replay over the tables of the live server.
fn the_files_of_the_live_server_are_not_touched(version: u32) {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let builder = || Server::builder(&place).version(version).segment_mib(1);
    let mut live = builder().archive_command(&seawall.push()).init();
    live.start();
    base_backup(&seawall, &live, "create").limit(LIMIT).run().expect(0);
    // Some segments later, so that the one with the record would be prefetched.
    live.sql("create table t as select i, repeat('x', 500) from generate_series(1, 8000) i");
    let lsn = live.current_lsn();
    live.switch_wal();
    let location = place.folder("newer");
    live.sql(&format!("create tablespace newer location '{}'", location.display()));
    let oid = live.sql("select oid from pg_tablespace where spcname = 'newer'");
    live.sql("create table u tablespace newer as select generate_series(1, 10000) i; checkpoint");
    live.wait_archived(&live.switch_wal(), LIMIT);
    let of_live = contents(&location);
    assert!(!of_live.is_empty());

    let data = place.join("beside");
    restore(&seawall, &data, &[]).expect(0);
    let mut beside = builder().over(data);
    let log = beside.start_expecting_failure();
    let folder = fs::read_dir(&location).unwrap().flatten().next().expect("a folder").file_name();
    let expected = format!(
        "it creates tablespace {oid} at {location:?}, where {} already exists: the files of another server, or its remains. HINT: \
         The replay would change these files. If a server uses them, recover on another host, or \
         from a base backup that was taken after the tablespace was created. If no server uses \
         them, move the folder away.",
        folder.display()
    );
    assert!(log.contains(&expected), "{expected}\n{log}");
    assert!(log.contains("child process exited with exit code 210"), "{log}");
    assert_eq!(contents(&location), of_live);
    assert_eq!(live.sql("select count(*) from u"), "10000");

    // To a moment before it was created: what comes behind that is not even looked at.
    let data = place.join("before");
    restore(&seawall, &data, &["--target-lsn", &lsn]).expect(0);
    let before = recovered(builder().over(data));
    assert_eq!(before.sql("select count(*) from t"), "8000");
    assert_eq!(before.sql("select count(*) from pg_tablespace where spcname = 'newer'"), "0");
    drop(before);
    assert_eq!(live.sql("select count(*) from u"), "10000");

    live.stop(Stop::Fast);
    fs::rename(&location, place.join("aside")).unwrap();
    place.folder("newer");
    let server = recovered(beside);
    assert_eq!(server.sql("select count(*) from u"), "10000");
}

/// All files below a folder, with their bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}
