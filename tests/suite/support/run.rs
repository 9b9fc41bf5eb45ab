//! Running a program under a time limit, and saying everything about it when it did not do as told.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::place::Place;
use super::process::Process;
use super::trace::{self, Trace};
use super::user::as_server_user;
use super::wait::poll;

/// What hangs is noticed after it. Where others write gigabytes to the same disk, one `fsync` was seen to take a minute and
/// more, in which not even SIGKILL ends a process: a shorter limit finds busy disks.
const LIMIT: Duration = Duration::from_secs(240);

/// A program about to be run: clean environment, the place as working folder, a limit.
pub struct Run {
    command: Command,
    limit: Duration,
    as_server_user: bool,
}

impl Run {
    /// `program` is a path, usually `env!("CARGO_BIN_EXE_...")`, or a name to look for in `PATH`.
    pub fn new(place: &Place, program: &str) -> Run {
        let command = place.command(place.program(program));
        Run { command, limit: LIMIT, as_server_user: false }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Run {
        self.command.arg(arg);
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Run {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Run {
        self.command.envs(vars);
        self
    }

    pub fn cwd(mut self, folder: impl AsRef<Path>) -> Run {
        self.command.current_dir(folder);
        self
    }

    /// Runs it as the servers run: root would be stopped by no file mode.
    pub fn server_user(mut self) -> Run {
        self.as_server_user = true;
        self
    }

    /// Runs it as the servers run, and where no thread can be had: root would have them all the same.
    pub fn without_threads(mut self) -> Run {
        let mut command = Command::new("prlimit");
        command.arg("--nproc=1").arg(self.command.get_program()).args(self.command.get_args());
        command.env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.current_dir(self.command.get_current_dir().expect("the place or another"));
        self.command = command;
        self.server_user()
    }

    /// After this time it is killed and the test panics.
    pub fn limit(mut self, limit: Duration) -> Run {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Outcome {
        self.start().finish()
    }

    /// Runs it to its end under `strace`, and reads what it did to files. `tampering` are expressions of `strace`
    /// that make calls fail.
    #[track_caller]
    pub fn trace(mut self, place: &Place, tampering: &[&str]) -> (Outcome, Trace) {
        let file = place.file(&format!("trace{}", place.next_number()), "");
        let known = trace::files_below(place.path());
        let mut command = Command::new(trace::strace());
        command.env_clear().args(trace::tracing(&file, tampering));
        command.arg(self.command.get_program()).args(self.command.get_args());
        let variables = self.command.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        let folder = self.command.get_current_dir().expect("the place").to_owned();
        command.current_dir(&folder);
        self.command = command;
        let outcome = self.run();
        (outcome, Trace::read(&file, &folder, known))
    }

    /// Starts it and returns at once: to kill it half-way, or to run several side by side.
    ///
    /// Output goes to unnamed files, not pipes: a pipe that a left-over child holds open would never
    /// come to its end.
    #[track_caller]
    pub fn start(mut self) -> Running {
        if self.as_server_user {
            as_server_user(&mut self.command);
        }
        let capture = || tempfile::tempfile().expect("a temporary file");
        let (stdout, stderr) = (capture(), capture());
        let handle = |file: &File| Stdio::from(file.try_clone().expect("a file handle"));
        self.command.stdin(Stdio::null()).stdout(handle(&stdout)).stderr(handle(&stderr));
        let shown = format!("{:?}", self.command);
        let process = Process::start(self.command, Signal::KILL);
        Running { process, stdout, stderr, shown, limit: self.limit, start: Instant::now() }
    }
}

/// A started program; killed when it goes out of scope.
pub struct Running {
    process: Process,
    stdout: File,
    stderr: File,
    shown: String,
    limit: Duration,
    start: Instant,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Whether it has ended by now.
    pub fn ended(&mut self) -> bool {
        self.process.ended().is_some()
    }

    /// `kill -9` of it and its children, wherever it stands.
    pub fn kill_nine(mut self) -> Outcome {
        self.process.kill_tree();
        let status = self.process.ended().expect("killed");
        self.outcome(status)
    }

    /// `kill -9` of the program alone; its children see what becomes of them.
    pub fn kill_alone(&mut self) {
        self.process.signal(Signal::KILL);
    }

    /// Waits for its end within the limit that was set.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        let left = self.limit.saturating_sub(self.start.elapsed());
        if let Some(status) = self.process.wait(left) {
            return self.outcome(status);
        }
        let limit = self.limit;
        panic!("still running after {limit:?}, killed now: {}", self.kill_nine());
    }

    /// Waits for its end, and says how many bytes of memory it took at most. `ru_maxrss` would not
    /// do: it counts what this process had when it forked.
    #[track_caller]
    pub fn finish_with_peak(mut self) -> (Outcome, u64) {
        let mut peak = 0;
        let left = self.limit.saturating_sub(self.start.elapsed());
        poll(left, || {
            peak = peak.max(self.peak().unwrap_or(0));
            self.ended().then_some(())
        });
        assert!(peak > 0, "no look at the memory of {}", self.shown);
        (self.finish(), peak)
    }

    /// The kernel's own high-water mark, as long as the program runs.
    fn peak(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    }

    fn outcome(mut self, status: ExitStatus) -> Outcome {
        Outcome {
            status: status.code(),
            signal: status.signal(),
            stdout: text(&mut self.stdout),
            stderr: text(&mut self.stderr),
            took: self.start.elapsed(),
            shown: std::mem::take(&mut self.shown),
        }
    }
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("captured output is readable");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a program did.
pub struct Outcome {
    /// The exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    shown: String,
}

impl Outcome {
    /// Panics with the whole story unless the exit status is this one.
    #[track_caller]
    pub fn expect(&self, status: i32) -> &Outcome {
        assert!(self.status == Some(status), "expected exit status {status}: {self}");
        self
    }

    /// Panics with the whole story unless standard error holds this text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Outcome {
        assert!(self.stderr.contains(text), "expected standard error to hold {text:?}: {self}");
        self
    }

    /// Panics with the whole story unless standard output holds this text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Outcome {
        assert!(self.stdout.contains(text), "expected standard output to hold {text:?}: {self}");
        self
    }

    /// Panics with the whole story if standard error holds this text.
    #[track_caller]
    pub fn does_not_say(&self, text: &str) -> &Outcome {
        assert!(
            !self.stderr.contains(text),
            "expected standard error not to hold {text:?}: {self}"
        );
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { status, signal, stdout, stderr, took, shown } = self;
        writeln!(f, "{shown}\nexit status {status:?}, signal {signal:?}, after {took:?}")?;
        writeln!(f, "--- standard output\n{stdout}\n--- standard error\n{stderr}\n---")
    }
}
