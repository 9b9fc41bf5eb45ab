//! The journal: where systemd started the command, or where it was asked for.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use super::push;
use crate::by_hand::{ByHand, events};
use crate::namespace;
use crate::support::user::hand_over;

/// A `JOURNAL_STREAM` that is not about our standard error, because that was redirected since.
#[test]
fn without_a_stream_to_the_journal_lines_go_to_standard_error() {
    for stream in ["1:2", "", "nonsense"] {
        let host = ByHand::new();
        let outcome = push(&host).env("JOURNAL_STREAM", stream).run();
        assert_eq!(events(outcome.expect(0)).len(), 1, "{outcome}");
    }
}

/// Pushes where `/run` holds this journal's socket, and gives what arrived there and what was said
/// on standard error. `None` where the kernel allows no mount namespace.
fn push_to_journal(host: &ByHand, words: &str) -> Option<(Vec<String>, String)> {
    let run = host.place.folder("run");
    let journal = host.place.folder("run/systemd/journal");
    let socket = UnixDatagram::bind(journal.join("socket")).expect("a socket in our own folder");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time limit");
    hand_over(&run);
    let path = host.has(0);
    let program = host.place.program(env!("CARGO_BIN_EXE_wal-push"));
    let script = format!(
        "mount --bind {} /run; exec 2>err; \
         JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) $as \"$program\" {path} {} {words}",
        run.display(),
        host.name(0)
    );
    let run = namespace::script(&host.place, &script)?.env("program", program);
    let run = run.env("SEAWALL_REPOSITORY", &host.repository).cwd(host.directory.path());
    run.run().expect(0);
    let mut buffer = vec![0; 1 << 16];
    let mut events = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        // An empty message only tries whether somebody listens.
        events
            .extend((length > 0).then(|| String::from_utf8_lossy(&buffer[..length]).into_owned()));
    }
    let said = std::fs::read_to_string(host.directory.path().join("err")).expect("written");
    Some((events, said))
}

#[test]
fn under_systemd_the_line_goes_to_the_journal_with_its_fields() {
    for words in ["", "--log-format=journald"] {
        let host = ByHand::new();
        let Some((events, said)) = push_to_journal(&host, words) else { return };
        assert_eq!(events.len(), 1, "{events:?} {said}");
        // Each field is its name and a newline, the length in eight bytes, the value and a newline.
        for text in [
            "PRIORITY\n\u{1}\0\0\0\0\0\0\x006\n",
            "MESSAGE\n",
            "archived",
            "F_SEGMENT\n",
            host.name(0),
        ] {
            assert!(events[0].contains(text), "{text}: {events:?}");
        }
        for name in ["F_BYTES_IN\n", "F_BYTES_OUT\n", "F_MILLISECONDS\n", "F_REPOSITORY\n"] {
            assert!(events[0].contains(name), "{name}: {events:?}");
        }
        assert_eq!(said, "");
    }
}

#[test]
fn text_and_json_are_never_the_journals() {
    for format in ["text", "json"] {
        let host = ByHand::new();
        let words = format!("--log-format={format}");
        let Some((events, said)) = push_to_journal(&host, &words) else { return };
        assert_eq!((events.len(), said.lines().count()), (0, 1), "{events:?} {said}");
    }
}

#[test]
fn without_a_journal_to_write_to_lines_go_to_standard_error() {
    let host = ByHand::new();
    let run = push(&host).args(["--log-format", "journald"]);
    if !Path::new("/run/systemd/journal/socket").exists() {
        assert_eq!(events(run.run().expect(0)).len(), 1);
    }
}
