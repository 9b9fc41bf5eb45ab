//! Running programs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::support::place::Place;
use crate::support::run::Run;

#[test]
fn output_and_status_come_back() {
    let place = Place::new();
    let script = "echo out; echo err >&2; pwd; exit 7";
    let outcome = Run::new(&place, "sh").args(["-c", script]).cwd("/").run();
    outcome.expect(7).says("err").does_not_say("out");
    assert_eq!(outcome.stdout, "out\n/\n");
    assert!(outcome.took < Duration::from_secs(30));
}

#[test]
fn the_environment_holds_only_what_was_given() {
    let place = Place::new();
    let outcome = Run::new(&place, "env").env("A", "1").envs([("B", "2")]).run();
    let mut names: Vec<_> =
        outcome.stdout.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    // The last one keeps what a host remembers out of the host.
    assert_eq!(names, ["A", "B", "PATH", "SEAWALL_STATE_DIRECTORY"]);
}

#[test]
fn a_program_that_runs_too_long_is_killed_and_its_output_shown() {
    let place = Place::new();
    let run = Run::new(&place, "sh").args(["-c", "echo before; sleep 600"]);
    let panic = catch_unwind(AssertUnwindSafe(|| run.limit(Duration::from_millis(300)).run()));
    let panic = panic.err().expect("a panic");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("still running after 300ms") && text.contains("before"), "{text}");
}

#[test]
fn a_wrong_status_panics_with_the_whole_story() {
    let place = Place::new();
    let outcome = Run::new(&place, "sh").args(["-c", "echo reason >&2; exit 3"]).run();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        outcome.expect(0);
    }))
    .expect_err("a panic");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("expected exit status 0") && text.contains("reason"), "{text}");
}
