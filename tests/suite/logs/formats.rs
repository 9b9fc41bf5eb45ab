//! Text and JSON: one line an event.

use serde_json::{Map, Value};

use super::push;
use crate::by_hand::{ByHand, events};
use crate::configuration::with_file;
use crate::support::run::{Outcome, Run};

/// Every line as the JSON object that it has to be.
#[track_caller]
fn objects(outcome: &Outcome) -> Vec<Map<String, Value>> {
    let parse = |line: &str| match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        other => panic!("expected an object, found {other:?}: {outcome}"),
    };
    outcome.stderr.lines().map(parse).collect()
}

/// The digits in a text are replaced, so that times and lengths can be compared.
fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            '0'..='9' if plain.ends_with('N') => {}
            '0'..='9' => plain.push('N'),
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn a_push_is_one_info_line_for_each_repository() {
    let host = ByHand::new();
    let disk = host.repository.parent().expect("below the place").display();
    let run = push(&host).env("SEAWALL_REPOSITORY", format!("{disk}/one {disk}/two"));
    let outcome = run.run();
    let mut lines = events(outcome.expect(0));
    lines.sort_by_key(|line| line.contains("local2"));
    let segment = format!("INFO archived segment={} bytes_in=1048576 bytes_out=", host.name(0));
    for (line, name) in lines.iter().zip(["local", "local2"]) {
        let rest = line.strip_prefix(&segment).unwrap_or_else(|| panic!("{outcome}"));
        assert_eq!(
            without_numbers(rest),
            format!("N milliseconds=N repository=\"{}\"", without_numbers(name))
        );
        assert!(rest.ends_with(&format!("\"{name}\"")));
    }
    assert_eq!(lines.len(), 2, "{outcome}");
}

#[test]
fn a_fetch_is_one_info_line() {
    let host = ByHand::new();
    host.archives(0);
    let outcome = host.fetch().args([host.name(0), "pg_wal/RECOVERYXLOG"]).run();
    let lines = events(outcome.expect(0));
    assert_eq!(lines.len(), 1, "{outcome}");
    let start = format!("INFO restored segment={} bytes=1048576 milliseconds=", host.name(0));
    assert!(
        lines[0].starts_with(&start) && lines[0].ends_with(" repository=\"local\""),
        "{outcome}"
    );
}

/// In the same words as the text, with the numbers as numbers.
#[test]
fn json_is_one_object_a_line() {
    let host = ByHand::new();
    let outcome = push(&host).args(["--log-format", "json"]).run();
    let objects = objects(outcome.expect(0));
    assert_eq!(objects.len(), 1, "{outcome}");
    let object = &objects[0];
    assert_eq!(object["level"], "INFO");
    assert!(object["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{outcome}");
    let fields = object["fields"].as_object().expect("an object");
    assert_eq!(fields["message"], "archived");
    assert_eq!(fields["segment"], host.name(0));
    assert_eq!(fields["repository"], "local");
    assert_eq!(fields["bytes_in"].as_u64(), Some(1_048_576));
    assert!(fields["bytes_out"].as_u64().is_some_and(|bytes| (100..1_048_576).contains(&bytes)));
    assert!(fields["milliseconds"].as_u64().is_some(), "{outcome}");
    assert_eq!(fields.len(), 6, "{outcome}");
}

#[test]
fn errors_are_json_too_even_about_the_command_line_or_the_configuration() {
    let host = ByHand::new();
    let json = ["--log-format", "json"];
    for (run, status, text) in [
        (host.push().args(json).args(["pg_wal/x", "x"]), 6, "expected a WAL file name"),
        (host.push().args(json).arg("--nonsense"), 2, "unexpected argument '--nonsense' found"),
        (host.push().arg("--log-format=json"), 2, "required arguments were not provided"),
        (host.push().env("SEAWALL_LOG_FORMAT", "json"), 2, "required arguments"),
        (
            host.push()
                .env("SEAWALL_LOG_FORMAT", "json")
                .env("SEAWALL_CONFIG", "/x")
                .args(["a", "b"]),
            3,
            "could not use configuration",
        ),
    ] {
        let outcome = run.run();
        let objects = objects(outcome.expect(status));
        assert_eq!(objects.len(), 1, "{outcome}");
        assert_eq!(objects[0]["level"], "ERROR");
        let message = objects[0]["fields"]["message"].as_str().expect("a text");
        assert!(message.contains(text), "{outcome}");
    }
}

/// A path can hold any byte but 0, and a name comes from the command line.
#[test]
fn nothing_breaks_a_line_in_two() {
    let host = ByHand::new();
    let odd = "a\nb\r\tc\u{1b}[31m\"'\\ö";
    let runs = |format: &str| -> [Run; 4] {
        let run = || host.push().args(["--log-format", format]);
        [
            run().args([odd, host.name(0)]),
            run().args(["x", odd]),
            run().args(["--log-level", odd, "x", "y"]),
            with_file(&host, run(), "[[repository]]\nurl = \"/a\"\nname = \"a\\nb\"")
                .args(["x", "y"]),
        ]
    };
    for run in runs("text") {
        let outcome = run.run();
        assert_eq!(events(&outcome).len(), 1, "{outcome}");
        let plain = |c: char| !c.is_control() || c == '\n';
        assert!(outcome.stderr.chars().all(plain), "{outcome}");
    }
    for run in runs("json") {
        assert_eq!(objects(&run.run()).len(), 1);
    }
}

#[test]
fn the_level_says_what_is_left_out() {
    let host = ByHand::new();
    for (level, lines) in [("error", 0), ("warn", 0), ("info", 1), ("debug", 1)] {
        let host = ByHand::in_place(&host.place);
        let outcome = push(&host).args(["--log-level", level]).run();
        assert_eq!(events(outcome.expect(0)).len(), lines, "{outcome}");
    }
    let outcome = host.push().args(["--log-level", "error", "x", "y"]).run();
    assert_eq!(events(outcome.expect(6)).len(), 1, "{outcome}");
}

/// What look-ahead pushed has had its line; the call that is then answered at once has none.
#[test]
fn a_call_that_an_earlier_one_has_answered_is_silent_but_for_debug() {
    let host = ByHand::new();
    for number in [0, 1, 2] {
        host.has(number);
        host.directory.mark_ready(host.name(number));
    }
    let outcome = push(&host).run();
    assert_eq!(events(outcome.expect(0)).len(), 3, "{outcome}");
    let call = |number: usize| {
        host.push().args([&format!("pg_wal/{}", host.name(number)), host.name(number)])
    };
    assert_eq!(call(1).run().expect(0).stderr, "");
    let outcome = call(2).args(["--log-level", "debug"]).run();
    let text = format!("DEBUG already archived by an earlier call segment={}", host.name(2));
    assert_eq!(events(outcome.expect(0)), [text], "{outcome}");
}
