use std::fs;
use std::path::Path;

use super::init;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::run::{Outcome, Run};

/// On a terminal of its own, with these lines typed.
fn typed(place: &Place, server: &Server, lines: &[&str], more: &[&str]) -> Outcome {
    // Makes the programs reachable for the server's user.
    drop(init(place));
    let program = place.program(env!("CARGO_BIN_EXE_seawall"));
    let config = place.join("etc/seawall.toml");
    let call = format!(
        "{} init --no-doctor --output {} {}",
        program.display(),
        config.display(),
        more.join(" ")
    );
    let input: String = lines.iter().map(|line| format!("{line}\\n")).collect();
    let script = format!("printf '{input}' | script -qec '{call}' /dev/null");
    let run = Run::new(place, "/bin/sh").server_user().envs(server.connection());
    run.args(["-c", &script]).run()
}

fn written(place: &Place) -> String {
    fs::read_to_string(place.join("etc/seawall.toml")).unwrap()
}

#[test]
fn empty_answers_take_what_the_server_says() {
    let place = Place::new();
    place.folder("etc");
    let mut server = Server::builder(&place).setting("cluster_name", "orders").init();
    server.start();
    let outcome = typed(&place, &server, &["", "", "", "", "", "", "", "none", "", ""], &[]);
    outcome.expect(0);
    let asked = format!(
        "Data directory of PostgreSQL (- if it is on another host) [{}]: ",
        server.data().display()
    );
    assert!(outcome.stdout.contains(&asked), "{outcome}");
    // There is one repository, and nothing to choose.
    assert!(!outcome.stdout.contains("How many repositories"), "{outcome}");
    let text = written(&place);
    let [(_, sockets), (_, port), ..] = server.connection();
    let connection = format!("connection = \"host={sockets} port={port}\"");
    assert!(text.contains(&connection), "no {connection}: {text}");
    for line in [
        "cluster = \"orders\"",
        "url = \"/var/backups/seawall\"",
        "rpo = \"5m\"",
        "rto = \"30m\"",
        "reaches_back = \"7d\"",
        "wal_window = \"7d\"",
        "keep_within = \"7d\"",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line}: {text}");
    }
    assert!(!text.contains("\n[redis]") && !text.contains("\n[media"), "{text}");
    assert!(!Path::new("/var/backups/seawall").exists());
}

#[test]
fn a_wrong_answer_is_asked_again() {
    let place = Place::new();
    place.folder("etc");
    let mut server = Server::builder(&place).init();
    server.start();
    let lines = [
        "/nowhere",
        "-",
        "shop",
        "-",
        "-",
        "gs://x",
        "s3://b/p",
        "https://s3.example",
        "eu-1",
        "relative",
        "/etc/s3",
        "soon",
        "1m",
        "",
        "30",
        "30d",
        "maybe",
        "new",
        "redis://db:1",
        "x",
        "up=/srv/up",
        "",
    ];
    let outcome = typed(&place, &server, &lines, &[]);
    outcome.expect(0);
    for said in [
        "  there is no PostgreSQL in /nowhere; - if it is on another host",
        "  one repository is needed",
        "  s3://BUCKET/PREFIX is needed",
        "  an absolute path is needed",
        "  a time like 12h or 90d, at most 100 years is needed",
        "  new, none or a public key (age1…) is needed",
        "  expected NAME=PATH for --media, found \"x\"",
    ] {
        assert!(outcome.stdout.contains(said), "no {said:?}: {outcome}");
    }
    let text = written(&place);
    for line in [
        "cluster = \"shop\"",
        "url = \"s3://b/p\"",
        "endpoint = \"https://s3.example\"",
        "region = \"eu-1\"",
        "credentials_file = \"/etc/s3\"",
        "rpo = \"1m\"",
        "reaches_back = \"30d\"",
        "wal_window = \"30d\"",
        "keep_within = \"30d\"",
        "url = \"redis://db:1\"",
        "[media.up]",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line}: {text}");
    }
    let key = fs::read_to_string(place.join("etc/seawall.key")).unwrap();
    let public = key.lines().nth(1).unwrap().strip_prefix("# public key: ").unwrap();
    assert!(text.contains(&format!("recipients = [\"{public}\"]")), "{text}");
}

#[test]
fn what_flags_say_is_not_asked_and_an_end_of_the_input_writes_nothing() {
    let place = Place::new();
    place.folder("etc");
    let mut server = Server::builder(&place).init();
    server.start();
    let flags = ["--repository=/b", "--cluster=a", "--rpo=1m", "--rto=2m", "--reaches-back=9d"];
    let outcome = typed(&place, &server, &[""], &flags);
    outcome.expect(2);
    assert!(
        outcome.stdout.contains("the questions were not answered; nothing was written"),
        "{outcome}"
    );
    for question in ["Name of the cluster", "Folder for backups", "How much", "How long", "How far"]
    {
        assert!(!outcome.stdout.contains(question), "{outcome}");
    }
    assert_eq!(fs::read_dir(place.join("etc")).unwrap().count(), 0);
}

/// A folder and a bucket: one may be away, if somebody says so.
#[test]
fn with_two_repositories_it_is_asked_how_many_are_needed() {
    let place = Place::new();
    place.folder("etc");
    let mut server = Server::builder(&place).init();
    server.start();
    let two = ["", "", "/b", "s3://b/p", "", "", "", "3", "1", "", "", "", "none", "", ""];
    let outcome = typed(&place, &server, &two, &[]);
    outcome.expect(0);
    for said in [
        "If one is away for long, pg_wal fills its\r\ndisk.",
        "How many repositories must have a WAL file at once [all]: ",
        "  all or a number from 1 to 2 is needed",
        "sudo systemctl enable --now seawall-settle.timer",
    ] {
        assert!(outcome.stdout.contains(said), "no {said:?}: {outcome}");
    }
    let text = written(&place);
    let (above, tables) = text.split_once("[[repository]]").unwrap();
    assert!(above.contains("\nneeded = 1\n"), "{text}");
    assert!(!tables.contains("needed = "), "{text}");

    // An empty answer is what was before there was this question.
    fs::remove_file(place.join("etc/seawall.toml")).unwrap();
    let two = ["", "", "/b", "s3://b/p", "", "", "", "", "", "", "", "none", "", ""];
    let outcome = typed(&place, &server, &two, &[]);
    outcome.expect(0);
    assert!(!written(&place).contains("needed = "), "{}", written(&place));
    assert!(!outcome.stdout.contains("seawall-settle.timer"), "{outcome}");
}
