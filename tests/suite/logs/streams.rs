//! Nobody may be listening: that is no reason to fail, or to archive anything but once.

use super::push;
use crate::by_hand::{ByHand, events};
use crate::support::run::{Outcome, Run};

/// Pushes a segment in a shell that has done this with the standard streams. `$@` is the command.
fn push_in_shell(host: &ByHand, script: &str, words: &[&str]) -> Outcome {
    let path = host.has(0);
    let program = host.place.program(env!("CARGO_BIN_EXE_wal-push"));
    let run = Run::new(&host.place, "bash").args(["-c", script, "bash"]).arg(program);
    let run = run.args([path.as_str(), host.name(0)]).args(words);
    let run = run.env("SEAWALL_REPOSITORY", &host.repository).cwd(host.directory.path());
    run.server_user().run()
}

/// Scripts that run the command with odd streams.
const STREAMS: [(&str, &str); 5] = [
    ("closed", "exec \"$@\" <&- >&- 2>&-"),
    ("on a full disk", "exec \"$@\" >/dev/full 2>/dev/full"),
    ("read-only", "exec \"$@\" 2</dev/null"),
    ("a pipe that nobody reads", "{ sleep 0.2; \"$@\"; echo $? >&3; } 3>status 2>&1 | true"),
    ("a pipe whose reader goes", "{ \"$@\"; echo $? >&3; } 3>status 2>&1 | head -c 1"),
];

#[test]
fn standard_error_that_takes_nothing_does_not_make_a_push_fail() {
    for (what, script) in STREAMS {
        for format in ["text", "json"] {
            let host = ByHand::new();
            let outcome = push_in_shell(&host, script, &["--log-format", format]);
            assert_eq!(status(&host, &outcome), "0", "{what}, {format}: {outcome}");
            assert_eq!(host.stored().len(), 1, "{what}, {format}");
        }
    }
}

#[test]
fn a_failure_that_nobody_hears_of_keeps_its_status() {
    for (what, script) in STREAMS {
        let host = ByHand::new();
        let outcome = push_in_shell(&host, script, &["--nonsense"]);
        assert_eq!(status(&host, &outcome), "2", "{what}: {outcome}");
        let outcome = push_in_shell(&host, script, &["--help"]);
        assert_eq!(status(&host, &outcome), "0", "{what}: {outcome}");
    }
}

/// That of the command: behind a pipe it is in a file.
fn status(host: &ByHand, outcome: &Outcome) -> String {
    match std::fs::read_to_string(host.directory.path().join("status")) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => outcome.status.map_or("killed".to_owned(), |status| status.to_string()),
    }
}

#[test]
fn standard_output_stays_empty() {
    let host = ByHand::new();
    assert_eq!(push(&host).run().expect(0).stdout, "");
    let outcome = host.fetch().args([host.name(0), "pg_wal/RECOVERYXLOG"]).run();
    assert_eq!(outcome.expect(0).stdout, "");
    assert_eq!(events(&outcome).len(), 1);
}
