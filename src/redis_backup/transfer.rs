//! A server's data over the connection, as a replica gets them: no file is needed on the server's disk, and
//! none here.
//!
//! `payload` tells where the data end, which the server says in one of two ways.

mod payload;

use std::io;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::lines::{LineAnswer, LineStream, ask, no_answer};
use super::link::{Bound, Exceeded};
use super::login::{login, refusal};
use super::rdb::{RdbCheck, RdbFacts};
use crate::config::{Limits, RedisAddress, RedisConfig};
use crate::error::{Class, Error, Result};
use payload::{EndMark, Framing};

/// How long a server may be silent before it says that it is about to save. Redis and Valkey write an empty
/// line every second or so; `redis.save_timeout` bounds all of it.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What a server is told of us. One that does not know an option says so, and goes on.
const OPTIONS: [[&str; 2]; 3] = [
    // Not to go on with its stream of commands, and to keep no buffer for us. Since Redis 6.2.
    ["rdb-only", "1"],
    // Not to write a file first, unless it is set up so.
    ["capa", "eof"],
    // Valkey 9 writes an older format for who says nothing, and fails where that can't hold a key (the
    // expiry of a hash's field). We take what it has: a version above all others.
    ["version", "255.255.255"],
];

/// The data of a server as of one moment, sent by it over a connection as to a replica that asks for the
/// first time ("Replication" in the documentation; `replication.c` in the source). Nothing is written to
/// a disk here. Dropping it ends the transfer.
pub struct Snapshot {
    lines: LineStream,
    address: RedisAddress,
    limits: Limits,
    save_timeout: Duration,
    begun: Instant,
    /// `None` from a server that knows nothing but `SYNC`.
    pub start: Option<ReplicationPosition>,
    /// What it said to `PSYNC` if it does not know that.
    unknown: Option<String>,
    /// When the data were asked for, and when the server said of which moment they are: as it forks.
    pub asked: Timestamp,
    pub answered: Timestamp,
}

/// The moment of the snapshot in the server's own history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationPosition {
    pub replication_id: String,
    pub offset: u64,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub bytes: u64,
    pub rdb: RdbFacts,
    /// From the request to the first byte of data: the server's fork, and its saving where it writes a file
    /// first.
    pub waited: Duration,
}

impl Snapshot {
    /// Asks for the data. Returns when the server has fixed the moment (it has forked, or is about to);
    /// `waiting` is called about once a second until then.
    pub fn begin(
        config: &RedisConfig,
        limits: &Limits,
        waiting: &mut dyn FnMut(Duration),
    ) -> Result<Self> {
        let address = config.address.clone();
        let mut lines = login(config, limits)?;
        for [option, value] in OPTIONS {
            match ask(&mut lines, &address, limits, &["REPLCONF", option, value])? {
                LineAnswer::Good => {}
                LineAnswer::Bad(text) if text.starts_with("ERR") => {}
                LineAnswer::Bad(text) => return Err(refused(&address, &text)),
            }
        }
        let mut snapshot = Self {
            lines,
            address,
            limits: *limits,
            save_timeout: config.save_timeout,
            begun: Instant::now(),
            start: None,
            unknown: None,
            asked: Timestamp::now(),
            answered: Timestamp::now(),
        };
        snapshot.send(&["PSYNC", "?", "-1"])?;
        let answer = snapshot.answer(waiting)?;
        snapshot.answered = Timestamp::now();
        match answer.strip_prefix("-ERR") {
            // So old that it cannot name the moment.
            Some(words) if words.contains("unknown command") => {
                snapshot.unknown = answer.strip_prefix('-').map(str::to_owned);
                snapshot.send(&["SYNC"])?;
            }
            _ => snapshot.start = Some(snapshot.started(&answer)?),
        }
        Ok(snapshot)
    }

    fn started(&self, answer: &str) -> Result<ReplicationPosition> {
        if let Some(text) = answer.strip_prefix('-') {
            return Err(refused(&self.address, text));
        }
        let mut words = answer.split(' ');
        let start = match (words.next(), words.next(), words.next()) {
            (Some("+FULLRESYNC"), Some(id), Some(offset)) => offset
                .parse()
                .ok()
                .map(|offset| ReplicationPosition { replication_id: id.to_owned(), offset }),
            _ => None,
        };
        start.ok_or_else(|| self.unexpected("+FULLRESYNC and a position", answer))
    }

