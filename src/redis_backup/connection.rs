//! Commands with whole answers. The encoding and the parser are those of the crate `redis`; the socket is ours, so that
//! both conversations are secured and bounded in one way.

use std::io::{self, Read, Write};

use redis::{ConnectionLike, FromRedisValue, Parser, RedisError, RedisResult, Value};

use super::lines::{LineStream, command, no_answer};
use super::link::{Bound, BoundedSocket, Exceeded};
use super::login::{login, refusal};
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
        let link = login(config, limits).map(LineStream::into_link)?;
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
            let silent = io::ErrorKind::TimedOut.into();
            return Err(no_answer(&self.address, &self.limits, &silent));
        }
        let message = format!("the connection to {} broke: {error}", self.address);
        Err(Error::new(Class::Unreachable, message).hint("Look into the server's log."))
    }
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
                no_answer: &|error| no_answer(&self.address, &self.limits, error),
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
