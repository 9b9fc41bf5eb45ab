//! One request to the server, and its answer back to the client.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::time::Duration;

use super::record::Records;
use super::rule::Fault;
use super::shape::{End, Shaper};
use super::stream::{Client, Socket};
use crate::support::http::{Body, Head, Piece};

/// How long a client waits for leave to send its body before it sends it all the same.
const LEAVE: Duration = Duration::from_secs(1);

/// What becomes of the connection.
#[derive(Debug, PartialEq)]
pub enum Next {
    Keep,
    Close,
    Reset,
    /// Nothing more is said.
    Hang,
}

/// How far a request's body got.
enum Sent {
    Whole,
    /// The server wanted no more of it.
    Refused,
    /// The fault wanted no more of it.
    Cut,
}

pub struct Exchange<'a> {
    pub client: &'a mut BufReader<Client>,
    pub server: &'a mut BufReader<Socket>,
    pub records: &'a Records,
    pub number: usize,
    pub fault: Option<Fault>,
}

impl Exchange<'_> {
    pub fn run(mut self, head: &Head) -> io::Result<Next> {
        let signed_today = self.fault != Some(Fault::SignedADayAgo);
        let raw = if signed_today { head.raw.clone() } else { signed_a_day_ago(head) };
        self.server.get_mut().write_all(&raw)?;
        let refusal = if head.header("expect").is_some() { self.ask_leave()? } else { None };
        if let Some(answer) = refusal {
            // The client may or may not send its body now: nothing more can be told apart here.
            self.answer(head, answer)?;
            return Ok(Next::Close);
        }
        match self.send_body(head)? {
            Sent::Whole => {
                let answer = self.next_answer()?;
                self.answer(head, answer)
            }
            Sent::Refused => {
                let answer = self.next_answer()?;
                let next = self.answer(head, answer)?;
                Ok(if next == Next::Keep { Next::Close } else { next })
            }
            Sent::Cut => Ok(Next::Reset),
        }
    }

    /// Waits for the server's leave to send the body; gives its answer when it refuses.
    fn ask_leave(&mut self) -> io::Result<Option<Head>> {
        self.server.get_mut().set_patience(Some(LEAVE));
        let answered = self.server.fill_buf().map(|bytes| !bytes.is_empty());
        self.server.get_mut().set_patience(None);
        match answered {
            Ok(true) => {}
            Ok(false) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(None),
            Err(error) => return Err(error),
        }
        let answer = Head::read(self.server)?.ok_or(ErrorKind::UnexpectedEof)?;
        if answer.status() != 100 {
            return Ok(Some(answer));
        }
        self.client.get_mut().write_all(&answer.raw)?;
        self.client.get_mut().flush()?;
        Ok(None)
    }

    /// Passes the body on. A server that answers early closes its side, so a failed write is no error
    /// yet: the answer may be there.
    fn send_body(&mut self, head: &Head) -> io::Result<Sent> {
        let mut left = match self.fault {
            Some(Fault::CutRequestAfter(limit)) => limit,
            _ => u64::MAX,
        };
        let (records, number, server) = (self.records, self.number, self.server.get_mut());
        let mut refused = false;
        let mut send = |piece: Piece<'_>| {
            let bytes = match piece {
                Piece::Mark(bytes) => bytes,
                Piece::Content(bytes) => {
                    let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    records.add_bytes(number, count);
                    left -= count as u64;
                    &bytes[..count]
                }
            };
            refused = refused || server.write_all(bytes).is_err();
            Ok(left > 0 && !refused)
        };
        let whole = head.request_body().relay(self.client, &mut send)?;
        Ok(if refused {
            Sent::Refused
        } else if whole {
            Sent::Whole
        } else {
            Sent::Cut
        })
    }

    /// The server's answer; interim ones are passed on.
    fn next_answer(&mut self) -> io::Result<Head> {
        loop {
            let answer = Head::read(self.server)?.ok_or(ErrorKind::UnexpectedEof)?;
            if !(100..200).contains(&answer.status()) {
                return Ok(answer);
            }
            self.client.get_mut().write_all(&answer.raw)?;
        }
    }

    fn answer(&mut self, request: &Head, answer: Head) -> io::Result<Next> {
        self.records.set_status(self.number, answer.status());
        let body = answer.response_body(request.word(0));
        let mut shaper = Shaper::new(self.client.get_mut(), self.fault);
        if shaper.head(&told(&answer, self.fault))? {
            body.relay(self.server, &mut |piece: Piece<'_>| shaper.body(piece))?;
        }
        let closes = |head: &Head| head.header("connection").is_some_and(|value| value == "close");
        let less = matches!(self.fault, Some(Fault::PromiseLess(_)));
        let last = closes(request) || closes(&answer) || body == Body::UntilClose || less;
        Ok(match shaper.end {
            End::Cut => Next::Reset,
            End::Truncated => Next::Close,
            End::Stalled => Next::Hang,
            End::Whole if last => Next::Close,
            End::Whole => Next::Keep,
        })
    }
}

/// The entity tag of something else.
pub const OTHER_ETAG: &str = "\"00000000000000000000000000000000\"";

/// The head of an answer as the fault has it.
fn told(answer: &Head, fault: Option<Fault>) -> Vec<u8> {
    let (name, value) = match fault {
        Some(Fault::OtherETag) => ("etag", OTHER_ETAG.to_owned()),
        Some(Fault::PromiseLess(bytes)) => ("content-length", bytes.to_string()),
        _ => return answer.raw.clone(),
    };
    let text = String::from_utf8_lossy(&answer.raw);
    let line = |line: &str| match line.split_once(':') {
        Some((found, _)) if found.eq_ignore_ascii_case(name) => format!("{found}: {value}\r\n"),
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect::<String>().into_bytes()
}

/// The head with the day before in `x-amz-date` and in the scope of the credential. The signature is wrong
/// then, but servers look at the time first.
fn signed_a_day_ago(head: &Head) -> Vec<u8> {
    let signed = head.header("x-amz-date").expect("a signed request");
    let day = jiff::civil::Date::strptime("%Y%m%d", &signed[..8]).expect("a date");
    let before = day.yesterday().expect("a date").strftime("%Y%m%d").to_string();
    String::from_utf8_lossy(&head.raw).replace(&signed[..8], &before).into_bytes()
}
