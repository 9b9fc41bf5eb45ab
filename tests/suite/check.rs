//! `seawall check` when all is well, and against sabotage of every kind: each is named in one run.

mod elsewhere;
mod formats;
mod judged;
pub mod laid_out;
mod limits;
mod overview;
mod owed;
mod planted;
mod races;
mod reaching_back;
pub mod requests;
mod restored;
mod sabotage;
mod secrets;
mod series;
mod stopped;
mod told;
mod well;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use seawall::backup::new_id;
use seawall::config::Config;
use seawall::history::{Check, Phase, Record, RecordKind, RecordSubject, store};
use seawall::postgres::SystemIdentifier;
use seawall::repository::open_all;
use serde_json::Value;

use crate::archiving::commands::write_segments;
use crate::scene::{Kind as StoreKind, Store};
use crate::support::place::Place;
use crate::support::postgres::{Server, shell_word};
use crate::support::run::{Outcome, Run};
use crate::support::s3;
use crate::support::s3::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::support::user::hand_over;

const LIMIT: Duration = Duration::from_secs(60);

/// A server that archives into a folder and, mostly, a bucket; one base backup and a drill that passed.
struct Watched {
    place: Place,
    disk: Store,
    s3: Option<Store>,
    server: Server,
    config: PathBuf,
}

impl Watched {
    fn with_bucket() -> Watched {
        Watched::new(true, &[])
    }

    fn with_folder() -> Watched {
        Watched::new(false, &[])
    }

    fn new(bucket: bool, settings: &[(&str, &str)]) -> Watched {
        let place = Place::new();
        let disk = Store::start(StoreKind::Local, &place);
        let s3 = bucket.then(|| Store::start(StoreKind::S3(s3::Kind::S3sFs), &place));
        let tables = [Some(disk.table("disk")), s3.as_ref().map(|it| it.table("s3"))];
        let text: Vec<String> = tables.into_iter().flatten().collect();
        Watched::with_config(place, disk, s3, &text.join("\n"), settings)
    }

    fn with_config(
        place: Place,
        disk: Store,
        s3: Option<Store>,
        config: &str,
        settings: &[(&str, &str)],
    ) -> Watched {
        // How full the disk of this machine is, is not the question.
        let config = format!("{config}\n[objectives]\nfree_space = 0\n");
        let config = place.file("seawall.toml", config);
        let push = shell_word(&place.program(env!("CARGO_BIN_EXE_wal-push")));
        let push = format!("{push} --config {} %p %f", shell_word(&config));
        let builder = Server::builder(&place).segment_mib(1).archive_command(&push).envs(keys());
        let builder = builder.setting("archive_timeout", "60s");
        let builder = settings.iter().fold(builder, |it, (key, value)| it.setting(key, value));
        let mut server = builder.init();
        server.start();
        let watched = Watched { place, disk, s3, server, config };
        watched.base_backup();
        watched.drill(true);
        watched.archive();
        watched
    }

    fn program(&self, program: &str) -> Run {
        let run = Run::new(&self.place, program).server_user().envs(keys());
        run.envs(self.server.connection())
    }

    fn base_backup(&self) {
        let run = self.program(env!("CARGO_BIN_EXE_basebackup")).arg("create");
        run.arg("--config").arg(&self.config).run().expect(0);
    }

    /// Finishes some segments, and waits until they are archived.
    fn archive(&self) -> String {
        let last = write_segments(&self.server, 3);
        self.server.wait_archived(&last, LIMIT);
        last
    }

    fn system(&self) -> SystemIdentifier {
        SystemIdentifier(self.server.system_identifier())
    }

    /// A record of one, in the folder.
    fn drill(&self, passed: bool) {
        let subject = RecordSubject::postgres("main", self.system());
        record(&self.disk, &subject, RecordKind::Drill, passed);
    }

    /// The line that has the server archive to where this configuration says.
    fn archives_again(&self) -> String {
        let push = self.place.program(env!("CARGO_BIN_EXE_wal-push"));
        format!(
            "ALTER SYSTEM SET archive_command = '{} --config {} \"%p\" %f'; then SELECT pg_reload_conf().",
            push.display(),
            self.config.display()
        )
    }

