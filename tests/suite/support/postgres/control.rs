//! Starting, stopping and crashing.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::Server;
use crate::support::process::Process;
use crate::support::wait::poll;

const LIMIT: Duration = Duration::from_secs(60);

/// How to shut down.
#[derive(Clone, Copy, PartialEq)]
pub enum Stop {
    /// Ends sessions, archives what is finished, writes the shutdown checkpoint.
    Fast,
    /// Drops everything: the next start recovers from the WAL.
    Immediate,
}

impl Server {
    /// Starts the server and waits until it takes connections.
    #[track_caller]
    pub fn start(&mut self) {
        self.launch();
        let answer = poll(LIMIT, || self.ready_or_ended());
        assert!(
            answer == Some(Launch::Ready),
            "the server did not start: {answer:?}\n{}",
            self.log_since_start()
        );
    }

    /// Starts the server and waits until it goes down by itself; gives what it logged.
    #[track_caller]
    pub fn start_expecting_failure(&mut self) -> String {
        self.launch();
        let process = self.process.as_mut().expect("just launched");
        let status = process.wait(LIMIT);
        let log = self.log_since_start();
        assert!(status.is_some(), "the server still runs after {LIMIT:?}\n{log}");
        self.process = None;
        log
    }

    /// Stops the server and waits for its end.
    #[track_caller]
    pub fn stop(&mut self, how: Stop) {
        let signal = if how == Stop::Fast { Signal::INT } else { Signal::QUIT };
        let mut process = self.process.take().expect("the server was started");
        process.signal(signal);
        let status = process.wait(LIMIT);
        assert!(status.is_some(), "the server did not stop within {LIMIT:?}\n{}", self.log());
    }

    #[track_caller]
    pub fn restart(&mut self) {
        self.stop(Stop::Fast);
        self.start();
    }

    /// `kill -9` of the postmaster, its children, and the commands these are running.
    pub fn kill_nine(&mut self) {
        self.process.take().expect("the server was started").kill_tree();
        self.killed = true;
    }

    /// Whether the postmaster is there.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// Removes the data directory of a stopped server, as a lost disk would.
    #[track_caller]
    pub fn lose_data(&mut self) {
        assert!(!self.runs(), "stop the server first");
        self.remove_shared_memory();
        fs::remove_dir_all(&self.data).expect("the data directory can be removed");
    }

    /// PostgreSQL cleans up and ends by itself on SIGQUIT, its archive commands with it.
    fn launch(&mut self) {
        assert!(self.process.is_none(), "the server is started already");
        self.log_start = self.log().len();
        self.killed = false;
        self.process = Some(Process::start(self.postmaster(), Signal::QUIT));
    }

    /// The postmaster writes how far it is into the eighth line of its lock file.
    fn ready_or_ended(&mut self) -> Option<Launch> {
        let process = self.process.as_mut().expect("launched");
        if let Some(status) = process.ended() {
            self.process = None;
            return Some(Launch::Ended(status.to_string()));
        }
        let lock = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let mut lines = lock.lines();
        let ours = lines.next()?.trim() == process.pid().to_string();
        let state = lines.nth(6)?.trim();
        (ours && matches!(state, "ready" | "standby")).then_some(Launch::Ready)
    }

    /// A killed postmaster leaves its shared memory to the next start on the same directory. When no
    /// such start comes it would stay until the machine's few thousand places are used up.
    fn remove_shared_memory(&mut self) {
        if !std::mem::take(&mut self.killed) {
            return;
        }
        let Ok(lock) = fs::read_to_string(self.data.join("postmaster.pid")) else {
            return;
        };
        let segment = lock.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
        if let Some(segment) = segment {
            // When it is gone already, so much the better.
            let _ = Command::new("ipcrm").args(["-m", segment]).output();
        }
    }
}

#[derive(Debug, PartialEq)]
enum Launch {
    Ready,
    Ended(String),
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::QUIT);
            self.killed = process.wait(Duration::from_secs(10)).is_none();
            process.kill_tree();
        }
        self.remove_shared_memory();
    }
}
