//! What stands around every command: it catches a panic, logs the error, and writes to standard output.
//!
//! A panic would end the program with status 101, which PostgreSQL takes from `restore_command` for the end of the WAL.

use std::ffi::OsString;
use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::start;
use super::text::not_written;
use crate::config::{LogConfig, LogFormat};
use crate::error::{Class, Error, Result};
use crate::log;

/// The words behind the program's name.
pub fn words() -> Vec<OsString> {
    std::env::args_os().skip(1).collect()
}

/// Runs a command. Whatever happens, a panic included, comes out as a result whose exit status PostgreSQL
/// understands; what went wrong is logged.
pub fn run<T>(command: impl FnOnce() -> Result<T>) -> Result<T> {
    start::prepare();
    let outcome = catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| {
        Err(Error::new(Class::Internal, "this is a bug in Seawall: it panicked")
            .hint("Please report it with the lines above."))
    });
    outcome.inspect_err(|error| {
        // Has an effect only when the trouble came before the configuration was known.
        log::start(&LogConfig { level: "info".into(), format: format_asked_for(&words()) });
        tracing::error!("{error}");
    })
}

/// The log format, as far as it can be seen in a command line or an environment that may be wrong.
fn format_asked_for(words: &[OsString]) -> LogFormat {
    let flag = words.iter().enumerate().find_map(|(at, word)| {
        match word.to_str()?.strip_prefix("--log-format")? {
            "" => words.get(at + 1)?.to_str(),
            value => value.strip_prefix('='),
        }
    });
    let variable = std::env::var("SEAWALL_LOG_FORMAT").unwrap_or_default();
    LogFormat::of_word(flag.unwrap_or(&variable))
}

/// A long output, handed over as it is made. Whoever reads it may leave early, as `head` does: the rest is not made, and
/// that is no failure. Where it can't be written, as on a full disk, it is one.
pub fn stream<T: Default>(make: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let mut output =
        StandardOutput { to: BufWriter::with_capacity(1 << 16, stdout()), left: false };
    let made = make(&mut output);
    let flushed = output.flush().map_err(|error| not_written(&error));
    if output.left {
        return Ok(T::default());
    }
    made.and_then(|made| flushed.map(|()| made))
}

struct StandardOutput {
    to: BufWriter<Stdout>,
    /// Nobody reads it any more.
    left: bool,
}

impl StandardOutput {
    fn noted<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        self.left |= done.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        done
    }
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.to.write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.to.flush();
        self.noted(done)
    }
}

/// Prints a text that was asked for, at once: a question has no end of line. Nobody may be listening any more.
pub fn print(text: &str) {
    let mut output = std::io::stdout();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
