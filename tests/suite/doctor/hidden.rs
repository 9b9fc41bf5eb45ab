//! A server whose files this process does not see: in a container, under another root, closed to this user.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Found, about, complaints, doctor, findings, findings_in};
use crate::check::like;
use crate::namespace;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::run::Run;

const PROGRAM: &str = "archive_command: program";

/// A server that archives into a folder, and the configuration.
fn archiving(place: &Place) -> (Server, PathBuf) {
    let folder = place.folder("disk").join("repository");
    let config = place.file("seawall.toml", format!("[[repository]]\nurl = {folder:?}\n"));
    let push = place.program(env!("CARGO_BIN_EXE_wal-push"));
    let push = format!("{} --config {} \"%p\" %f", push.display(), config.display());
    let builder = Server::builder(place).archive_command(&push);
    let mut server = builder.setting("archive_timeout", "60s").setting("fsync", "on").init();
    server.start();
    (server, config)
}

/// What a doctor finds that is run behind these words within a mount namespace of its own. An ordinary user has
/// to be root of a user namespace for that, and is not let see from there which files the server sees.
fn behind(words: &str, place: &Place, config: &PathBuf, server: &Server) -> Option<Vec<Found>> {
    if words.is_empty() && !rustix::process::geteuid().is_root() {
        return None;
    }
    let script = format!(
        "{words} $as $seawall doctor --json --objectives-free-space=0 --config $config >$out || true"
    );
    let out = place.join(format!("out{}.json", place.next_number()));
    let run = namespace::script(place, &script)?.env("config", config).env("out", &out);
    let run = run.env("seawall", place.program(env!("CARGO_BIN_EXE_seawall")));
    let outcome = run.envs(server.connection()).run();
    if outcome.status != Some(0) {
        eprintln!("no such namespace here, so less is tested: {outcome}");
        return None;
    }
    let stdout = fs::read_to_string(&out).unwrap();
    (!stdout.is_empty()).then(|| findings_in(&stdout))
}

#[test]
fn a_server_in_a_container_is_judged_by_what_it_did() {
    let place = Place::new();
    let (server, config) = archiving(&place);
    let files = "not checked: the server sees other files than this host: it runs in a container, or under another root";
    let process = "not checked: the server runs on another host or in a container";
    let all = [("", files), ("unshare --pid --fork --mount-proc", process)];
    for (words, reason) in all {
        let Some(found) = behind(words, &place, &config, &server) else { continue };
        let program = about(&found, PROGRAM);
        assert_eq!(program.verdict, "unknown");
        let reason = reason.strip_prefix("not checked: ").unwrap();
        let nothing = format!("not checked: {reason}; the newest attempt to archive failed");
        assert_eq!(program.found, nothing);
        assert_eq!(
            program.mend,
            "Run this where the server runs (podman exec -u postgres CONTAINER seawall doctor), or SELECT \
             pg_switch_wal() and see a moment later what came of it."
        );
        assert!(found.iter().all(|it| it.what != "archive_command: configuration"));
    }
    let segment = server.switch_wal();
    server.wait_archived(&segment, Duration::from_secs(60));
    for (words, reason) in all {
        let Some(found) = behind(words, &place, &config, &server) else { continue };
        let program = about(&found, PROGRAM);
        assert_eq!(program.verdict, "note");
        assert!(like(&program.found, &format!("{reason}; it archived {segment} at 20…")));
        let owner = about(&found, "owner");
        let reason = reason.strip_prefix("not checked: ").unwrap();
        assert_eq!(owner.verdict, "note");
        assert_eq!(
            owner.found,
            format!("whether the server may write there was not looked at: {reason}")
        );
        let odd = complaints(&found);
        assert!(odd.iter().all(|it| it.ends_with("data_checksums")), "{odd:?}");
    }
    // What is not there for the server is not there, whoever looks.
    server.sql("alter system set archive_command = '/usr/bin/wal-pusch %p %f && wal-push %p %f'");
    server.sql("select pg_reload_conf()");
    std::thread::sleep(Duration::from_millis(500));
    if let Some(found) = behind("", &place, &config, &server) {
        let program = about(&found, PROGRAM);
        assert_eq!(program.verdict, "problem");
        assert_eq!(program.found, "the server does not find \"/usr/bin/wal-pusch\"");
    }
    server.sql("alter system reset archive_command");
    server.sql("select pg_reload_conf()");
    std::thread::sleep(Duration::from_millis(500));
    // Beside the server all of it is seen.
    let run = doctor(&place, &config).envs(server.connection()).arg("--json").run();
    assert_eq!(about(&findings(&run), PROGRAM).verdict, "ok");
}

/// To somebody else the folder of the program is closed, and that says nothing of the server.
#[test]
fn what_is_closed_to_this_user_is_unknown() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let (server, config) = archiving(&place);
    let closed = place.folder("closed");
    let program = closed.join("wal-push");
    fs::copy(env!("CARGO_BIN_EXE_wal-push"), &program).unwrap();
    fs::copy(&config, closed.join("own.toml")).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    crate::support::user::hand_over(&closed);
    let command = format!("{} --config {}/own.toml %p %f", program.display(), closed.display());
    server.sql(&format!("alter system set archive_command = '{command}'"));
    server.sql("select pg_reload_conf()");
    std::thread::sleep(Duration::from_millis(500));
    let seawall = place.program(env!("CARGO_BIN_EXE_seawall"));
    let stranger = ["--reuid=54321", "--regid=54321", "--clear-groups"];
    let run = Run::new(&place, "setpriv").args(stranger).arg(seawall).args(["doctor", "--json"]);
    let all = findings(&run.arg("--config").arg(&config).envs(server.connection()).run());
    let user = Run::new(&place, "id").server_user().arg("-un").run();
    let mend = format!("sudo -u {} seawall doctor", user.stdout.trim());
    for (what, path) in
        [(PROGRAM, program), ("archive_command: configuration", closed.join("own.toml"))]
    {
        let found = about(&all, what);
        assert_eq!(found.verdict, "unknown", "{all:#?}");
        assert_eq!(found.found, format!("can't look at {path:?}: Permission denied (os error 13)"));
        assert_eq!(found.mend, mend);
    }
}
