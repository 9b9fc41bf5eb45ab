use std::io;
use std::path::Path;

use super::bound::{Bound, Exceeded};
use super::lines::Lines;
use super::link::Link;
use super::refusal::refusal;
use crate::config::{Limits, RedisAddress, RedisConfig};
use crate::error::{Class, Error, Result};

/// As `redis-cli` calls it.
const PASSWORD: &str = "REDISCLI_AUTH";

/// Connects, says who we are, and makes sure that it is a Redis which listens to us.
pub fn login(config: &RedisConfig, limits: &Limits) -> Result<Lines> {
    let address = &config.address;
    let mut lines = Lines::new(Link::open(config, limits)?);
    let password = password(config.password_file.as_deref())?;
    if password.is_some() || config.user.is_some() {
        let password = password.unwrap_or_default();
        let words = match &config.user {
            Some(user) => vec!["AUTH", user, &password],
            None => vec!["AUTH", &password],
        };
        let what = format!("could not log in to {address}");
        match ask(&mut lines, address, limits, &words)? {
            Answer::Good => {}
            // A server that does not know the command repeats what came with it.
            Answer::Bad(text) if !password.is_empty() => {
                return Err(refusal(&what, &text.replace(&password, "(not shown)")));
            }
            Answer::Bad(text) => return Err(refusal(&what, &text)),
        }
    }
    match ask(&mut lines, address, limits, &["PING"])? {
        Answer::Good => Ok(lines),
        // It can't save to its disk, so its memory is the only copy, and it gives that to whoever asks.
        Answer::Bad(text) if text.starts_with("MISCONF") => Ok(lines),
        Answer::Bad(text) => Err(refusal(&format!("could not use {address}"), &text)),
    }
}

/// A one-line answer.
pub enum Answer {
    Good,
    /// What stands behind the `-`.
    Bad(String),
}

/// Sends a command that is answered with one line.
pub fn ask(
    lines: &mut Lines,
    address: &RedisAddress,
    limits: &Limits,
    words: &[&str],
) -> Result<Answer> {
    lines.bound(Bound::answer(limits.total));
    // A server that is full says so and closes, perhaps before it reads what we send.
    let sent = lines.send(words);
    let line = match lines.line() {
        Err(error) => return Err(no_answer(address, limits, &sent.err().unwrap_or(error))),
        Ok(line) => line,
    };
    match (line.as_bytes().first(), line.get(1..)) {
        (Some(b'+'), _) => Ok(Answer::Good),
        (Some(b'-'), Some(rest)) => Ok(Answer::Bad(rest.to_owned())),
        _ => Err(not_redis(address, &format!("{:?}", shortened(&line)))),
    }
}

fn shortened(line: &str) -> String {
    line.chars().take(60).collect()
}

fn not_redis(address: &RedisAddress, found: &str) -> Error {
    let message = format!("expected an answer of Redis from {address}, found {found}");
    let hint = match address.is_tls() {
        true => {
            "Is it Redis or Valkey that listens there? Does it want a certificate of ours (redis.cert_file)?"
        }
        false => "Is it Redis or Valkey that listens there? Does it want TLS (rediss://)?",
    };
    Error::new(Class::Unreachable, message).hint(hint)
}

/// What became of a connection on which an answer was awaited.
pub fn no_answer(address: &RedisAddress, limits: &Limits, error: &io::Error) -> Error {
    if let Some(exceeded) = Exceeded::of(error) {
        let message = format!("could not use {address}: {exceeded}");
        return Error::new(Class::Unreachable, message)
            .hint("Is it Redis or Valkey that listens there? limits.total_timeout is the wait.");
    }
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            let patience = humantime::format_duration(limits.request);
            let message = format!("{address} said nothing for {patience}");
            Error::new(Class::Unreachable, message)
                .hint("Is the server overloaded or stopped? limits.request_timeout is the wait.")
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => not_redis(address, "a closed connection"),
        io::ErrorKind::InvalidData => not_redis(address, "something else"),
        _ => Error::new(Class::Unreachable, format!("the connection to {address} broke: {error}")),
    }
}

/// Whether this process was given one.
pub fn has_password(config: &RedisConfig) -> bool {
    config.password_file.is_some() || std::env::var(PASSWORD).is_ok_and(|it| !it.is_empty())
}

/// From the file, else from the environment. Neither is ever shown.
fn password(file: Option<&Path>) -> Result<Option<String>> {
    let Some(path) = file else {
        return Ok(std::env::var(PASSWORD).ok().filter(|password| !password.is_empty()));
    };
    let wrong = |reason: &dyn std::fmt::Display| {
        let message = format!("could not read password file {path:?}: {reason}");
        Error::new(Class::Configuration, message)
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(Some(line.to_owned())),
        None => Err(wrong(&"expected the password in its first line, found none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_first_line_of_its_file() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("password");
        for (text, expected) in [("secret\n", "secret"), ("se cret\r\nmore", "se cret"), ("a", "a")]
        {
            std::fs::write(&file, text).unwrap();
            assert_eq!(password(Some(&file)).unwrap().as_deref(), Some(expected));
        }
        std::fs::write(&file, "\nsecret").unwrap();
        assert_eq!(
            password(Some(&file)).unwrap_err().to_string(),
            format!(
                "could not read password file {file:?}: expected the password in its first line, found none"
            )
        );
        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            password(Some(&file)).unwrap_err().to_string(),
            format!(
                "could not read password file {file:?}: No such file or directory (os error 2)"
            )
        );
    }
}
