//! What a backup needs of a server, as the pages say it, and what helps where something is forbidden.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use rustix::process::Signal;

use super::{folder, listed, redis_backup};
use crate::documents::read;
use crate::support::place::{Place, free_port};
use crate::support::process::Process;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;
use crate::support::user::{as_server_user, hand_over, server_account};
use crate::support::wait::poll;

/// The rules of the README for a user of the server: over the connection, and more for its files.
fn rules() -> (Vec<String>, Vec<String>) {
    let page = read("README.md");
    let (_, rest) = page.split_once("`ACL SETUSER seawall on '>…' ").expect("the rules");
    let (connection, rest) = rest.split_once('`').expect("their end");
    let (_, rest) = rest.split_once("(with `--source` also `").expect("the others");
    let (files, _) = rest.split_once('`').expect("their end");
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    (words(connection), words(files))
}

/// The line of cron in the README, by the user that it names, with the modes of the README and a user of the server that may do
/// no more than the README says.
#[test]
fn the_line_of_the_readme_does_it_with_the_rights_of_the_readme() {
    let page = read("README.md");
    let line = page.lines().find(|line| line.contains("/usr/bin/redis-backup create"));
    let line = line.expect("a line of cron").trim().strip_prefix("0 * * * * postgres ");
    let programs = env!("CARGO_BIN_EXE_redis-backup");
    for program in Program::all() {
        let place = Place::new();
        let server = RedisServer::start(program, &place, &[]);
        server.fill();
        let (connection, _) = rules();
        let acl = ["ACL", "SETUSER", "seawall", "on", ">secret"];
        let connection = connection.iter().map(String::as_str);
        server.run(&acl.into_iter().chain(connection).collect::<Vec<_>>());
        server.run(&["ACL", "SETUSER", "default", "off"]);
        let (archive, etc) = (place.folder("archive"), place.folder("etc"));
        fs::set_permissions(&archive, fs::Permissions::from_mode(0o700)).unwrap();
        let password = place.file("etc/password", "secret\n");
        let config = format!(
            "[[repository]]\nurl = {archive:?}\n[redis]\nurl = \"redis://127.0.0.1:{}\"\n\
             user = \"seawall\"\npassword_file = {password:?}\n",
            server.port()
        );
        let config = place.file("etc/seawall.toml", config);
        hand_over(&etc);
        // 0750 root:postgres, as install.md makes it.
        if let Some(account) = server_account() {
            chown(&etc, Some(0), Some(account.gid)).unwrap();
        }
        fs::set_permissions(&etc, fs::Permissions::from_mode(0o750)).unwrap();
        let program = place.program(programs);
        let script =
            line.expect("by postgres").replace("/usr/bin/redis-backup", program.to_str().unwrap());
        let run = Run::new(&place, "sh").server_user().args(["-c", &script]);
        let outcome = run.env("SEAWALL_CONFIG", &config).limit(super::LIMIT).run();
        outcome.expect(0);
        let list = Run::new(&place, programs).server_user().args(["list", "--json", "--config"]);
        let list = list.arg(&config).run();
        let list: serde_json::Value = serde_json::from_str(&list.expect(0).stdout).unwrap();
        assert_eq!(list["backups"].as_array().map(Vec::len), Some(1), "{list}");
    }
}

#[test]
fn files_need_what_the_readme_says() {
    for program in Program::all() {
        let place = Place::new();
        let server = RedisServer::start(program, &place, &[]);
        server.fill();
        let (connection, files) = rules();
        let all = connection.iter().filter(|it| !["+psync", "+replconf"].contains(&it.as_str()));
        let all: Vec<&str> = all.chain(&files).map(String::as_str).collect();
        server.run(&[&["ACL", "SETUSER", "seawall", "on", ">secret"][..], &all].concat());
        server.run(&["ACL", "SETUSER", "default", "off"]);
        let archive = [folder(&place, "archive")];
        let create = redis_backup(&server, &archive, "create").args(["--redis-user", "seawall"]);
        let create = create.env("REDISCLI_AUTH", "secret").args(["--source", "rdb"]);
        create.run().expect(0);
    }
}

