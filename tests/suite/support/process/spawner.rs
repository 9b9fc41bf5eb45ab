//! The one thread that starts processes.
//!
//! The kernel's "signal me when my parent dies" means the parent *thread*. Test threads end with
//! their test, so a process shared between tests would die early; this thread lives as long as the
//! test process.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal, setsid};

use crate::support::wait::poll;

struct Order {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = channel::<Order>();
    let serve = move || {
        for Order { mut command, reply } in orders {
            reply.send(start(&mut command)).expect("the orderer waits for its process");
        }
    };
    thread::Builder::new().name("spawner".into()).spawn(serve).expect("a thread starts");
    sender
});

/// Starts a command whose process gets `on_death` when this test process ends, however it ends.
pub fn spawn(mut command: Command, on_death: Signal) -> io::Result<Child> {
    // SAFETY: between fork and exec only two plain system calls run; nothing is allocated.
    #[allow(unsafe_code, reason = "std has no other way to set the parent death signal")]
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            set_parent_process_death_signal(Some(on_death))?;
            Ok(())
        });
    }
    let (reply, answer) = channel();
    SPAWNER.send(Order { command, reply }).expect("the spawner lives as long as the tests");
    answer.recv().expect("the spawner answers each order")
}

/// A program copied a moment ago is "busy" while a process forked meanwhile still holds the copy
/// open for writing; that passes by itself.
fn start(command: &mut Command) -> io::Result<Child> {
    let attempt = || match command.spawn() {
        Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => None,
        other => Some(other),
    };
    poll(Duration::from_secs(2), attempt)
        .unwrap_or_else(|| Err(io::ErrorKind::ExecutableFileBusy.into()))
}
