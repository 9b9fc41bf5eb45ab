//! `seawall check --notify` and `seawall notify`: who is told what, once, by a real HTTP server and a real mail program.

mod loopback;
mod mail_server;
mod mails;
mod receiver;
mod summary;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use seawall::history::{RecordKind, RecordSubject};
use seawall::postgres::SystemIdentifier;
use serde_json::Value;

use self::receiver::Receiver;
use crate::check::laid_out::{HOUR, id};
use crate::check::record;
use crate::listing::laid::{Laid, OLD, described, segment_key};
use crate::support::run::{Outcome, Run};

/// A repository in which all is well, and a mail program that keeps what it gets.
struct Told {
    laid: Laid,
    receiver: Receiver,
}

impl Told {
    /// `forms` of webhooks, each with a path of its own.
    fn new(forms: &[&str], more: &str) -> Told {
        let laid = Laid::with_folder();
        laid.place.folder("state of the host");
        let system = SystemIdentifier(OLD.parse().unwrap());
        laid.backup("disk", &described(&id(HOUR), 1, 2));
        laid.wal("disk", OLD, 1, 2..=4);
        record(
            laid.store("disk"),
            &RecordSubject::postgres("main", system),
            RecordKind::Drill,
            true,
        );
        let receiver = Receiver::start();
        let lines =
            forms.iter().map(|form| format!("{form} {}/{form} Bearer s3cret\n", receiver.url()));
        let file = laid.place.file("webhooks", lines.collect::<String>());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        laid.place.folder("mails");
        let script =
            format!("#!/bin/sh\n(echo \"$@\"; cat) >>'{}'\n", Self::mails_of(&laid).display());
        let sendmail = laid.place.file("sendmail", script);
        fs::set_permissions(&sendmail, fs::Permissions::from_mode(0o755)).unwrap();
        laid.configure(&format!(
            "[objectives]\nrpo = \"1h\"\nfree_space = 0\n[notify]\nwebhooks_file = {file:?}\nsendmail = {sendmail:?}\n{more}"
        ));
        Told { laid, receiver }
    }

    fn mails_of(laid: &Laid) -> PathBuf {
        laid.place.join("mails/all")
    }

    fn mails(&self) -> String {
        fs::read_to_string(Self::mails_of(&self.laid)).unwrap_or_default()
    }

    fn check(&self) -> Run {
        self.laid.seawall("check").arg("--notify").args(["--format", "json"])
    }

    #[track_caller]
    fn run(&self, status: i32) -> Outcome {
        let outcome = self.check().run();
        outcome.expect(status);
        outcome
    }

    /// What the receiver got since it was asked last, as JSON.
    fn got(&self) -> Vec<Value> {
        let bodies = self.receiver.take().into_iter().map(|it| it.body);
        bodies.map(|body| serde_json::from_str(&body).unwrap()).collect()
    }

    /// What was noted of who was told what.
    fn note(&self) -> PathBuf {
        let folder = self.laid.place.join("state of the host/check");
        let notes = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let all: Vec<PathBuf> = notes.collect();
        assert!(all.len() == 1 && all[0].to_str().unwrap().contains("/told-main-"), "{all:?}");
        all[0].clone()
    }

    /// Loses the newest segment but one: a recovery ends before it.
    fn breaks(&self) {
        self.laid.store("disk").delete(&segment_key(OLD, 1, 3));
    }

    fn mends(&self) {
        self.laid.wal("disk", OLD, 1, 3..=3);
    }
}

