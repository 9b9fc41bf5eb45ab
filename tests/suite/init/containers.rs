//! `seawall init --container`: for root's podman and for that of an ordinary user, who has nothing yet.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::support::place::Place;
use crate::support::run::Run;

const SEAWALL: &str = env!("CARGO_BIN_EXE_seawall");

/// By the server's user, who is an ordinary one, with a home of his own and nothing in it.
fn own(place: &Place, words: &[&str]) -> Run {
    let run = Run::new(place, SEAWALL).server_user().args(words);
    let run = run.env("HOME", place.folder("home")).env("XDG_RUNTIME_DIR", "/run/user/4321");
    run.env("SEAWALL_STATE_DIRECTORY", "")
}

#[test]
fn an_ordinary_user_gets_all_of_it_in_his_home() {
    let place = Place::new();
    let words = ["init", "--container", "--no-doctor", "--repository=/b", "--encrypt=none"];
    let outcome = own(&place, &words).run();
    outcome.expect(0);
    let home = place.join("home");
    let text = fs::read_to_string(home.join(".config/seawall/seawall.toml")).expect("written");
    let state = home.join(".local/state/seawall");
    assert!(state.is_dir(), "{outcome}");
    for line in [
        format!("state_directory = \"{}\"", state.display()),
        "connection = \"host=/run/user/4321/postgresql user=postgres\"".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "no {line}: {text}");
    }
    assert!(!outcome.stdout.contains("sudo"), "{outcome}");
    // All programs find it there.
    let shown = own(&place, &["config", "show"]).run();
    assert!(shown.expect(0).stdout.contains(".config/seawall/seawall.toml"), "{shown}");
    let again = own(&place, &words).run();
    again.expect(2).says("it stays as it is");
}

/// The server in the container is a user of another number than any on this host may be.
#[test]
fn everybody_may_read_what_root_writes_and_so_it_has_no_password() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let config = place.join("seawall.toml");
    let init = || {
        let run = Run::new(&place, SEAWALL).args(["init", "--container", "--no-doctor"]);
        let run = run.args(["--repository=/b", "--encrypt=none", "--output"]).arg(&config);
        run.args(["--data-directory", "-"])
    };
    let refused = init().args(["--connection", "host=db password=secret"]).run();
    let text = "expected postgres.connection without a password, found one (not shown). HINT: ";
    refused.expect(3).says(text);
    assert!(!config.exists());
    let outcome = init().run();
    outcome.expect(0).shows("(mode 0644)\n");
    assert_eq!(fs::metadata(&config).expect("written").mode() & 0o777, 0o644);
    let text = fs::read_to_string(&config).expect("written");
    assert!(text.contains("connection = \"host=/run/postgresql\"\n"), "{text}");
    assert!(!outcome.stdout.contains("-c archive_mode"), "{outcome}");
}
