//! Copies of a data directory: what was noted about the original says nothing about them.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use crate::archiving::commands::{
    Seawall, copy_folder, lines_of_level, names_in, nothing_but_information, stored, write_segments,
};
use crate::support::place::Place;
use crate::support::postgres::{Builder, Server, Stop, shell_word};
use crate::support::run::Run;
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);
const BY_NOTE: &str = "already archived by an earlier call";
const BY_LOOK: &str = "the same content is already archived";

/// The original is believed after a crash, its copy is not, though all bytes and times are the same.
#[test]
fn notes_vouch_for_the_very_files_and_not_for_those_of_a_clone() {
    let scene = Scene::new();
    let mut original = scene.original();
    original.start();
    let noted = scene.make_notes(&original);
    original.kill_nine();
    copy_folder(&scene.place, original.data(), &scene.place.join("clone"));
    let mut clone = scene.builder().over(scene.place.join("clone"));
    for server in [&mut original, &mut clone] {
        server.set("archive_command", &scene.seawall.push());
        server.start();
        wait_until("an empty queue", LIMIT, || server.ready_files().is_empty());
        assert_eq!(server.stat_archiver().failed_count, 0);
        nothing_but_information(&server.log_since_start());
        server.kill_nine();
    }
    for name in noted {
        assert!(
            says(&original, &name, BY_NOTE) && !says(&original, &name, BY_LOOK),
            "{name}\n{}",
            original.log_since_start()
        );
        // It may have made notes of its own after that.
        assert!(says(&clone, &name, BY_LOOK), "{name}\n{}", clone.log_since_start());
    }
}

/// Other WAL of the same names comes into the very files, and the times are set back.
#[test]
fn notes_do_not_vouch_for_what_was_restored_over_the_files() {
    let scene = Scene::new();
    let mut original = scene.original();
    let mut other = scene.clone_of(&original, "other");
    original.start();
    let noted = scene.make_notes(&original);
    original.kill_nine();
    // The first file of the queue was archived before the notes began; the other server's too.
    let first = scene.names().remove(0);
    other.set("archive_command", &format!("test %f = {first}"));
    other.start();
    write_segments(&other, 12);
    wait_until("the first file archived", LIMIT, || {
        other.ready_files().first().is_some_and(|name| *name != first)
    });
    other.stop(Stop::Fast);
    let second = other.ready_files().remove(0);
    assert!(noted.contains(&second), "{second} is not in {noted:?}");
    let before = scene.stored(&original, &second);
    scene.copy_over(&other, &original);
    assert!(fs::read(original.data().join("pg_wal").join(&second)).expect("restored") != before);

    original.set("archive_command", &scene.seawall.push());
    original.start();
    wait_until("a failure", LIMIT, || original.stat_archiver().failed_count > 0);
    assert_eq!(original.stat_archiver().last_failed, second);
    assert!(!original.log_since_start().contains(BY_NOTE), "{}", original.log_since_start());
    assert!(scene.stored(&original, &second) == before);
}

#[test]
fn of_two_clones_on_one_timeline_the_second_one_fails_and_changes_nothing() {
    let scene = Scene::new();
    let s3 = S3Server::start(Kind::S3sFs, &scene.place);
    let push = scene.seawall.clone().s3(&s3).push();
    let mut first = scene.builder().envs(s3.environment()).archive_command(&push).init();
    copy_folder(&scene.place, first.data(), &scene.place.join("second"));
    let second = scene.builder().envs(s3.environment()).archive_command(&push);
    let mut second = second.over(scene.place.join("second"));
    first.start();
    first.wait_archived(&write_segments(&first, 4), LIMIT);
    let names = scene.names();
    let before: Vec<_> = names.iter().map(|name| scene.stored(&first, name)).collect();
    nothing_but_information(&first.log());

    second.start();
    second.sql("create table not_in_the_other (a int)");
    write_segments(&second, 4);
    wait_until("failures", LIMIT, || second.stat_archiver().failed_count >= 2);
    let statistics = second.stat_archiver();
    assert_eq!((statistics.archived_count, &statistics.last_failed), (0, &names[0]));
    assert_eq!(second.ready_files(), names);
    let log = second.log();
    for text in ["found an object of that name", "nothing was changed", "exit code 7"] {
        assert!(log.contains(text), "{text}\n{log}");
    }
    for (name, before) in names.iter().zip(before) {
        assert!(scene.stored(&first, name) == before, "{name}");
        assert!(stored(&s3, &first, name) == Some(before), "{name}");
    }
}

struct Scene {
    place: Place,
    seawall: Seawall,
    archive: PathBuf,
    /// Each run of the archive command takes this file away, and without it does nothing.
    permit: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let place = Place::with_odd_name();
        let seawall = Seawall::new(&place).local("archive").option("--log-level", "debug");
        let (archive, permit) = (place.join("archive"), place.folder("permits").join("permit"));
        Scene { place, seawall, archive, permit }
    }

    fn builder(&self) -> Builder {
        Server::builder(&self.place).segment_mib(1)
    }

    fn original(&self) -> Server {
        let command = format!("rm {} && {}", shell_word(&self.permit), self.seawall.push());
        self.builder().archive_command(&command).init()
    }

    fn clone_of(&self, server: &Server, name: &str) -> Server {
        copy_folder(&self.place, server.data(), &self.place.join(name));
        self.builder().over(self.place.join(name))
    }

    /// Lets one call through, when ten segments wait: gives the names of those that it took along.
    fn make_notes(&self, server: &Server) -> Vec<String> {
        write_segments(server, 12);
        wait_until("the archiver's first try", LIMIT, || server.stat_archiver().failed_count > 0);
        self.place.file("permits/permit", "");
        server.switch_wal();
        let notes = server.data().join("pg_wal/seawall/pushed");
        let noted = || names_in(&notes, ".json");
        wait_until("notes", LIMIT, || notes.exists() && noted().len() >= 10);
        wait_until("the first file archived", LIMIT, || server.stat_archiver().archived_count == 1);
        noted()
    }

    /// What is in the archive.
    fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.archive.join("postgres")];
        while let Some(folder) = folders.pop() {
            found.extend(names_in(&folder, ".zst"));
            let entries = fs::read_dir(folder).expect("our own folder").flatten();
            folders.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
        found.sort();
        found
    }

    #[track_caller]
    fn stored(&self, server: &Server, name: &str) -> Vec<u8> {
        stored(&self.archive, server, name).expect("it is stored")
    }

    /// Copies one data directory into the files of another one, as a careless restore would.
    fn copy_over(&self, from: &Server, to: &Server) {
        let wal = to.data().join("pg_wal");
        let times = names_in(&wal, "").into_iter().filter(|name| name.len() == 24).map(|name| {
            let modified = fs::metadata(wal.join(&name)).and_then(|it| it.modified());
            (name, modified.expect("our own file"))
        });
        let times: Vec<_> = times.collect();
        Run::new(&self.place, "cp")
            .server_user()
            .args(["-r", "--"])
            .arg(from.data().join("."))
            .arg(to.data())
            .run()
            .expect(0);
        for (name, modified) in times {
            let file = File::options().write(true).open(wal.join(name)).expect("our own file");
            file.set_modified(modified).expect("our own file");
        }
    }
}

/// Whether the newest start of a server logged this of a segment.
fn says(server: &Server, segment: &str, text: &str) -> bool {
    let log = server.log_since_start();
    let lines = [lines_of_level(&log, "DEBUG"), lines_of_level(&log, "INFO")].concat();
    lines.iter().any(|line| line.contains(text) && line.contains(segment))
}
