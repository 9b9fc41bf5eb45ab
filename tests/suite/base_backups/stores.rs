//! Trouble between `basebackup` and a bucket: it ends in time, says what happened, and what the other
//! repository has is whole.

use std::path::PathBuf;
use std::time::Duration;

use super::{backups_in, base_backup};
use crate::archiving::commands::Seawall;
use crate::scene::{SHORT, error, warnings};
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::run::{Outcome, Run};
use crate::support::s3::{Kind, S3Server};

const LIMITS: [&str; 4] = [
    "--limits-connect-timeout=500ms",
    "--limits-request-timeout=1s",
    "--limits-total-timeout=4s",
    "--limits-attempts=2",
];
const RIGHTS: &str = "Are the access key and its secret right? They need s3:PutObject, s3:GetObject and, to be \
                      told that an object is absent, s3:ListBucket.";
const LATER: &str = "The store is in trouble or overloaded; try again later.";
const NETWORK: &str = "Is the endpoint right, the store running and the network up?";
const TIME: &str = "Look at the store and the network; limits.request_timeout and limits.total_timeout set the \
                    limits.";
const RESET: &str = "Connection reset by peer (os error 104)";
const NO_ANSWER: &str = "no answer within the time limit";

/// A server, a folder, and a bucket behind a proxy.
struct Line {
    place: Place,
    server: Server,
    s3: S3Server,
    proxy: Proxy,
    contents: String,
}

impl Line {
    fn new() -> Line {
        let place = Place::new();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let proxy = Proxy::start(s3.address());
        let mut server = Server::builder(&place).segment_mib(1).init();
        server.start();
        server.sql("create table t as select generate_series(1, 1000) i");
        let contents = server.contents();
        Line { place, server, s3, proxy, contents }
    }

    /// With a base backup in both.
    fn with_backup() -> Line {
        let line = Line::new();
        line.create().run().expect(0);
        line
    }

    fn folder_first(&self) -> Seawall {
        Seawall::new(&self.place).local("archive").s3(&self.s3)
    }

    fn bucket(&self) -> Seawall {
        Seawall::new(&self.place).s3(&self.s3)
    }

    fn run(&self, seawall: &Seawall, verb: &str) -> Run {
        let run = base_backup(seawall, &self.server, verb).args(LIMITS);
        run.envs(self.proxy.environment(&self.s3))
    }

    /// Into both.
    fn create(&self) -> Run {
        self.run(&self.folder_first(), "create").arg("--standalone")
    }

    fn restore(&self, seawall: &Seawall) -> Run {
        self.run(seawall, "restore").arg(self.data()).args(["--yes", "--no-recovery"])
    }

    fn data(&self) -> PathBuf {
        self.place.join("restored")
    }

    fn in_folder(&self) -> usize {
        backups_in(&self.place.join("archive")).len()
    }

    fn in_bucket(&self) -> usize {
        self.s3.keys().iter().filter(|key| key.ends_with("/backup.json")).count()
    }

    /// A server starts on what was restored, and has every row.
    #[track_caller]
    fn is_back(&self) {
        let mut server = Server::builder(&self.place).over(self.data());
        server.start();
        assert_eq!(server.contents(), self.contents);
        server.kill_nine();
        server.lose_data();
    }
}

#[track_caller]
fn in_time(outcome: &Outcome, fault: Fault) {
    assert!(outcome.took < SHORT, "{fault:?}: {outcome}");
}

#[test]
fn a_backup_meets_trouble_that_passes_and_is_in_both() {
    let line = Line::new();
    let passing = [
        Fault::Answer(500),
        Fault::Answer(503),
        Fault::CutRequestAfter(5000),
        Fault::CutBeforeAnswer,
        Fault::CutAnswerAfter(20),
    ];
    for (number, fault) in passing.into_iter().enumerate() {
        for object in ["part-0", "backup_manifest", "backup.json"] {
            line.proxy.add(Rule::new(fault).method("PUT").path(object).times(1));
        }
        let outcome = line.create().run();
        line.proxy.clear();
        assert_eq!(outcome.status, Some(0), "{fault:?}: {outcome}");
        in_time(&outcome, fault);
        assert_eq!((line.in_folder(), line.in_bucket()), (number + 1, number + 1), "{fault:?}");
    }
    // A part has so much time for its bytes that a hanging one is given up only then.
    for object in ["backup_manifest", "backup.json"] {
        line.proxy.add(Rule::new(Fault::Hang).method("PUT").path(object).times(1));
    }
    line.proxy.add(Rule::new(Fault::Delay(Duration::from_millis(300))));
    line.create().run().expect(0);
    line.proxy.clear();
    line.run(&line.bucket(), "verify").run().expect(0);
}

