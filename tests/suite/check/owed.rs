//! What a repository is owed that was away: said at once, in time CRITICAL, and no longer than it is true.

use std::fs;

use super::{Found, Watched};
use crate::listing::laid::Laid;
use crate::scene::{Kind as StoreKind, Store};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::run::Run;
use crate::support::s3::Kind;

const TOP: &str = "needed = 1\n";

/// No segment is finished by itself while debts are counted.
const SELDOM: &[(&str, &str)] = &[("archive_timeout", "1h")];

const LIMITS: &str = "[limits]\nattempts = 2\nrequest_timeout = \"1s\"\ntotal_timeout = \"3s\"\n";

/// A server that archives into a folder and a bucket, of which one is enough.
struct OneIsEnough {
    watched: Watched,
    proxy: Proxy,
}

impl OneIsEnough {
    fn new() -> OneIsEnough {
        let place = Place::new();
        let disk = Store::start(StoreKind::Local, &place);
        let s3 = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start(s3.server().address());
        let tables = [disk.table("disk"), s3.table_at("s3", &proxy.endpoint())].concat();
        let config = format!("{TOP}{tables}{LIMITS}");
        let watched = Watched::with_config(place, disk, Some(s3), &config, SELDOM);
        OneIsEnough { watched, proxy }
    }

    fn seawall(&self, words: &[&str]) -> Run {
        let run = self.watched.program(env!("CARGO_BIN_EXE_seawall")).args(words);
        run.arg("--config").arg(&self.watched.config)
    }

    fn notes(&self) -> Vec<String> {
        let keys = self.watched.disk.keys().into_iter();
        keys.filter(|key| key.starts_with("owed/")).collect()
    }
}

#[test]
fn it_is_said_from_the_first_debt_until_the_last_is_paid() {
    let one = OneIsEnough::new();
    let watched = &one.watched;
    for repository in ["disk", "s3"] {
        let found = watched.finds(0, &[]);
        found.says(&format!("repository {repository}, owed"), "ok", "nothing is owed to it", "");
    }

    one.proxy.add(Rule::new(Fault::Answer(503)));
    watched.archive();
    let notes = one.notes();
    assert!(notes.len() > 1, "{notes:?}");
    let files = format!("{} WAL files ({}.0 MiB)", notes.len(), notes.len());
    let owed = format!("it is owed {files}, the oldest since …");
    let found = watched.finds(2, &[]);
    found.says(
        "repository s3, owed",
        "warning",
        &owed,
        "The repository does not answer: see access",
    );
    found.says("repository disk, owed", "ok", "nothing is owed to it…", "");
    assert!(found.outcome.contains("\"check\": \"access\""), "{}", found.outcome);

    // It is back, and nobody has paid yet. What the server archived is where it is to be, or comes.
    one.proxy.clear();
    let found = watched.finds(1, &[]);
    found.says("repository s3, owed", "warning", &owed, "`seawall settle` copies it");
    found.says("postgresql main, archiving", "ok", "…was archived…", "");
    found.only(&["owed"]);
    // As time passes it is more than was promised.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let found = watched.finds(2, &["--objectives-rpo", "1s"]);
    let text = format!("{owed}; expected at most 1s");
    found.says("repository s3, owed", "critical", &text, "`seawall settle` copies it");
    found.says("postgresql main, RPO now in s3", "critical", "…", "It is owed WAL that another");

    let printed = watched.check().args(["--format", "prometheus"]).run();
    printed.expect(1);
    let labels = "{service=\"repository\",name=\"s3\"}";
    printed.shows(&format!("seawall_owed_wal_files{labels} {}\n", notes.len()));
    printed.shows(&format!("seawall_owed_wal_bytes{labels} {}\n", notes.len() << 20));
    printed.shows("seawall_owed_wal_files{service=\"repository\",name=\"disk\"} 0\n");
    one.seawall(&["list"]).run().expect(0).shows(&format!("repository s3: it is owed {files}"));
    let list = one.seawall(&["list", "--json"]).run();
    let list: serde_json::Value = serde_json::from_str(&list.expect(0).stdout).unwrap();
    assert_eq!(list["owed"][0]["wal_files"], notes.len(), "{list}");
    assert_eq!(list["owed"][0]["repository"], "s3", "{list}");
    let listed = || {
        let run = watched.program(env!("CARGO_BIN_EXE_basebackup")).arg("list");
        run.arg("--config").arg(&watched.config)
    };
    let json = listed().arg("--json").run();
    let json: serde_json::Value = serde_json::from_str(&json.expect(0).stdout).unwrap();
    let owed = &json["systems"][0]["owed"][0];
    assert_eq!((&owed["repository"], &owed["wal_files"]), (&"s3".into(), &notes.len().into()));
    let listed = listed().run();
    listed.expect(0);
    listed.shows(&format!("Repository s3 is owed {} WAL files since ", notes.len()));

    // A note is a claim: one that can't be deleted is no debt.
    let kept: Vec<Vec<u8>> = notes.iter().map(|key| watched.disk.get(key).unwrap()).collect();
    one.seawall(&["settle"]).run().expect(0);
    assert_eq!(one.notes(), [""; 0]);
    notes.iter().zip(&kept).for_each(|(key, note)| watched.disk.put(key, note));
    watched.finds(0, &[]).says("repository s3, owed", "ok", "nothing is owed to it", "");
}

