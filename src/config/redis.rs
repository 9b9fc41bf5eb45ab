//! Which Redis or Valkey is backed up: its address, and what its connection needs.
//!
//! A password in the URL is refused: it would show up in process lists and in logs.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::resolved::Resolved;
use super::secrets::without_secrets;
use super::sections::KeepConfig;
use super::setting::checked_name;
use crate::error::{Class, Error, Result};

/// The port that Redis and Valkey listen on unless told otherwise.
const PORT: u16 = 6379;

/// A Redis or Valkey server that is backed up.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// Whether anything of it was set: then somebody means to back it up.
    pub configured: bool,
    /// Whether somebody said where it is: then it should answer.
    pub named: bool,
    /// Its folder in each repository.
    pub name: String,
    pub address: RedisAddress,
    /// ACL user; the server's `default` user where there is none.
    pub user: Option<String>,
    /// Before the variable `REDISCLI_AUTH`.
    pub password_file: Option<PathBuf>,
    pub tls: RedisTls,
    /// Longest wait until the server has saved, or begins to send.
    pub save_timeout: Duration,
    /// zstd level.
    pub compression_level: i32,
    /// What `redis-backup prune` keeps.
    pub keep: KeepConfig,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisAddress {
    Tcp { host: String, port: u16, tls: bool },
    Unix(PathBuf),
}

impl RedisAddress {
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tcp { tls: true, .. })
    }

    /// Over a network, and nothing proves what comes.
    pub fn is_in_the_clear(&self) -> bool {
        matches!(self, Self::Tcp { tls: false, .. })
    }
}

#[derive(Debug, Clone, Default)]
pub struct RedisTls {
    /// Whom to trust instead of the system's certificates.
    pub ca_file: Option<PathBuf>,
    /// The certificate that the server wants of its clients, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl RedisConfig {
    pub fn from_resolved(resolved: &Resolved) -> Result<Self> {
        let user = resolved.text("redis.user");
        Ok(Self {
            configured: resolved.sets("redis."),
            named: resolved.sets("redis.url"),
            name: checked_name("redis.name", resolved.text("redis.name"))?,
            address: address(&resolved.text("redis.url"))?,
            user: Some(user).filter(|user| !user.is_empty()),
            password_file: resolved.path("redis.password_file"),
            tls: RedisTls {
                ca_file: resolved.path("redis.ca_file"),
                certificate: certificate(resolved)?,
            },
            save_timeout: resolved.duration("redis.save_timeout"),
            compression_level: resolved.number("redis.compression_level") as i32,
            keep: resolved.keep("redis"),
        })
    }
}

/// As it would be written in the configuration.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, tls } => {
                let scheme = if *tls { "rediss" } else { "redis" };
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                write!(f, "{scheme}://{open}{host}{close}:{port}")
            }
        }
    }
}

fn certificate(resolved: &Resolved) -> Result<Option<(PathBuf, PathBuf)>> {
    match (resolved.path("redis.cert_file"), resolved.path("redis.key_file")) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        _ => Err(wrong("expected redis.cert_file and redis.key_file together, found one of them")),
    }
}

/// A password in it would show up in process lists and in logs.
fn address(url: &str) -> Result<RedisAddress> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if let Some(path) = rest.strip_prefix('/').filter(|_| scheme == "unix") {
        return Ok(RedisAddress::Unix(PathBuf::from(format!("/{path}"))));
    }
    if rest.contains('@') || url.to_ascii_lowercase().contains("password=") {
        return Err(wrong(
            "expected redis.url without a user or password, found one with (not shown)",
        )
        .hint("Set redis.user; put the password into redis.password_file or REDISCLI_AUTH."));
    }
    let host = rest.strip_suffix('/').unwrap_or(rest);
    let place = host_and_port(host).filter(|_| ["redis", "rediss"].contains(&scheme));
    let Some((host, port)) = place else {
        let message = format!(
            "expected redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH as redis.url, found {:?}",
            without_secrets(url)
        );
        let hint = match scheme {
            "" => format!("Say how to talk to it: redis://{}.", without_secrets(url)),
            _ => "A backup has all databases: a number of one has no place in it.".to_owned(),
        };
        return Err(wrong(&message).hint(hint));
    };
    Ok(RedisAddress::Tcp { host: host.to_owned(), port, tls: scheme == "rediss" })
}

/// `host`, `host:port`, `[::1]` or `[::1]:port`.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-:%".contains(c);
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if port.is_empty() => PORT,
        None => return None,
    };
    (!host.is_empty() && host.chars().all(plain)).then_some((host, port))
}

fn wrong(message: &str) -> Error {
    Error::new(Class::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: &str = "Say how to talk to it: redis://.";
    const ONE: &str = "A backup has all databases: a number of one has no place in it.";

    fn shown(url: &str) -> String {
        address(url).map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    #[test]
    fn an_address_is_tcp_tls_or_a_socket() {
        for (url, expected) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://db", "redis://db:6379"),
            ("rediss://db.example.org:6380/", "rediss://db.example.org:6380"),
            ("redis://[::1]:7000", "redis://[::1]:7000"),
            ("rediss://[::1]", "rediss://[::1]:6379"),
            ("unix:///run/redis/redis.sock", "unix:///run/redis/redis.sock"),
            ("unix:///run/a@b", "unix:///run/a@b"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn anything_else_is_said_to_be_wrong() {
        for (url, hint) in [
            ("", HOW),
            ("db:6379", "Say how to talk to it: redis://db:6379."),
            ("http://db", ONE),
            ("redis://", ONE),
            ("redis://db/3", ONE),
            ("redis://db:0", ONE),
            ("unix://a", ONE),
        ] {
            assert_eq!(
                shown(url),
                format!(
                    "expected redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH as redis.url, \
                     found {url:?}. HINT: {hint}"
                )
            );
        }
    }

    #[test]
    fn a_password_is_refused_and_not_shown() {
        for url in [
            "redis://:secret@db",
            "rediss://me:sec/ret@db:1",
            "redis://secret@db",
            "redis://db?password=secret",
            "tcp://a:secret@db",
        ] {
            assert_eq!(
                shown(url),
                "expected redis.url without a user or password, found one with (not shown). HINT: \
                 Set redis.user; put the password into redis.password_file or REDISCLI_AUTH."
            );
        }
    }
}