#[test]
fn a_change_is_told_once_and_so_is_its_end() {
    let told = Told::new(&["json"], "mail_to = [\"a@example.org\", \"b@example.org\"]\n");
    told.run(0);
    assert_eq!((told.got(), told.mails()), (vec![], String::new()), "all is well");
    told.breaks();
    told.run(2);
    let got = told.got();
    assert_eq!(got.len(), 1, "{got:?}");
    let text = |key: &str| got[0][key].as_str().unwrap().to_owned();
    assert_eq!((text("event"), text("state")), ("trouble".into(), "critical".into()), "{got:?}");
    assert!(text("title").starts_with("CRITICAL: PostgreSQL main, "), "{got:?}");
    let new = got[0]["new"].as_array().unwrap();
    let wal = new.iter().find(|it| it.as_str().unwrap().contains("WAL in disk")).expect("WAL");
    assert!(wal.as_str().unwrap().contains("\n  Take a base backup now"), "{wal}");
    let mail = told.mails();
    assert!(mail.starts_with("-i -t\nTo: a@example.org, b@example.org\nSubject: "), "{mail}");
    assert!(
        mail.contains(": CRITICAL: PostgreSQL main, ") && mail.contains("is missing"),
        "{mail}"
    );
    // Nothing is said of what was told.
    for _ in 0..2 {
        told.run(2);
    }
    assert_eq!((told.got(), told.mails()), (vec![], mail.clone()));
    told.mends();
    told.run(0);
    let got = told.got();
    assert_eq!((got.len(), &got[0]["event"], &got[0]["state"]), (1, &"well".into(), &"ok".into()));
    assert!(
        got[0]["over"].as_array().unwrap().iter().any(|it| it == "PostgreSQL main, WAL in disk")
    );
    assert_eq!(told.mails().matches("\nSubject: ").count(), 2);
    told.run(0);
    assert_eq!(told.got(), [Value::Null; 0]);
    let note = told.note();
    assert_eq!(fs::metadata(&note).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(note).unwrap().contains("http"), "the URL is a secret");
}

/// Without the flag nobody is told, and without a receiver nothing is noted.
#[test]
fn nobody_is_told_who_is_not_to_be() {
    let told = Told::new(&["json"], "warnings = false\n");
    told.breaks();
    told.laid.seawall("check").run().expect(2);
    assert_eq!(told.got(), [Value::Null; 0]);
    told.mends();
    // A WARNING is not wanted.
    told.laid.configure("[retention]\nkeep_within = \"7d\"\n");
    told.check().arg("--objectives-base-backups=2").run().expect(1);
    assert_eq!(told.got(), [Value::Null; 0]);
    told.check().args(["--objectives-base-backups=2", "--notify-warnings=true"]).run().expect(1);
    assert_eq!(told.got().len(), 1);
    let laid = Laid::with_folder();
    laid.seawall("check").arg("--notify").run().expect(2);
    assert!(!laid.place.join("state of the host/check").exists());
}

#[test]
fn who_could_not_be_told_is_told_at_the_next_run() {
    let told = Told::new(&["json", "slack"], "");
    told.breaks();
    told.receiver.answers("/slack", 500);
    let outcome = told.run(3);
    outcome.says("could not tell the slack webhook at 127.0.0.1:");
    outcome.says(": its answer is HTTP status 500 Internal Server Error. HINT: Is the URL of the webhook still right?");
    outcome.does_not_say("/slack").does_not_say("s3cret");
    assert_eq!(told.receiver.take().len(), 2);
    told.receiver.answers("/slack", 200);
    told.run(2);
    let paths: Vec<String> = told.receiver.take().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, ["/slack"], "the other one knows it");
    told.run(2);
    assert_eq!(told.receiver.take().len(), 0);
    // Where only somebody is not told, the status tells.
    told.mends();
    told.receiver.answers("/json", 404);
    told.run(3).says("could not tell the json webhook");
}

/// A note that can't be kept is no reason to be silent.
#[test]
fn without_a_note_it_is_told_each_time() {
    let told = Told::new(&["json"], "");
    told.breaks();
    for _ in 0..2 {
        let run = told.check().env("SEAWALL_STATE_DIRECTORY", "/nowhere/state").run();
        run.expect(3).says("could not note the sent messages: there is no state_directory");
        assert_eq!(told.got().len(), 1);
    }
}

#[test]
fn each_receiver_gets_its_form() {
    let told = Told::new(&["slack", "teams", "ntfy", "ping"], "");
    told.breaks();
    told.run(2);
    let got = told.receiver.take();
    let of =
        |path: &str| got.iter().find(|it| it.path == path).unwrap_or_else(|| panic!("no {path}"));
    let json = |path: &str| serde_json::from_str::<Value>(&of(path).body).unwrap();
    let slack = json("/slack")["text"].as_str().unwrap().to_owned();
    assert!(slack.starts_with('*') && slack.contains(": CRITICAL: PostgreSQL main, "), "{slack}");
    let card = json("/teams")["attachments"][0]["content"].clone();
    assert_eq!((&card["type"], &card["version"]), (&"AdaptiveCard".into(), &"1.4".into()));
    assert!(card["body"][1]["text"].as_str().unwrap().contains("is missing"), "{card}");
    let ntfy = of("/ntfy");
    assert_eq!((ntfy.header("priority"), ntfy.header("tags")), ("5", "rotating_light"));
    assert!(ntfy.header("title").contains(": CRITICAL: ") && ntfy.body.contains("is missing"));
    assert!(
        got.iter().all(|it| it.header("authorization") == "Bearer s3cret" && it.method == "POST")
    );
    assert!(of("/ping/fail").body.contains("CRITICAL: "));
    // A ping comes at each run.
    told.run(2);
    told.mends();
    told.run(0);
    let paths: Vec<String> = told.receiver.take().into_iter().map(|it| it.path).collect();
    assert_eq!(
        paths.iter().filter(|it| it.starts_with("/ping")).collect::<Vec<_>>(),
        ["/ping/fail", "/ping"]
    );
}

