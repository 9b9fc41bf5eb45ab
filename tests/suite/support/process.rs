//! Starting and ending the processes of a test, so that none is left behind.

mod spawner;
pub mod tree;

use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::wait::poll;

/// A process that is killed, with everything below it, when this goes out of scope.
pub struct Process {
    child: Child,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts the command in a session of its own. `on_death` is what the kernel sends it when the
    /// test process dies: SIGKILL, or what the program takes as "clean up and go".
    #[track_caller]
    pub fn start(command: Command, on_death: Signal) -> Process {
        let shown = format!("{command:?}");
        match spawner::spawn(command, on_death) {
            Ok(child) => Process { child, status: None },
            Err(error) => panic!("cannot start {shown}: {error}"),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, once the process has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child can be waited for");
        }
        self.status
    }

    /// Waits for the end; `None` when it still runs after the limit.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        poll(limit, || self.ended())
    }

    /// Sends a signal to the process alone.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            kill_process(pid(self.child.id()), signal).expect("a running child takes signals");
        }
    }

    /// `kill -9` of the process and of everything that it started, as a crash would.
    pub fn kill_tree(&mut self) {
        if self.ended().is_none() {
            tree::kill(self.child.id());
            self.status = Some(self.child.wait().expect("a child can be waited for"));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_tree();
    }
}

fn pid(number: u32) -> Pid {
    let number = i32::try_from(number).expect("process ids fit");
    Pid::from_raw(number).expect("process ids are above zero")
}