#[test]
fn a_bucket_in_trouble_gets_no_backup_and_the_folder_has_it_whole() {
    let line = Line::new();
    let lasting = [
        (
            Fault::Answer(500),
            8,
            "HTTP status 500, InternalError: We encountered an internal error. Please try again",
            LATER,
        ),
        (
            Fault::Answer(503),
            8,
            "HTTP status 503, SlowDown: Please reduce your request rate",
            LATER,
        ),
        (Fault::Answer(403), 9, "HTTP status 403, AccessDenied: Access Denied", RIGHTS),
        (Fault::Hang, 8, NO_ANSWER, TIME),
        (Fault::CutRequestAfter(5000), 8, RESET, NETWORK),
        (Fault::Delay(Duration::from_secs(3)), 8, NO_ANSWER, TIME),
    ];
    for (number, (fault, status, reason, hint)) in lasting.into_iter().enumerate() {
        let object = if number % 2 == 0 { "part-00001.tar.zst" } else { "backup.json" };
        line.proxy.add(Rule::new(fault).method("PUT").path(object));
        let outcome = line.create().run();
        line.proxy.clear();
        assert_eq!(outcome.status, Some(status), "{fault:?}: {outcome}");
        in_time(&outcome, fault);
        let text = error(&outcome);
        let begin =
            "could not store the backup in repository s3: PUT s3://seawall-tests/some/prefix/";
        let end = format!("/{object} failed: {reason}. HINT: {hint}");
        assert!(text.contains(begin) && text.ends_with(&end), "{fault:?}: {outcome}");
        outcome.says("base backup done");
        assert_eq!((line.in_folder(), line.in_bucket()), (number + 1, 0), "{fault:?}");
    }
    let folder = Seawall::new(&line.place).local("archive");
    line.run(&folder, "verify").run().expect(0);
    let list = line.run(&folder, "list").run();
    assert_eq!(list.expect(0).stdout.matches(" yes\n").count(), 6, "{list}");
}

/// `list` shows what the folder has; `prune` deletes nothing where it can't see.
#[test]
fn a_bucket_that_can_not_be_read_is_said_and_nothing_is_deleted_there() {
    let line = Line::with_backup();
    let before = line.s3.keys();
    let lasting = [
        ("list-type=2", Fault::Answer(500), 8),
        ("list-type=2", Fault::Answer(403), 9),
        ("list-type=2", Fault::Hang, 8),
        ("list-type=2", Fault::CutAnswerAfter(20), 8),
        ("list-type=2", Fault::TruncateBodyAfter(100), 8),
        ("backup.json", Fault::TruncateBodyAfter(100), 8),
        ("backup.json", Fault::StallBodyAfter(100), 8),
        ("backup.json", Fault::FlipByte(0), 5),
    ];
    for (path, fault, status) in lasting {
        line.proxy.add(Rule::new(fault).method("GET").path(path));
        let list = line.run(&line.folder_first(), "list").run();
        assert_eq!(list.status, Some(status), "{path}, {fault:?}: {list}");
        in_time(&list, fault);
        assert!(list.stdout.contains(" yes\n"), "{path}, {fault:?}: {list}");
        let text = error(&list);
        assert!(text.contains("repository s3: "), "{path}, {fault:?}: {list}");
        let prune = line.run(&line.folder_first(), "prune").arg("--yes").run();
        line.proxy.clear();
        assert_eq!(prune.status, Some(status), "{path}, {fault:?}: {prune}");
        in_time(&prune, fault);
        let kept = match status {
            // One description alone: only that backup is in doubt.
            5 => "its description can't be read\n",
            _ => "Nothing is deleted in repository s3: not all of it could be read.\n",
        };
        assert!(prune.stdout.contains(kept), "{path}, {fault:?}: {prune}");
        assert_eq!(line.s3.keys(), before, "{path}, {fault:?}");
    }
}

const OLDEST_GOES: [&str; 7] = [
    "--yes",
    "--retention-keep-within=0s",
    "--retention-keep-last=1",
    "--retention-keep-daily=0",
    "--retention-keep-weekly=0",
    "--retention-keep-monthly=0",
    "--retention-wal-window=0s",
];

