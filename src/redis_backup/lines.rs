//! Commands that are answered with one line, and lines with raw bytes behind them, as logging in and replication need
//! them; and what an answer that does not come, or is none of Redis, means.

use std::io::{self, BufRead, BufReader, Read, Write};

use redis::Cmd;

use super::link::{Bound, BoundedSocket, Exceeded};
use crate::config::{Limits, RedisAddress};
use crate::error::{Class, Error, Result};

/// No line that a server answers with is longer.
const LONGEST_LINE: u64 = 4096;
/// One read takes as much as a socket usually has.
const BUFFER: usize = 256 << 10;

/// A link on which lines and then raw bytes come in.
pub(super) struct LineStream(BufReader<BoundedSocket>);

impl LineStream {
    pub(super) fn new(link: BoundedSocket) -> Self {
        Self(BufReader::with_capacity(BUFFER, link))
    }

    /// What comes from now on.
    pub(super) fn bound(&mut self, bound: Bound) {
        self.0.get_mut().bound(bound);
    }

    pub(super) fn send(&mut self, words: &[&str]) -> io::Result<()> {
        let link = self.0.get_mut();
        link.write_all(&command(words).get_packed_command())?;
        link.flush()
    }

    /// The next line without its end. At the end of the stream, or when it is no line: an error.
    pub(super) fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.0.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            let whole = line.len() as u64 + 1 < LONGEST_LINE;
            let kind =
                if whole { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
            return Err(kind.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// The next bytes, at least one; none at the end of the stream. [`LineStream::consume`] says how many of
    /// them are done with.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.0.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(self.0.buffer()),
            }
        }
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.0.consume(bytes);
    }

    /// The link again, for another way to read it. Nothing may have been read ahead.
    pub(super) fn into_link(self) -> BoundedSocket {
        self.0.into_inner()
    }
}

/// A command in the encoding of the crate `redis`.
pub(super) fn command(words: &[&str]) -> Cmd {
    let (name, arguments) = words.split_first().unwrap_or((&"", &[]));
    let mut command = redis::cmd(name);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

/// A one-line answer.
pub(super) enum LineAnswer {
    Good,
    /// What stands behind the `-`.
    Bad(String),
}

/// Sends a command that is answered with one line.
pub(super) fn ask(
    lines: &mut LineStream,
    address: &RedisAddress,
    limits: &Limits,
    words: &[&str],
) -> Result<LineAnswer> {
    lines.bound(Bound::answer(limits.total));
    // A server that is full says so and closes, perhaps before it reads what we send.
    let sent = lines.send(words);
    let line = match lines.line() {
        Err(error) => return Err(no_answer(address, limits, &sent.err().unwrap_or(error))),
        Ok(line) => line,
    };
    match (line.as_bytes().first(), line.get(1..)) {
        (Some(b'+'), _) => Ok(LineAnswer::Good),
        (Some(b'-'), Some(rest)) => Ok(LineAnswer::Bad(rest.to_owned())),
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
pub(super) fn no_answer(address: &RedisAddress, limits: &Limits, error: &io::Error) -> Error {
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
