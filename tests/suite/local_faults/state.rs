//! `pg_wal/seawall` only makes things faster: without it a call does what it was asked to, and warns.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::OWNER;
use crate::by_hand::{ByHand, events};
use crate::support::run::Outcome;
use crate::support::user::hand_over;

/// Panics unless it succeeded with these warnings.
#[track_caller]
fn warns(outcome: &Outcome, warnings: &[String]) {
    let lines = events(outcome.expect(0));
    let (warned, rest): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.starts_with("WARN"));
    assert_eq!(warned, warnings, "{outcome}");
    assert!(rest.iter().all(|line| line.starts_with("INFO")), "{outcome}");
}

/// A host with two segments that wait, the first of them about to be pushed.
fn push(host: &ByHand) -> Outcome {
    for number in [0, 1] {
        host.has(number);
        host.directory.mark_ready(host.name(number));
    }
    host.push().args([&format!("pg_wal/{}", host.name(0)), host.name(0)]).run()
}

#[test]
fn a_push_without_a_state_folder_succeeds_with_a_warning() {
    let host = ByHand::new();
    let state = host.directory.path().join("pg_wal/seawall");
    fs::write(&state, "in the way").expect("our own folder");
    let outcome = push(&host);
    let text = format!(
        "WARN no look-ahead: could not create folder {:?}: Not a directory (os error 20)",
        state.join("pushed")
    );
    let lock = format!(
        "WARN no look-ahead: could not lock {:?}: Not a directory (os error 20)",
        state.join("push.lock")
    );
    let note = format!(
        "WARN this host can't notice it if repository local is exchanged: could not open folder {state:?}: Not a directory \
         (os error 20)"
    );
    warns(&outcome, &[text, lock, note]);
    assert_eq!(host.stored().len(), 1);
}

#[test]
fn a_push_with_a_closed_state_folder_succeeds_with_a_warning() {
    let host = ByHand::new();
    let pushed = host.directory.path().join("pg_wal/seawall/pushed");
    fs::create_dir_all(&pushed).expect("our own folder");
    let state = pushed.parent().expect("below pg_wal");
    hand_over(state);
    fs::set_permissions(state, fs::Permissions::from_mode(0o500)).expect("root or owner");
    let text = format!(
        "WARN no look-ahead: could not lock {:?}: Permission denied (os error 13). {OWNER}",
        state.join("push.lock")
    );
    let note = format!(
        "WARN this host can't notice it if repository local is exchanged: could not create folder {:?}: Permission denied \
         (os error 13). {OWNER}",
        state.join("repositories")
    );
    warns(&push(&host), &[text, note]);
    assert_eq!(host.stored().len(), 1);
}

/// The next one is durable all the same; it only is not known of, and pushed again in its turn.
#[test]
fn a_push_that_can_keep_no_note_succeeds() {
    let host = ByHand::new();
    let pushed = host.directory.path().join("pg_wal/seawall/pushed");
    fs::create_dir_all(&pushed).expect("our own folder");
    hand_over(pushed.parent().expect("below pg_wal"));
    fs::set_permissions(&pushed, fs::Permissions::from_mode(0o500)).expect("root or owner");
    let outcome = push(&host);
    outcome.expect(0).says("left for later: could not create a file in ");
    let again = host.push().args([&format!("pg_wal/{}", host.name(1)), host.name(1)]).run();
    again.expect(0).says("the same content is already archived");
    assert_eq!(host.stored().len(), 2);
}

#[test]
fn a_fetch_without_a_state_folder_succeeds_with_a_warning() {
    let host = ByHand::new();
    host.archives(0);
    fs::remove_dir_all(host.directory.path().join("pg_wal/seawall")).expect("made by the push");
    host.directory.signal("recovery.signal");
    let state = host.directory.path().join("pg_wal/seawall");
    fs::write(&state, "in the way").expect("our own folder");
    let outcome = host.fetch().args([host.name(0), "pg_wal/RECOVERYXLOG"]).run();
    let lines = events(outcome.expect(0));
    let warnings = [
        "WARN could not note the request: could not create a file in ",
        "WARN no prefetch: could not create folder ",
    ];
    for (line, warning) in lines.iter().zip(warnings) {
        assert!(line.starts_with(warning), "{outcome}");
    }
    assert_eq!(lines.len(), 3, "{outcome}");
    assert!(fs::read(host.directory.wal("RECOVERYXLOG")).expect("fetched") == host.bytes(0));
}