    /// Hands all data to `sink` and checks them on the way: only a whole RDB file is a success.
    pub fn read(
        mut self,
        sink: &mut dyn FnMut(&[u8]) -> Result<()>,
        waiting: &mut dyn FnMut(Duration),
    ) -> Result<Received> {
        let answer = self.answer(waiting)?;
        if let Some(text) = answer.strip_prefix('-') {
            // Where both are forbidden, the one that matters is the one that servers of today have.
            return Err(refused(&self.address, self.unknown.as_deref().unwrap_or(text)));
        }
        let framing = Framing::parse(&answer)
            .ok_or_else(|| self.unexpected("the length of the data", &answer))?;
        let waited = self.begun.elapsed();
        self.lines.bound(Bound::data(self.limits.request));
        let mut check = RdbCheck::new();
        let mut take = |bytes: &[u8]| {
            check.write(bytes)?;
            sink(bytes)
        };
        let bytes = match framing {
            Framing::Length(length) => self.counted(length, &mut take)?,
            Framing::Mark(mark) => self.marked(mark, &mut take)?,
        };
        let what = format!("could not use what {} sent", self.address);
        let rdb = check.finish().map_err(|error| error.while_doing(what))?;
        Ok(Received { bytes, rdb, waited })
    }

    fn counted(&mut self, length: u64, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let mut left = length;
        while left > 0 {
            let bytes = match self.lines.fill() {
                Ok(bytes) if !bytes.is_empty() => bytes,
                end => {
                    let error = ended(end);
                    let came = format!("{} of {length} bytes", length - left);
                    return Err(self.broken(&came, &error));
                }
            };
            let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            take(&bytes[..count])?;
            self.lines.consume(count);
            left -= count as u64;
        }
        Ok(length)
    }

    fn marked(&mut self, mark: [u8; 40], take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let mut end = EndMark::new(mark);
        while !end.is_reached() {
            let bytes = match self.lines.fill() {
                Ok(bytes) if !bytes.is_empty() => bytes,
                other => {
                    let error = ended(other);
                    let came = format!("{} bytes without the mark of the end", end.bytes());
                    return Err(self.broken(&came, &error));
                }
            };
            let count = bytes.len();
            end.write(bytes, take)?;
            self.lines.consume(count);
        }
        Ok(end.bytes())
    }

    /// The next line that is not empty: empty ones say that the server is alive and not yet ready.
    fn answer(&mut self, waiting: &mut dyn FnMut(Duration)) -> Result<String> {
        let mut told = self.begun.elapsed();
        self.lines.bound(Bound::answer(self.save_timeout.saturating_sub(told)));
        loop {
            let line = self.lines.line().map_err(|error| match Exceeded::of(&error) {
                Some(Exceeded::Time(_)) => self.too_slow(),
                _ => self.broken("no data yet", &error),
            })?;
            if !line.is_empty() {
                return Ok(line);
            }
            let elapsed = self.begun.elapsed();
            if elapsed > self.save_timeout {
                return Err(self.too_slow());
            }
            if elapsed - told >= TELL_EVERY {
                told = elapsed;
                waiting(elapsed);
            }
        }
    }

    fn send(&mut self, words: &[&str]) -> Result<()> {
        let sent = self.lines.send(words);
        sent.map_err(|error| no_answer(&self.address, &self.limits, &error))
    }

    fn too_slow(&self) -> Error {
        let timeout = humantime::format_duration(self.save_timeout);
        let message = format!("{} did not begin to send within {timeout}", self.address);
        Error::new(Class::Unreachable, message)
            .hint("Is its disk slow, or another save under way? redis.save_timeout is the wait.")
    }

    fn broken(&self, came: &str, error: &io::Error) -> Error {
        let reason = match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                "the server closed the connection".to_owned()
            }
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                format!("nothing more came for {}", humantime::format_duration(self.limits.request))
            }
            _ => error.to_string(),
        };
        let message = format!("could not receive the data of {}: {reason}, {came}", self.address);
        Error::new(Class::Unreachable, message).hint(
            "The server's log says why: a failed save, repl-timeout, or client-output-buffer-limit replica.",
        )
    }

    fn unexpected(&self, expected: &str, found: &str) -> Error {
        let found: String = found.chars().take(60).collect();
        let message = format!("expected {expected} from {}, found {found:?}", self.address);
        Error::new(Class::Unreachable, message)
            .hint("Is a proxy in between that cannot pass replication on?")
    }
}

/// What was there instead of bytes.
fn ended(end: io::Result<&[u8]>) -> io::Error {
    end.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn refused(address: &RedisAddress, text: &str) -> Error {
    refusal(&format!("could not get the data of {address}"), text)
}
