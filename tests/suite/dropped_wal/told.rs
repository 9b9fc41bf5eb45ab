//! A server whose archive is away for too long: it goes on, and whoever looks for the dropped WAL is told who dropped it.

use std::path::PathBuf;

use serde_json::Value;

use super::LIMIT;
use crate::base_backups::sound::recovered;
use crate::scene::error;
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, OLDEST, Server, shell_word};
use crate::support::run::{Outcome, Run};
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::wait_until;

const BASEBACKUP: &str = env!("CARGO_BIN_EXE_basebackup");
const SEAWALL: &str = env!("CARGO_BIN_EXE_seawall");

/// A server that archives into a bucket.
struct Host {
    place: Place,
    s3: S3Server,
    config: PathBuf,
    server: Server,
}

impl Host {
    fn new(version: u32) -> Host {
        let place = Place::new();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let text = format!(
            "[[repository]]\nname = \"s3\"\nurl = \"s3://{}/seawall\"\n[limits]\nconnect_timeout = \"500ms\"\n\
             request_timeout = \"5s\"\ntotal_timeout = \"5s\"\nattempts = 2\n[objectives]\nfree_space = 0\n",
            s3.bucket()
        );
        let config = place.file("seawall.toml", text);
        let push = shell_word(&place.program(env!("CARGO_BIN_EXE_wal-push")));
        let push = format!("{push} --config {} %p %f", shell_word(&config));
        let builder = Server::builder(&place).version(version).segment_mib(1);
        let server = builder.archive_command(&push).envs(s3.environment()).init();
        Host { place, s3, config, server }
    }

    fn run(&self, program: &str, words: &[&str]) -> Run {
        let run = Run::new(&self.place, program).server_user().envs(self.s3.environment());
        let run = run.envs(self.server.connection()).args(words);
        run.arg("--config").arg(&self.config).limit(LIMIT)
    }

    #[track_caller]
    fn base_backup(&self) -> String {
        self.run(BASEBACKUP, &["create"]).run().expect(0);
        let list = self.json(&["list", "--json"]);
        let backups = list["systems"][0]["backups"].as_array().expect("a list");
        backups.last().expect("taken")["id"].as_str().expect("an id").to_owned()
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let outcome = self.run(BASEBACKUP, words).run();
        serde_json::from_str(&outcome.expect(0).stdout).expect("JSON")
    }

    /// Finishes a segment with one row more.
    fn row(&self, number: u32) -> String {
        self.server.sql(&format!("insert into t values ({number})"));
        self.server.switch_wal()
    }

    #[track_caller]
    fn restore(&self, name: &str, words: &[&str]) -> (Server, Outcome) {
        let data = self.place.join(name);
        let run = self.run(BASEBACKUP, &["restore", "--yes"]).args(words).arg(&data);
        let outcome = run.run();
        outcome.expect(0);
        let builder = Server::builder(&self.place).version(self.server.version()).segment_mib(1);
        (builder.envs(self.s3.environment()).over(data), outcome)
    }
}

#[test]
fn on_the_oldest_version() {
    what_was_dropped_is_told_wherever_it_is_missed(OLDEST);
}

#[test]
fn on_the_newest_version() {
    what_was_dropped_is_told_wherever_it_is_missed(NEWEST);
}

fn what_was_dropped_is_told_wherever_it_is_missed(version: u32) {
    let mut host = Host::new(version);
    host.server.start();
    host.server.sql("create table t (i int)");
    let before = host.base_backup();
    host.server.sql("insert into t values (1)");
    let target = host.server.current_lsn();
    host.server.wait_archived(&host.server.switch_wal(), LIMIT);

    host.s3.stop();
    let first = host.row(2);
    let last = host.row(3);
    let kept = host.row(4);
    // It finds the data directory by the server.
    let words = ["drop-wal", "--until", &last, "--yes", "--reason", "the bucket was away"];
    let dropped = host.run(SEAWALL, &words).run();
    dropped.expect(0).shows("Dropped 2 segments.").shows("s3 get it with the first push");
    host.server.reload();
    let goes_on = || host.server.ready_files().first() == Some(&kept);
    wait_until("PostgreSQL has its answer", LIMIT, goes_on);
    let log = host.server.log();
    assert!(
        log.contains(&format!("{first} is not archived, and PostgreSQL may remove it")),
        "{log}"
    );
    assert_eq!(host.server.sql("select count(*) from t"), "4");

    host.s3.restart();
    host.server.reload();
    host.server.wait_archived(&kept, LIMIT);
    let words = format!("{first} to {last} were dropped by hand (seawall drop-wal) at ");
    let why = ", reason: \"the bucket was away\"";
    let told = |outcome: &Outcome, status: i32| {
        let text = [&outcome.expect(status).stdout[..], &outcome.stderr].concat();
        let line = text.lines().find(|line| line.contains(&words));
        assert!(line.is_some_and(|line| line.contains(why)), "{outcome}");
    };
    wait_until("the bucket is told", LIMIT, || {
        host.s3.keys().iter().any(|key| key.ends_with(&format!("/gaps/{first}-{last}.json")))
    });

    // Nothing is behind the newest base backup but what can't be reached.
    let list = host.run(BASEBACKUP, &["list"]).run();
    told(&list, 0);
    list.shows(&format!("gap: 2 segments missing, {first} to {last}"));
    let system = &host.json(&["list", "--json"])["systems"][0]["dropped"][0];
    assert_eq!(
        (system["first"].as_str(), system["last"].as_str()),
        (Some(&first[..]), Some(&last[..]))
    );
    told(&host.run(SEAWALL, &["check"]).run(), 2);
    let plan = host.run(BASEBACKUP, &["restore", "--dry-run"]).arg(host.place.join("no")).run();
    told(&plan, 0);
    plan.shows("without a target the server recovers into that gap and stops");
    let fetch = host.run(env!("CARGO_BIN_EXE_wal-fetch"), &[&last]).cwd(host.server.data());
    let fetched = fetch.arg("pg_wal/RECOVERYXLOG").run();
    told(&fetched, 211);

    let after = host.base_backup();
    let newest = host.row(5);
    host.server.wait_archived(&newest, LIMIT);
    told(&host.run(BASEBACKUP, &["list"]).run(), 0);
    told(&host.run(BASEBACKUP, &["verify", "--quick"]).run(), 5);
    let page = host.run(SEAWALL, &["report", "--html=-"]).run();
    assert!(page.stdout.contains(&words), "the report does not say who dropped it: {page}");
    let beyond =
        ["restore", "--backup", &before, "--target-lsn", &host.server.current_lsn(), "--dry-run"];
    let beyond = host.run(BASEBACKUP, &beyond).arg(host.place.join("no")).run();
    assert!(error(beyond.expect(11)).contains(&words), "{beyond}");

    // Before the gap, and behind it; not through it.
    let (server, _) = host.restore("before", &["--backup", &before, "--target-lsn", &target]);
    assert_eq!(recovered(server).sql("select string_agg(i::text, ' ' order by i) from t"), "1");
    let (server, _) = host.restore("after", &["--backup", &after]);
    let rows = recovered(server).sql("select string_agg(i::text, ' ' order by i) from t");
    assert_eq!(rows, "1 2 3 4 5");
    let (mut server, plan) = host.restore("through", &["--backup", &before]);
    told(&plan, 0);
    let log = server.start_expecting_failure();
    assert!(log.contains(&words), "{log}");
}
