//! One node: Patroni, and the server that it starts.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::http::request;
use crate::support::installed;
use crate::support::place::{Place, free_port};
use crate::support::postgres::Installation;
use crate::support::process::{Process, tree};
use crate::support::run::Run;
use crate::support::user::as_server_user;
use crate::support::wait::poll;

/// What is said of the nodes in `docs/patroni.md`, and stands in its files.
pub const SUPERUSER: &str = "CHANGE-ME-1";

pub struct Node {
    place: Place,
    pub name: String,
    /// Where PostgreSQL and where Patroni answer.
    pub port: u16,
    rest: u16,
    pub data: PathBuf,
    configuration: PathBuf,
    environment: Vec<(String, String)>,
    version: u32,
    process: Option<Process>,
}

impl Node {
    /// A node, not started. `text` is the page's `patroni.yml`, with what all nodes share put in already.
    pub fn new(
        place: &Place,
        name: &str,
        version: u32,
        text: &str,
        environment: Vec<(String, String)>,
    ) -> Node {
        let (port, rest) = (free_port(), free_port());
        let data = place.join(name).join("data");
        place.folder(name);
        let address = |port: u16| format!("127.0.0.1:{port}");
        let plain = data.to_str().expect("paths of the tests are UTF-8");
        let text = replaced(
            text,
            &[
                ("name: node1", &format!("name: {name}")),
                ("0.0.0.0:8008", &address(rest)),
                ("node1:8008", &address(rest)),
                ("0.0.0.0:5432", &address(port)),
                ("node1:5432", &address(port)),
                ("/var/lib/postgresql/17/main", plain),
                ("/var/lib/postgresql/.pgpass-of-patroni", &format!("{plain}.pgpass")),
            ],
        );
        let configuration = place.file(&format!("{name}.yml"), text);
        let place = place.clone();
        let name = name.to_owned();
        Node { place, name, port, rest, data, configuration, environment, version, process: None }
    }

    /// Its `patroni.yml`.
    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// As somebody would write it who left these words out.
    #[track_caller]
    pub fn leave_out(&self, words: &str) {
        let text = fs::read_to_string(&self.configuration).expect("our own file");
        self.place.file(&format!("{}.yml", self.name), replaced(&text, &[(words, "")]));
    }

    /// Starts Patroni. When the test ends abruptly, Patroni stops its server.
    #[track_caller]
    pub fn start(&mut self) {
        let mut command = self.place.command(installed::program("SEAWALL_PATRONI"));
        command.arg(&self.configuration).envs(self.environment.iter().cloned());
        let log = fs::File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the log can be written");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file handle")).stderr(log);
        as_server_user(&mut command);
        self.process = Some(Process::start(command, Signal::TERM));
    }

    /// `kill -9` of Patroni, of the server, which has another parent, and of all their children.
    #[track_caller]
    pub fn kill_nine(&mut self) {
        let postmaster = self.postmaster();
        self.process.take().expect("it was started").kill_tree();
        tree::kill(postmaster);
        for name in fs::read_dir(self.place.sockets()).expect("our own folder").flatten() {
            if name.file_name().to_string_lossy().starts_with(&format!(".s.PGSQL.{}", self.port)) {
                fs::remove_file(name.path()).expect("our own folder");
            }
        }
    }

    /// From now on nothing that is written here gets to another node.
    #[track_caller]
    pub fn stop_sending(&self) {
        let senders = self.sql("select pid from pg_stat_replication");
        assert!(!senders.is_empty(), "nobody follows {}", self.name);
        for sender in senders.lines() {
            let sender = Pid::from_raw(sender.parse().expect("a process id")).expect("not zero");
            kill_process(sender, Signal::STOP).expect("it runs");
        }
    }

    fn postmaster(&self) -> u32 {
        let file = fs::read_to_string(self.data.join("postmaster.pid")).expect("it runs");
        file.lines().next().and_then(|line| line.parse().ok()).expect("a process id")
    }

    /// What its REST interface answers.
    pub fn asks(&self, method: &str, path: &str, body: &Value) -> Option<(u16, String)> {
        self.process.as_ref()?;
        let to = SocketAddr::from(([127, 0, 0, 1], self.rest));
        let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
        let answer = request(to, method, path, &headers, body.to_string().as_bytes()).ok()?;
        Some((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// Whether it leads, and takes writes.
    pub fn leads(&self) -> bool {
        // Patroni says so from the moment that it promotes it.
        self.is("/primary") && self.try_sql("select pg_is_in_recovery()").as_deref() == Ok("f")
    }

    /// Whether Patroni says so of it, as to a load balancer.
    pub fn is(&self, role: &str) -> bool {
        self.asks("GET", role, &Value::Null).is_some_and(|(status, _)| status == 200)
    }

    /// Whether it gets its WAL from the leader just now.
    pub fn streams(&self) -> bool {
        let answer = self.asks("GET", "/patroni", &Value::Null);
        let state: Option<Value> = answer.and_then(|(_, body)| serde_json::from_str(&body).ok());
        state.is_some_and(|it| it["replication_state"] == "streaming")
    }

    #[track_caller]
    pub fn sql(&self, query: &str) -> String {
        self.try_sql(query).unwrap_or_else(|error| panic!("{query}\n{error}\n{}", self.log()))
    }

    pub fn try_sql(&self, query: &str) -> Result<String, String> {
        let psql = self.psql().args(["-v", "ON_ERROR_STOP=1", "-c", query]).run();
        match psql.status {
            Some(0) => Ok(psql.stdout.trim_end().to_owned()),
            _ => Err(psql.stderr),
        }
    }

    fn psql(&self) -> Run {
        let program = Installation::of(self.version).program("psql");
        let run = Run::new(&self.place, &program).server_user().arg("-XAtq");
        let port = self.port.to_string();
        run.env("PGHOST", "127.0.0.1")
            .env("PGPORT", port)
            .env("PGUSER", "postgres")
            .env("PGPASSWORD", SUPERUSER)
            .env("PGDATABASE", "postgres")
    }

    /// The names that wait to be archived, in order.
    pub fn ready_files(&self) -> Vec<String> {
        let mut ready = crate::archiving::commands::names_in(
            &self.data.join("pg_wal/archive_status"),
            ".ready",
        );
        ready.sort();
        ready
    }

    /// Waits until nothing waits to be archived.
    #[track_caller]
    pub fn wait_archived(&self, limit: Duration) {
        if poll(limit, || self.ready_files().is_empty().then_some(())).is_none() {
            panic!("{} has {:?} left to archive\n{}", self.name, self.ready_files(), self.log());
        }
    }

    /// What Patroni and its server wrote.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.place.join(format!("{}.log", self.name))
    }

    pub fn settings_of_its_own(&self) -> String {
        fs::read_to_string(self.data.join("postgresql.auto.conf")).expect("every server has it")
    }
}

/// The text with each of these put into its place; what is not there any more is an error.
#[track_caller]
pub fn replaced(text: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "docs/patroni.md has no {from:?}\n{text}");
        text.replace(from, to)
    })
}

/// A link under the name by which the page calls the program.
pub fn link_program(folder: &Path, place: &Place, program: &str) {
    let program = place.program(program);
    let name = folder.join(program.file_name().expect("a program has a name"));
    std::os::unix::fs::symlink(program, name).expect("our own folder");
}
