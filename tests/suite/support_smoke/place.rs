//! Places, users and the end of processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::place::{Place, free_port};
use crate::support::postgres::Server;
use crate::support::process::tree;
use crate::support::run::Run;
use crate::support::user;
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_place_goes_with_everything_in_it() {
    let place = Place::with_odd_name();
    assert!(place.path().to_str().expect("UTF-8").ends_with("/wäl files"));
    let path: PathBuf = place.sockets().to_owned();
    place.folder("a/b");
    place.file("a/b/c", "content");
    drop(place);
    assert!(!path.exists());
}

#[test]
fn the_server_user_can_write_to_a_place_and_run_programs_from_closed_folders() {
    let place = Place::new();
    let closed = tempfile::tempdir().expect("a temporary folder");
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(closed.path(), private).expect("our own folder");
    let program = closed.path().join("true");
    fs::copy("/bin/true", &program).expect("copied");
    let folder = place.folder("a/b");
    let program = program.to_str().expect("UTF-8").to_owned();
    assert_eq!(user::reachable(closed.path()), user::server_account().is_none());
    Run::new(&place, &program).server_user().run().expect(0);
    Run::new(&place, "touch").server_user().arg(folder.join("c")).run().expect(0);
    assert!(folder.join("c").exists());
}

#[test]
fn a_process_left_behind_by_a_killed_parent_goes_with_the_place() {
    let place = Place::new();
    let script = "setsid sh -c 'echo $$ > left; exec sleep 600' & sleep 0.2";
    let running = Run::new(&place, "sh").args(["-c", script]).start();
    let file = place.join("left");
    wait_until("the child's number", LIMIT, || {
        fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    });
    let left: u32 = fs::read_to_string(&file).expect("written").trim().parse().expect("a number");
    running.finish().expect(0);
    assert!(tree::alive(left));
    drop(place);
    assert!(!tree::alive(left));
}

#[test]
fn killing_a_process_kills_what_it_started_in_other_sessions_too() {
    let place = Place::new();
    let running =
        Run::new(&place, "sh").args(["-c", "setsid sleep 600 & setsid sleep 600 & wait"]).start();
    wait_until("two children", LIMIT, || tree::children_of(running.pid()).len() == 2);
    let children = tree::children_of(running.pid());
    let outcome = running.kill_nine();
    assert_eq!((outcome.status, outcome.signal), (None, Some(9)));
    assert!(!children.into_iter().any(tree::alive));
}

/// A second test process is started, told to start a program and a server, and killed as a time-out
/// in CI would.
#[test]
fn processes_go_when_the_test_process_is_killed() {
    let place = Place::new();
    let program = std::env::current_exe().expect("our own path");
    let name = "support_smoke::place::helper_that_waits_with_two_children";
    let file = place.join("children");
    let mut helper = Run::new(&place, program.to_str().expect("UTF-8"))
        .args(["--exact", name, "--nocapture"])
        .envs(std::env::vars_os().filter(|(name, _)| name != "TMPDIR"))
        .env("TMPDIR", place.sockets())
        .env(CHILDREN, &file)
        .start();
    wait_until("the children's numbers", LIMIT, || file.exists() || helper.ended());
    let text = fs::read_to_string(&file).expect("written");
    let children: Vec<u32> = text.lines().map(|line| line.parse().expect("a number")).collect();
    assert!(children.len() == 2 && children.iter().all(|&child| tree::alive(child)));
    helper.kill_alone();
    wait_until("the children to follow", LIMIT, || {
        !children.iter().any(|&child| tree::alive(child))
    });
}

/// Where the helper writes the numbers of its children.
const CHILDREN: &str = "HELPER_CHILDREN";

/// Does nothing unless the test above runs it.
#[test]
fn helper_that_waits_with_two_children() {
    let Some(file) = std::env::var_os(CHILDREN).map(PathBuf::from) else { return };
    let place = Place::new();
    let mut server = Server::builder(&place).init();
    server.start();
    let lock = fs::read_to_string(server.data().join("postmaster.pid")).expect("a running server");
    let running = Run::new(&place, "sleep").arg("600").start();
    let numbers = format!("{}\n{}", running.pid(), lock.lines().next().expect("a line"));
    fs::write(file.with_extension("new"), numbers).expect("written");
    fs::rename(file.with_extension("new"), file).expect("renamed");
    running.finish();
}

#[test]
fn free_ports_are_never_given_twice() {
    let mut ports: Vec<u16> = (0..50).map(|_| free_port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 50);
}
