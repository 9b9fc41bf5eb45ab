//! Writing an answer to the client, as whole and as true as the fault leaves it.

use std::io::{self, Write};
use std::thread::sleep;
use std::time::Duration;

use super::rule::Fault;
use crate::support::http::Piece;

/// How the writing of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    Whole,
    /// To be followed by an orderly close.
    Truncated,
    /// To be followed by a reset.
    Cut,
    /// To be followed by silence.
    Stalled,
}

/// Writes an answer and counts.
pub struct Shaper<'a, W: Write> {
    to: &'a mut W,
    fault: Option<Fault>,
    all: u64,
    content: u64,
    pub end: End,
}

impl<'a, W: Write> Shaper<'a, W> {
    pub fn new(to: &'a mut W, fault: Option<Fault>) -> Shaper<'a, W> {
        Shaper { to, fault, all: 0, content: 0, end: End::Whole }
    }

    /// Writes the head; whether the body is wanted.
    pub fn head(&mut self, raw: &[u8]) -> io::Result<bool> {
        self.write(raw, None)
    }

    /// Writes a part of the body; whether more is wanted.
    pub fn body(&mut self, piece: Piece<'_>) -> io::Result<bool> {
        match piece {
            Piece::Mark(bytes) => self.write(bytes, None),
            Piece::Content(bytes) => {
                let start = self.content;
                self.content += bytes.len() as u64;
                self.write(bytes, Some(start))
            }
        }
    }

    fn write(&mut self, bytes: &[u8], start: Option<u64>) -> io::Result<bool> {
        let (limit, end) = match (self.fault, start) {
            (Some(Fault::CutBeforeAnswer), _) => (0, End::Cut),
            (Some(Fault::CutAnswerAfter(limit)), _) => (limit.saturating_sub(self.all), End::Cut),
            (Some(Fault::TruncateBodyAfter(limit)), Some(start)) => {
                (limit.saturating_sub(start), End::Truncated)
            }
            (Some(Fault::StallBodyAfter(limit)), Some(start)) => {
                (limit.saturating_sub(start), End::Stalled)
            }
            _ => (u64::MAX, End::Whole),
        };
        let count = bytes.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        let bytes_now = flipped(&bytes[..count], start, self.fault);
        match (self.fault, start) {
            (Some(Fault::DribbleBody), Some(_)) => self.dribble(&bytes_now)?,
            _ => self.to.write_all(&bytes_now)?,
        }
        self.to.flush()?;
        self.all += count as u64;
        if count < bytes.len() {
            self.end = end;
        }
        Ok(count == bytes.len())
    }

    fn dribble(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            self.to.write_all(&[*byte])?;
            self.to.flush()?;
            sleep(Duration::from_millis(3));
        }
        Ok(())
    }
}

fn flipped(bytes: &[u8], start: Option<u64>, fault: Option<Fault>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let (Some(Fault::FlipByte(place)), Some(start)) = (fault, start)
        && let Some(offset) = place.checked_sub(start)
        && let Some(byte) = bytes.get_mut(usize::try_from(offset).unwrap_or(usize::MAX))
    {
        *byte = !*byte;
    }
    bytes
}