/// A server with commands under other names.
fn renamed(place: &Place, lines: &str) -> RedisServer {
    let file = place.file("renamed.conf", lines);
    let file = file.to_str().unwrap();
    RedisServer::start(Program::usual(), place, &[("include", file)])
}

#[test]
fn where_psync_is_forbidden_the_file_is_offered() {
    let place = Place::new();
    let server = renamed(&place, "rename-command PSYNC \"\"\nrename-command SYNC \"\"\n");
    server.fill();
    let archive = [folder(&place, "archive")];
    let outcome = redis_backup(&server, &archive, "create").run();
    outcome
        .expect(9)
        .says("the server says: ERR unknown command 'PSYNC'")
        .says("redis-backup create --source rdb");
    redis_backup(&server, &archive, "create").args(["--source", "rdb"]).run().expect(0);
    assert_eq!(listed(&server, &archive).len(), 1);
}

#[test]
fn where_config_is_forbidden_the_folder_can_be_named() {
    for settings in [&[][..], &[("appendonly", "yes")]] {
        let place = Place::new();
        let file = place.file("renamed.conf", "rename-command CONFIG \"\"\n");
        let include = [("include", file.to_str().unwrap())];
        let settings = [&include[..], settings].concat();
        let server = RedisServer::start(Program::usual(), &place, &settings);
        server.fill();
        let archive = [folder(&place, "archive")];
        let create = || redis_backup(&server, &archive, "create").args(["--source", "files"]);
        create().run().expect(9).says("does not say where its files are").says("(--folder)");
        create().arg("--folder").arg(&server.folder).run().expect(0);
        let other = place.folder("other");
        let outcome = create().arg("--folder").arg(other).run();
        assert!(matches!(outcome.status, Some(8 | 10)), "{outcome}");
        outcome.says("that the server has as dir");
    }
}

#[test]
fn a_sentinel_names_the_server_that_it_watches() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    let port = free_port();
    let conf = format!(
        "port {port}\nbind 127.0.0.1\ndir {:?}\nsentinel monitor mymaster 127.0.0.1 {} 1\n",
        place.folder("sentinel"),
        server.port()
    );
    let conf = place.file("sentinel.conf", conf);
    hand_over(&conf);
    let mut command = place.command(&Program::usual().path);
    command.arg(&conf).arg("--sentinel").stdout(std::process::Stdio::null());
    as_server_user(&mut command);
    let _sentinel = Process::start(command, Signal::KILL);
    let up = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
    assert!(poll(Duration::from_secs(20), up).is_some(), "the sentinel answers");
    let url = format!("redis://127.0.0.1:{port}");
    let archive = folder(&place, "archive");
    let run = Run::new(&place, env!("CARGO_BIN_EXE_redis-backup")).server_user();
    let outcome = run.args(["create", "--repository", &archive, "--redis-url", &url]).run();
    outcome.expect(3).says("expected a server with data, found a sentinel").says(&format!(
        "Set redis.url to the server that the sentinel watches: redis://127.0.0.1:{}.",
        server.port()
    ));
}

#[test]
fn data_without_a_checksum_are_said() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("rdbchecksum", "no")]);
    server.fill();
    let archive = [folder(&place, "archive")];
    let create = redis_backup(&server, &archive, "create").run();
    create.expect(0).says("the server sends no checksum (rdbchecksum no)");
    let socket = format!("unix://{}", server.socket().display());
    let run = Run::new(&place, env!("CARGO_BIN_EXE_redis-backup")).server_user();
    let words = ["create", "--repository", &archive[0], "--redis-url", &socket];
    run.args(words).run().expect(0).does_not_say("no checksum");
}
