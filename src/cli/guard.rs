use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::start;
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

/// Prints a text that was asked for, at once: a question has no end of line. Nobody may be listening any more.
pub fn print(text: &str) {
    let mut output = std::io::stdout();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
