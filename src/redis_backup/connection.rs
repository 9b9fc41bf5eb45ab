//! The protocol on a socket: commands with whole answers ([`RespConnection`]), and lines with raw bytes behind
//! them ([`LineStream`]), as replication needs them.
//!
//! The encoding and the parser are those of the crate `redis`; the socket is ours, so that both conversations
//! are secured and bounded in one way.

use std::io::{self, BufRead, BufReader, Read, Write};

use redis::{Cmd, ConnectionLike, FromRedisValue, Parser, RedisError, RedisResult, Value};

use super::link::{Bound, BoundedSocket, Exceeded};
use super::login::{self, refusal};
use crate::config::{Limits, RedisAddress, RedisConfig};
use crate::error::{Class, Error, Result};

/// Commands and their answers, with the `redis` crate's encoding on our own socket: so both connections of a
/// backup are made, secured and bounded in one way.
pub(super) struct RespConnection {
    link: BoundedSocket,
    parser: Parser,
    open: bool,
    /// Why the last answer was not read to its end.
    exceeded: Option<Error>,
    address: RedisAddress,
    limits: Limits,
}

impl RespConnection {
    pub(super) fn open(config: &RedisConfig, limits: &Limits) -> Result<Self> {
        // Every line was answered and read: the server sends nothing that it was not asked for.
        let link = login::login(config, limits).map(LineStream::into_link)?;
        let (address, limits) = (config.address.clone(), *limits);
        Ok(Self { link, parser: Parser::new(), open: true, exceeded: None, address, limits })
    }

    pub(super) fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Runs a command. `Ok(Err(…))` is the server's own word against it.
    pub(super) fn try_query<T: FromRedisValue>(
        &mut self,
        words: &[&str],
    ) -> Result<Result<T, String>> {
        match command(words).query(self) {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => self.judged(&error).map(Err),
        }
    }

    pub(super) fn query<T: FromRedisValue>(&mut self, words: &[&str]) -> Result<T> {
        let answer = self.try_query(words)?;
        answer.map_err(|text| {
            let name: Vec<&str> = words.iter().take(2).copied().collect();
            refusal(&format!("could not run {} on {}", name.join(" "), self.address), &text)
        })
    }

    /// The server's words, or what happened to the connection.
    fn judged(&mut self, error: &RedisError) -> Result<String> {
        if let Some(exceeded) = self.exceeded.take() {
            return Err(exceeded);
        }
        if let Some(code) = error.code().filter(|_| !error.is_io_error()) {
            return Ok(format!("{code} {}", error.detail().unwrap_or_default())
                .trim_end()
                .to_owned());
        }
        if error.is_timeout() {
            let silent = std::io::ErrorKind::TimedOut.into();
            return Err(login::no_answer(&self.address, &self.limits, &silent));
        }
        let message = format!("the connection to {} broke: {error}", self.address);
        Err(Error::new(Class::Unreachable, message).hint("Look into the server's log."))
    }
}

fn command(words: &[&str]) -> Cmd {
    let (name, arguments) = words.split_first().unwrap_or((&"", &[]));
    let mut command = redis::cmd(name);
    for argument in arguments {
        command.arg(*argument);
    }
    command
}

/// Keeps why reading was given up: the parser tells no more than that it was.
struct Watched<'a> {
    link: &'a mut BoundedSocket,
    exceeded: &'a mut Option<Error>,
    no_answer: &'a dyn Fn(&io::Error) -> Error,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.link.read(buffer).inspect_err(|error| {
            if Exceeded::of(error).is_some() {
                *self.exceeded = Some((self.no_answer)(error));
            }
        })
    }
}

impl ConnectionLike for RespConnection {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        self.link.bound(Bound::answer(self.limits.total));
        let sent = self.link.write_all(command).and_then(|()| self.link.flush());
        let answer = match sent {
            Ok(()) => self.parser.parse_value(Watched {
                link: &mut self.link,
                exceeded: &mut self.exceeded,
                no_answer: &|error| login::no_answer(&self.address, &self.limits, error),
            }),
            Err(error) => Err(error.into()),
        };
        self.open &= !answer.as_ref().is_err_and(RedisError::is_io_error);
        answer
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        self.link.write_all(commands)?;
        self.link.bound(Bound::answer(self.limits.total));
        let answers: RedisResult<Vec<Value>> =
            (0..offset + count).map(|_| self.parser.parse_value(&mut self.link)).collect();
        answers.map(|mut answers| answers.split_off(offset))
    }

    fn get_db(&self) -> i64 {
        0
    }

    fn check_connection(&mut self) -> bool {
        redis::cmd("PING").exec(self).is_ok()
    }

    fn is_open(&self) -> bool {
        self.open
    }
}

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
        let (name, arguments) = words.split_first().unwrap_or((&"", &[]));
        let mut command = redis::cmd(name);
        for argument in arguments {
            command.arg(*argument);
        }
        let link = self.0.get_mut();
        link.write_all(&command.get_packed_command())?;
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
    fn into_link(self) -> BoundedSocket {
        self.0.into_inner()
    }
}