    /// `seawall check`, about to be run where the server can be reached.
    fn check(&self) -> Run {
        let run = self.program(env!("CARGO_BIN_EXE_seawall")).arg("check");
        run.arg("--config").arg(&self.config)
    }

    /// What one run finds.
    #[track_caller]
    fn finds(&self, status: i32, words: &[&str]) -> Found {
        Found::of(&self.check().args(words).args(["--format", "json"]).run(), status)
    }

    /// The key of a segment.
    fn key(&self, segment: &str) -> String {
        format!("postgres/main/{}/wal/{}/{segment}.zst", self.system(), &segment[..16])
    }
}

fn keys() -> Vec<(String, String)> {
    let keys = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    keys.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// A record that ended just now, in a folder.
pub fn record(folder: &Store, subject: &RecordSubject, kind: RecordKind, passed: bool) {
    let Store::Folder(root) = folder else { panic!("records are laid into folders") };
    let text = folder.table("disk");
    let config = Config::from_resolved(&seawall::config::of_text(&text).unwrap()).unwrap();
    let repository = open_all(&config, None).unwrap().remove(0);
    let now = Timestamp::now();
    let phase = |name: &str, seconds| Phase { name: name.to_owned(), seconds };
    let record = Record {
        seawall: 1,
        id: new_id(now),
        kind,
        began: now,
        ended: now,
        passed,
        backups: Vec::new(),
        repository: None,
        phases: vec![phase("fetch", 20.0), phase("replay", 10.0), phase("checks", 900.0)],
        reached: None,
        checks: vec![
            Check { name: "tables".to_owned(), passed: true },
            Check { name: "assertion 1".to_owned(), passed },
        ],
        found: Vec::new(),
        past: false,
    };
    assert_eq!(store(&[&repository], subject, &record), []);
    hand_over(root);
}

/// What a run with `--format json` said.
struct Found {
    json: Value,
    outcome: String,
}

impl Found {
    #[track_caller]
    fn of(outcome: &Outcome, status: i32) -> Found {
        outcome.expect(status);
        assert_eq!(outcome.stderr, "", "{outcome}");
        let json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome}"));
        Found { json, outcome: outcome.to_string() }
    }

    fn all(&self) -> &Vec<Value> {
        self.json["findings"].as_array().expect("a list")
    }

    /// Panics unless the finding has this state, this text, and a hint that begins so. `…` stands for any
    /// text.
    #[track_caller]
    fn says(&self, what: &str, state: &str, text: &str, hint: &str) -> &Found {
        let name = |it: &Value| {
            let part = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
            let subject = format!(
                "{} {}",
                it["subject"]["service"].as_str().unwrap(),
                it["subject"]["name"].as_str().unwrap()
            );
            let repository =
                it["repository"].as_str().map_or(String::new(), |it| format!(" in {it}"));
            format!("{subject}, {}{repository}", part("check"))
        };
        let found = self.all().iter().find(|it| name(it) == what);
        let found = found.unwrap_or_else(|| panic!("no {what}: {}", self.outcome));
        let field = |key: &str| found[key].as_str().unwrap_or_default();
        let fits = field("state") == state && like(field("text"), text);
        let fits = fits && like(field("hint"), &format!("{hint}…"));
        let fits = fits && (hint.is_empty() == found["hint"].is_null());
        assert!(fits, "expected {what} to be {state}: {text:?}, hint {hint:?}, found {found:#}");
        self
    }

    /// Panics if anything else than these checks is not as it should be.
    #[track_caller]
    fn only(&self, checks: &[&str]) {
        let wrong = self.all().iter().filter(|it| it["state"] != "ok");
        let wrong: Vec<&str> = wrong.map(|it| it["check"].as_str().unwrap()).collect();
        let others: Vec<&&str> = wrong.iter().filter(|it| !checks.contains(it)).collect();
        assert!(others.is_empty(), "not only {checks:?}: {}", self.outcome);
    }
}

/// Whether a text is this one, where `…` stands for any.
pub fn like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut ends = true;
    for part in parts {
        ends = part.is_empty();
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
        if ends {
            rest = "";
        }
    }
    rest.is_empty() || ends && pattern.ends_with('…')
}

/// Sets when a file was written.
fn touch(path: &std::path::Path, time: Timestamp) {
    let file = fs::File::options().write(true).open(path).expect("our own file");
    file.set_modified(time.into()).expect("a time");
}