/// As the units for several clusters run it, with one state folder.
#[test]
fn another_configuration_knows_nothing_of_what_this_one_told() {
    let told = Told::new(&["json"], "");
    let text = fs::read_to_string(told.laid.place.join("seawall.toml")).unwrap();
    let other = told.laid.place.file("other.toml", text);
    told.breaks();
    told.run(2);
    let run = || told.laid.program(env!("CARGO_BIN_EXE_seawall"), "check").arg("--notify");
    let run = || run().arg("--config").arg(&other).arg("--objectives-rpo=2h").run();
    run().expect(2);
    assert_eq!(told.got().len(), 2);
    run().expect(2);
    told.run(2);
    assert_eq!(told.got().len(), 0);
}

#[test]
fn a_summary_comes_once_a_day() {
    let told = Told::new(&["json"], "summary_hour = 0\n");
    told.run(0);
    let got = told.got();
    assert_eq!((got.len(), &got[0]["event"]), (1, &"summary".into()), "{got:?}");
    assert!(got[0]["title"].as_str().unwrap().starts_with("Today OK: "), "{got:?}");
    told.run(0);
    assert_eq!(told.got().len(), 0);
    let note = told.note();
    let text = fs::read_to_string(&note).unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json["ways"]
        .as_object_mut()
        .unwrap()
        .values_mut()
        .for_each(|it| it["summary"] = "2020-01-01".into());
    fs::write(&note, json.to_string()).unwrap();
    told.breaks();
    told.run(2);
    let events: Vec<String> = told.got().iter().map(|it| it["event"].to_string()).collect();
    assert_eq!(events, ["\"trouble\"", "\"summary\""]);
}

#[test]
fn a_check_that_finds_nothing_out_is_told_too() {
    let told = Told::new(&["json"], "");
    let run = told.check().arg("--timeout=0s").run();
    run.expect(3);
    let got = told.got();
    assert_eq!((got.len(), &got[0]["state"]), (1, &"unknown".into()), "{got:?}");
    assert!(
        got[0]["title"]
            .as_str()
            .unwrap()
            .starts_with("UNKNOWN: seawall check: the check did not end")
    );
}

#[test]
fn notify_tries_all_of_it_out() {
    let told = Told::new(&["json", "ntfy"], "mail_to = [\"a@example.org\"]\n");
    let notify = || told.laid.seawall("notify").run();
    let outcome = notify();
    let host = told.receiver.url().replace("http://", "");
    assert_eq!(
        outcome.expect(0).stdout,
        format!(
            "told a@example.org by mail\ntold the json webhook at {host}\ntold the ntfy webhook at {host}\n"
        )
    );
    assert_eq!(told.receiver.take().len(), 2);
    fs::write(told.laid.place.join("sendmail"), "#!/bin/sh\nexit 75\n").unwrap();
    let outcome = notify();
    outcome
        .expect(10)
        .says("could not tell a@example.org by mail: ")
        .says(" ended with exit status: 75");
    assert!(outcome.stdout.starts_with("NOT told a@example.org by mail\n"), "{outcome}");
    fs::write(told.laid.place.join("webhooks"), "json https://x\nslak https://hooks/secret\n")
        .unwrap();
    let outcome = notify();
    outcome.expect(3).says("expected FORM URL in line 2 of ").does_not_say("secret");
    let laid = Laid::with_folder();
    laid.seawall("notify")
        .run()
        .expect(3)
        .says("neither notify.mail_to nor notify.webhooks_file is set");
    laid.configure("[notify]\nmail_to = [\"a@b\\nBcc: c@d\"]\n");
    laid.seawall("notify").run().expect(3).says("expected addresses like ops@example.org");
}