/// Who has nothing but the one that was away sees in the plan what it lacks.
#[test]
fn the_plan_of_a_restore_says_what_the_repository_lacks() {
    let one = OneIsEnough::new();
    let watched = &one.watched;
    one.proxy.add(Rule::new(Fault::Answer(503)));
    let last = watched.archive();
    one.proxy.clear();
    // It takes notes and no WAL.
    one.proxy.add(Rule::new(Fault::Answer(503)).method("PUT").path("/wal/0000000100000000/"));
    one.seawall(&["settle"]).run().expect(8);
    one.proxy.clear();
    let plan = || {
        let alone = watched
            .place
            .file("alone.toml", watched.s3.as_ref().unwrap().table_at("s3", &one.proxy.endpoint()));
        let run = watched.program(env!("CARGO_BIN_EXE_basebackup")).args(["restore", "--dry-run"]);
        run.arg(watched.place.join("restored")).arg("--config").arg(alone).run()
    };
    let said = plan();
    said.expect(0).shows(&format!("repository s3 lacks WAL up to {last}, as of "));
    said.shows("it was stored in another repository only, which host ");
    one.seawall(&["settle"]).run().expect(0);
    let paid = plan();
    assert!(!paid.expect(0).stdout.contains("lacks WAL"), "{paid}");
}

/// `settle` tells this host what it met. The server's own file is a good copy.
#[test]
fn a_debt_without_a_good_copy_is_critical_at_once() {
    let one = OneIsEnough::new();
    let watched = &one.watched;
    watched.place.folder("state of the host");
    one.proxy.add(Rule::new(Fault::Answer(503)));
    watched.archive();
    one.proxy.clear();
    let note = one.notes().remove(0);
    let key = note.strip_prefix("owed/").and_then(|key| Some(key.split_once('/')?.1)).unwrap();
    let (folder, name) = key.strip_suffix(".json").unwrap().rsplit_once('/').unwrap();
    let key = format!("{folder}/{}/{name}.zst", &name[..16]);
    watched.disk.damage(&key, |bytes| *bytes.last_mut().unwrap() ^= 1);
    one.seawall(&["settle", "--data-directory", "/nonexistent"]).run().expect(5);
    let found = watched.finds(2, &[]);
    let text = format!(
        "WAL that it is owed has no good copy any more: could not copy {name} from repository disk to s3: …"
    );
    let hint = "Put a good copy into pg_wal or into one of the repositories.";
    found.says("repository s3, owed", "critical", &text, hint);
    // It asks the server where its data directory is.
    one.seawall(&["settle"]).run().expect(5).says("repository s3 has it from pg_wal");
    assert_eq!(one.notes(), [""; 0]);
    watched.finds(0, &[]).says("repository s3, owed", "ok", "nothing is owed to it", "");
}

/// Another server archived into it meanwhile.
#[test]
fn two_lines_of_wal_are_said_with_the_debt() {
    let one = OneIsEnough::new();
    let watched = &one.watched;
    watched.place.folder("state of the host");
    one.proxy.add(Rule::new(Fault::Answer(503)));
    watched.archive();
    one.proxy.clear();
    let note = one.notes().remove(0);
    let key = note.strip_prefix("owed/").and_then(|key| Some(key.split_once('/')?.1)).unwrap();
    let (folder, name) = key.strip_suffix(".json").unwrap().rsplit_once('/').unwrap();
    let key = format!("{folder}/{}/{name}.zst", &name[..16]);
    let s3 = watched.s3.as_ref().unwrap();
    s3.put(&key, b"of another server");
    one.seawall(&["settle"]).run().expect(7);
    let found = watched.finds(2, &[]);
    let text = format!(
        "two lines of WAL, or an object in the way: could not copy {name} from repository disk to s3: …"
    );
    let hint = "Move that object aside after looking at it; then the file is copied again.";
    found.says("repository s3, owed", "critical", &text, hint);
    s3.delete(&key);
    one.seawall(&["settle"]).run().expect(0);
    watched.finds(0, &[]).says("repository s3, owed", "ok", "nothing is owed to it", "");
}

#[test]
fn a_repository_that_is_gone_for_good_is_named_with_what_to_do() {
    let one = OneIsEnough::new();
    let watched = &one.watched;
    one.proxy.add(Rule::new(Fault::Answer(503)));
    watched.archive();
    let config = format!("{}\n[objectives]\nfree_space = 0\n", watched.disk.table("disk"));
    fs::write(&watched.config, config).unwrap();
    let found = watched.finds(1, &[]);
    let count = one.notes().len();
    let text = format!(
        "nothing is owed to it; it notes that repository s3 (s3://…), which is not configured, is owed {count} WAL files ({count}.0 MiB)"
    );
    let hint = "Configure it again, or delete its notes below owed/";
    found.says("repository disk, owed", "warning", &text, hint);
    found.only(&["owed"]);
}

/// Where all are needed nobody wants to hear of it.
#[test]
fn without_debts_nothing_is_said_where_all_are_needed() {
    let laid = Laid::with_folder_and_bucket();
    let found = laid.seawall("check").args(["--format=json"]).run();
    let found = Found::of(&found, 2);
    assert!(!found.outcome.contains("\"owed\""), "{}", found.outcome);
}