#[test]
fn a_prune_that_a_bucket_breaks_off_goes_on_the_next_time() {
    let line = Line::with_backup();
    line.create().run().expect(0);
    for (fault, status) in [(Fault::Answer(403), 9), (Fault::Hang, 8), (Fault::CutBeforeAnswer, 8)]
    {
        line.proxy.add(Rule::new(fault).method("DELETE"));
        let outcome = line.run(&line.folder_first(), "prune").args(OLDEST_GOES).run();
        line.proxy.clear();
        assert_eq!(outcome.status, Some(status), "{fault:?}: {outcome}");
        in_time(&outcome, fault);
        let text = error(&outcome);
        let begin = "could not prune repository s3: DELETE s3://seawall-tests/some/prefix/";
        assert!(text.starts_with(begin), "{fault:?}: {outcome}");
        assert_eq!(line.in_folder(), 1, "{fault:?}");
        let list = line.run(&line.bucket(), "list").run();
        assert!(list.expect(0).stdout.contains(" yes\n"), "{fault:?}: {list}");
    }
    line.run(&line.folder_first(), "prune").args(OLDEST_GOES).run().expect(0);
    assert_eq!((line.in_folder(), line.in_bucket()), (1, 1));
}

#[test]
fn a_restore_meets_trouble_that_passes() {
    let line = Line::with_backup();
    let passing = [
        Fault::Answer(503),
        Fault::CutAnswerAfter(5000),
        Fault::TruncateBodyAfter(100_000),
        Fault::StallBodyAfter(100_000),
        Fault::FlipByte(100_000),
        Fault::Hang,
    ];
    for fault in passing {
        line.proxy.add(Rule::new(fault).method("GET").path("part-00001").times(1));
        let outcome = line.restore(&line.bucket()).run();
        line.proxy.clear();
        assert_eq!(outcome.status, Some(0), "{fault:?}: {outcome}");
        in_time(&outcome, fault);
        assert_eq!(warnings(&outcome), [""; 0], "{fault:?}: {outcome}");
        line.is_back();
    }
}

#[test]
fn a_restore_from_a_bucket_in_trouble_fails_in_time_and_goes_on_later() {
    let line = Line::with_backup();
    let bucket_first = line.bucket().local("archive");
    let lasting = [
        (Fault::Answer(500), 8, "HTTP status 500"),
        (Fault::Answer(403), 9, "HTTP status 403"),
        (Fault::CutAnswerAfter(5000), 8, "the store's answer broke off: "),
        (Fault::TruncateBodyAfter(100_000), 8, "the store's answer broke off: "),
        (Fault::StallBodyAfter(100_000), 8, "the store's answer broke off: no bytes for 1s"),
        (Fault::FlipByte(100_000), 5, "expected an object with SHA-256 "),
        (Fault::Hang, 8, NO_ANSWER),
    ];
    for (fault, status, reason) in lasting {
        line.proxy.add(Rule::new(fault).method("GET").path("part-00001"));
        let alone = line.restore(&line.bucket()).run();
        assert_eq!(alone.status, Some(status), "{fault:?}: {alone}");
        in_time(&alone, fault);
        let begin = format!(
            "could not restore into {:?}: could not restore from repository s3: ",
            line.data()
        );
        let text = error(&alone);
        assert!(text.starts_with(&begin) && text.contains(reason), "{fault:?}: {alone}");
        let control_file = line.data().join("global/pg_control");
        assert!(!control_file.exists(), "a server could start");
        // What is there of it is gone on with, whoever has the rest.
        let both = line.restore(&bucket_first).run();
        line.proxy.clear();
        assert_eq!(both.status, Some(0), "{fault:?}: {both}");
        let said = warnings(&both);
        let begin = "going on with repository local: could not restore from repository s3: ";
        assert!(said.len() == 1 && said[0].starts_with(begin), "{fault:?}: {both}");
        line.is_back();
    }
}

/// The description is read twice: for the plan, and before the files. Trouble in between is no end.
#[test]
fn a_repository_that_is_damaged_behind_the_plan_is_passed_over() {
    let line = Line::with_backup();
    let description = backups_in(&line.place.join("archive"))[0].join("backup.json");
    let damage = format!("printf x >'{}'", description.display());
    let outcome = line.restore(&line.folder_first()).args(["--before", &damage]).run();
    outcome
        .expect(0)
        .says("going on with repository s3: could not restore from repository local: ");
    line.is_back();
}
