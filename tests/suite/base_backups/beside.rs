//! A restore beside the live server, on its host: whatever the mode is, nothing of that server's is touched.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::sound::{LIMIT, restore, restoring};
use super::{backups_in, base_backup};
use crate::archiving::commands::{Seawall, copy_folder};
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, Server};
use crate::support::run::Outcome;
use crate::support::user::hand_over;

/// A running server with a tablespace that was backed up, and then went on.
struct Live {
    place: Place,
    seawall: Seawall,
    server: Server,
    far: PathBuf,
    oid: String,
}

impl Live {
    fn new() -> Live {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let builder = Server::builder(&place).version(NEWEST).segment_mib(1);
        let mut server = builder.archive_command(&seawall.push()).init();
        server.start();
        let far = place.folder("far");
        server.sql(&format!("create tablespace far location '{}'", far.display()));
        let oid = server.sql("select oid from pg_tablespace where spcname = 'far'");
        server.sql("create table t tablespace far as select generate_series(1, 1000) i");
        base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
        server.sql("insert into t select generate_series(1001, 6000)");
        server.sql("create table newer tablespace far as select generate_series(1, 1000) i");
        server.sql("checkpoint");
        server.wait_archived(&server.switch_wal(), LIMIT);
        Live { place, seawall, server, far, oid }
    }

    fn copy(&self) -> PathBuf {
        self.place.join("copy")
    }

    fn tablespace(&self, folder: &str) -> String {
        format!("{}={}", self.oid, self.place.join(folder).display())
    }

    /// Ends with status 2, says why, and has touched nothing of the live server's.
    #[track_caller]
    fn refuses(&mut self, words: &[&str]) {
        let outcome = restore(&self.seawall, &self.copy(), words);
        outcome.expect(2).says(&format!(
            "could not use {:?}: expected a folder without any PG_{NEWEST}_…, found ",
            self.far
        ));
        outcome.says(&format!("--tablespace {}=FOLDER puts it elsewhere.", self.oid));
        self.is_whole(&outcome);
    }

    #[track_caller]
    fn is_whole(&mut self, outcome: &Outcome) {
        self.server.restart();
        let counts = "select (select count(*) from t), (select count(*) from newer)";
        assert_eq!(self.server.sql(counts), "6000|1000", "{outcome}");
    }
}

#[test]
fn no_mode_touches_a_tablespace_of_the_live_server() {
    let mut live = Live::new();
    for words in [&[][..], &["--delta"], &["--replace"], &["--delta", "--dry-run"]] {
        live.refuses(words);
    }
    // Killed half-way with the option, and called again without.
    let elsewhere = live.tablespace("copy-far");
    let killed = restoring(&live.seawall, &live.copy()).args(["--tablespace", &elsewhere]);
    let killed = killed.env("SEAWALL_FAILPOINT", "restore.part-laid").run();
    assert_eq!(killed.signal, Some(9), "{killed}");
    let again = restore(&live.seawall, &live.copy(), &[]);
    let into =
        format!("tablespace  {} into {}, was in ", live.oid, live.place.join("copy-far").display());
    again.expect(0).shows(&into);
    live.is_whole(&again);
    // Finished, and the option forgotten.
    let delta = restore(&live.seawall, &live.copy(), &["--delta"]);
    delta.expect(0).shows(&into);
    live.is_whole(&delta);
    // Told to do so, even.
    let over = live.tablespace("far");
    for mode in ["--delta", "--replace"] {
        live.refuses(&["--tablespace", &over, mode]);
    }
    let wrong = restore(&live.seawall, &live.copy(), &["--delta", "--tablespace", "1=/nowhere"]);
    wrong.expect(2).says(
        "expected a tablespace of the backup for --tablespace, found 1. HINT: The backup has ",
    );
    let was = format!("{}={}", live.far.display(), live.place.join("copy-far").display());
    restore(&live.seawall, &live.copy(), &["--delta", "--tablespace", &was]).expect(0);
}

/// A copy of the whole directory has the links of the original: they lead to what a running server has.
#[test]
fn a_copy_with_the_links_of_the_live_server_is_no_owner() {
    let mut live = Live::new();
    let wal = live.place.join("wal");
    live.server.stop(crate::support::postgres::Stop::Fast);
    fs::rename(live.server.data().join("pg_wal"), &wal).expect("our own folder");
    symlink(&wal, live.server.data().join("pg_wal")).expect("our own folder");
    live.server.start();
    let data = live.server.data().to_owned();
    copy_folder(&live.place, &data, &live.copy());
    fs::remove_file(live.copy().join("postmaster.pid")).expect("copied");
    hand_over(&live.copy());
    let elsewhere = live.tablespace("copy-far");
    for (words, what, found) in [
        (&["--delta"][..], "the folder of a tablespace", &live.far),
        (&["--delta", "--tablespace", &elsewhere], "where pg_wal leads", &wal),
    ] {
        let outcome = restore(&live.seawall, &live.copy(), words);
        outcome.expect(6);
        if !outcome.stderr.contains(what) {
            // Which of the two is looked at first makes no difference.
            outcome.says("where pg_wal leads");
        }
        outcome.says(&format!("in use by the server on {data:?}, process "));
        assert!(found.exists());
    }
    let outcome = restore(&live.seawall, &live.copy(), &["--delta", "--dry-run"]);
    outcome.expect(6);
    live.is_whole(&outcome);
}

/// A backup whose description was forged: it names a folder of the user's, and a file in it.
#[test]
fn a_forged_description_reaches_no_other_file() {
    let live = Live::new();
    let home = live.place.folder("home");
    fs::write(home.join("authorized_keys"), "mine").expect("our own folder");
    let description = backups_in(&live.place.join("archive"))[0].join("backup.json");
    let text = fs::read_to_string(&description).expect("our own file");
    let far = live.far.display().to_string();
    fs::write(&description, text.replace(&far, &home.display().to_string()))
        .expect("root or owner");
    let outcome = restore(&live.seawall, &live.copy(), &[]);
    let expected =
        format!("could not use {home:?}: expected an empty folder, found authorized_keys in it");
    outcome.expect(2).says(&expected);
    assert!(!live.copy().exists());
    assert_eq!(names(&home), ["authorized_keys"]);
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("there").flatten();
    names.map(|it| it.file_name().to_string_lossy().into_owned()).collect()
}
