//! Real Redis and Valkey servers on loopback.

mod content;
mod program;

pub use program::Program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use redis::{Connection, FromRedisValue, Value};
use rustix::process::Signal;
use seawall::config::{Limits, RedisConfig};

use super::place::{Place, free_port};
use super::process::Process;
use super::user::as_server_user;
use super::wait::poll;

const LIMIT: Duration = Duration::from_secs(30);

pub const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    request: Duration::from_secs(20),
    total: Duration::from_secs(60),
    attempts: 2,
};

/// One server with a folder of its own. It saves nothing by itself.
pub struct RedisServer {
    process: Option<Process>,
    program: Program,
    settings: Vec<(String, String)>,
    port: u16,
    pub folder: PathBuf,
    place: Place,
}

impl RedisServer {
    /// Starts a server and waits until it answers, with an error perhaps.
    #[track_caller]
    pub fn start(program: &Program, place: &Place, settings: &[(&str, &str)]) -> RedisServer {
        let folder = place.folder(&format!("redis-{}", place.next_number()));
        RedisServer::start_in(program, place, &folder, settings)
    }

    /// A node of a cluster. Unless it is told, it takes its port and 10,000 more too, where others have theirs.
    #[track_caller]
    pub fn start_in_a_cluster(place: &Place) -> RedisServer {
        let bus = free_port().to_string();
        let settings = [("cluster-enabled", "yes"), ("cluster-port", bus.as_str())];
        RedisServer::start(Program::usual(), place, &settings)
    }

    /// The same on a folder that is there already.
    #[track_caller]
    pub fn start_in(
        program: &Program,
        place: &Place,
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> RedisServer {
        let own = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (settings, port) = (own.collect(), free_port());
        let (program, folder, place) = (program.clone(), folder.to_owned(), place.clone());
        let mut server = RedisServer { process: None, program, settings, port, folder, place };
        server.restart();
        server
    }

    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "stop the server first");
        let mut command = self.place.command(&self.program.path);
        let (port, folder) = (self.port.to_string(), self.folder.display().to_string());
        let socket = self.socket().display().to_string();
        let mut settings = vec![
            ("port", port.as_str()),
            ("bind", "127.0.0.1"),
            ("dir", &folder),
            ("unixsocket", &socket),
            ("save", ""),
            ("repl-diskless-sync-delay", "0"),
        ];
        if self.program.is_multi_part() {
            settings.push(("enable-debug-command", "yes"));
        }
        let own = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in settings.into_iter().chain(own) {
            command.arg(format!("--{name}")).arg(value);
        }
        let log = fs::File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the log can be written");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file handle")).stderr(log);
        as_server_user(&mut command);
        self.process = Some(Process::start(command, Signal::KILL));
        let up = poll(LIMIT, || {
            let process = self.process.as_mut().expect("started");
            assert!(process.ended().is_none(), "{}", self.log());
            std::os::unix::net::UnixStream::connect(self.socket()).ok()
        });
        assert!(up.is_some(), "{}", self.log());
    }

    /// As a backup is told where it is.
    pub fn config(&self) -> RedisConfig {
        let text =
            format!("[redis]\nurl = \"redis://127.0.0.1:{}\"\nsave_timeout = \"30s\"\n", self.port);
        let resolved = seawall::config::of_text(&text).expect("it is valid");
        RedisConfig::from_resolved(&resolved).expect("it is valid")
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.with_extension("sock")
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("started").pid()
    }

    pub fn signal(&mut self, signal: Signal) {
        self.process.as_mut().expect("started").signal(signal);
    }

    /// `kill -9`.
    #[track_caller]
    pub fn kill(&mut self) {
        self.process.take().expect("the server was started").kill_tree();
    }

    #[track_caller]
    pub fn connect(&self) -> Connection {
        let url = format!("unix://{}", self.socket().display());
        let client = redis::Client::open(url).expect("a URL");
        client.get_connection().unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    #[track_caller]
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        query(&mut self.connect(), words)
    }

    #[track_caller]
    pub fn run(&self, words: &[&str]) {
        self.ask::<Value>(words);
    }

    /// Of all keys in all databases with their expiry.
    #[track_caller]
    pub fn digest(&self) -> String {
        let ready = || {
            let info: String = self.ask(&["INFO", "persistence"]);
            info.contains("\nloading:0").then_some(())
        };
        poll(LIMIT, ready).expect("it loads in time");
        self.ask(&["DEBUG", "DIGEST"])
    }

    /// `SAVE`, once the child that served a replica is gone.
    #[track_caller]
    pub fn save(&self) {
        let idle = || {
            let info: String = self.ask(&["INFO", "persistence"]);
            info.contains("\nrdb_bgsave_in_progress:0").then_some(())
        };
        poll(LIMIT, idle).expect("its children end in time");
        self.run(&["SAVE"]);
    }
}

#[track_caller]
pub fn query<T: FromRedisValue>(connection: &mut Connection, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command.query(connection).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}
