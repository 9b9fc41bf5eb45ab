//! Logging in, and what a server's refusal means.
//!
//! Whatever listens there may answer, so it is made sure that it is a Redis before anything else is asked. A
//! password is never shown, not even where the server repeats it.

use std::path::Path;

use super::lines::{LineAnswer, LineStream, ask};
use super::link::BoundedSocket;
use crate::config::{Limits, RedisConfig};
use crate::error::{Class, Error, Result};

/// As `redis-cli` calls it.
const PASSWORD: &str = "REDISCLI_AUTH";

/// Connects, says who we are, and makes sure that it is a Redis which listens to us.
pub(super) fn login(config: &RedisConfig, limits: &Limits) -> Result<LineStream> {
    let address = &config.address;
    let mut lines = LineStream::new(BoundedSocket::open(config, limits)?);
    let password = password(config.password_file.as_deref())?;
    if password.is_some() || config.user.is_some() {
        let password = password.unwrap_or_default();
        let words = match &config.user {
            Some(user) => vec!["AUTH", user, &password],
            None => vec!["AUTH", &password],
        };
        let what = format!("could not log in to {address}");
        match ask(&mut lines, address, limits, &words)? {
            LineAnswer::Good => {}
            // A server that does not know the command repeats what came with it.
            LineAnswer::Bad(text) if !password.is_empty() => {
                return Err(refusal(&what, &text.replace(&password, "(not shown)")));
            }
            LineAnswer::Bad(text) => return Err(refusal(&what, &text)),
        }
    }
    match ask(&mut lines, address, limits, &["PING"])? {
        LineAnswer::Good => Ok(lines),
        // It can't save to its disk, so its memory is the only copy, and it gives that to whoever asks.
        LineAnswer::Bad(text) if text.starts_with("MISCONF") => Ok(lines),
        LineAnswer::Bad(text) => Err(refusal(&format!("could not use {address}"), &text)),
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
        None => Err(wrong(&"its first line has no password")),
    }
}

/// A server's error answer, such as `NOPERM this user has no permissions to run the 'psync' command`, as
/// ours. The first word is its kind (Redis documentation, "Redis serialization protocol specification").
pub(super) fn refusal(what: &str, answer: &str) -> Error {
    let (class, hint) = meaning(answer);
    let answer = answer.trim_end_matches('.');
    let error = Error::new(class, format!("{what}: the server says: {answer}"));
    if hint.is_empty() { error } else { error.hint(hint) }
}

fn meaning(answer: &str) -> (Class, &'static str) {
    match answer.split(' ').next().unwrap_or_default() {
        "NOAUTH" | "WRONGPASS" => {
            (Class::Refused, "Set redis.user, and redis.password_file or REDISCLI_AUTH.")
        }
        "NOPERM" => (
            Class::Refused,
            "A backup needs: ACL SETUSER NAME +ping +info +replconf +psync; of the server's files (--source), \
             instead of the last two, +config|get +bgsave.",
        ),
        "DENIED" => (
            Class::Refused,
            "Redis in protected mode talks to its own host only: set a password there, or connect locally.",
        ),
        "LOADING" => (Class::Unreachable, "The server is still reading its data; try again later."),
        "MASTERDOWN" | "NOMASTERLINK" => (
            Class::Unreachable,
            "This is a replica that lost its master: mend that, or set redis.url to the master.",
        ),
        "MISCONF" => (Class::Unreachable, "The server cannot write its files; its log says why."),
        "BUSY" => (Class::Unreachable, "A script keeps the server busy; try again later."),
        _ if answer.contains("max number of clients") => {
            (Class::Unreachable, "Raise maxclients, or find out who holds so many connections.")
        }
        _ if answer.contains("without any password configured") => (
            Class::Refused,
            "The server has no password for that user: leave REDISCLI_AUTH and redis.password_file out.",
        ),
        _ if answer.contains("unknown command") && answer.to_ascii_lowercase().contains("sync") => {
            (
                Class::Refused,
                "Is the command renamed or forbidden there? On the server's host its files will do: redis-backup create --source rdb.",
            )
        }
        _ if answer.contains("unknown command") => (
            Class::Refused,
            "Is the command renamed or forbidden there? Managed services forbid replication to others.",
        ),
        _ => (Class::Unreachable, "Look into the server's log."),
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
            format!("could not read password file {file:?}: its first line has no password")
        );
        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            password(Some(&file)).unwrap_err().to_string(),
            format!(
                "could not read password file {file:?}: No such file or directory (os error 2)"
            )
        );
    }

    #[test]
    fn what_may_pass_is_told_from_what_does_not() {
        for (answer, class) in [
            ("WRONGPASS invalid username-password pair or user is disabled.", Class::Refused),
            ("NOAUTH Authentication required.", Class::Refused),
            ("NOPERM this user has no permissions to run the 'psync' command", Class::Refused),
            ("DENIED Redis is running in protected mode", Class::Refused),
            ("LOADING Redis is loading the dataset in memory", Class::Unreachable),
            ("NOMASTERLINK Can't SYNC while not connected with my master", Class::Unreachable),
            ("ERR max number of clients reached", Class::Unreachable),
            ("ERR unknown command 'PSYNC', with args beginning with: '?' '-1'", Class::Refused),
            ("ERR anything", Class::Unreachable),
        ] {
            assert_eq!(refusal("could not x", answer).class(), class, "{answer}");
        }
    }

    #[test]
    fn it_says_what_was_tried_and_what_the_server_says() {
        assert_eq!(
            refusal("could not read", "ERR max number of clients reached").to_string(),
            "could not read: the server says: ERR max number of clients reached. \
             HINT: Raise maxclients, or find out who holds so many connections."
        );
    }
}
