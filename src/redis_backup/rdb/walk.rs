//! Follows the structure of an RDB file, to find its end without a checksum and to count its keys.
//!
//! It comes in pieces of any length and may be larger than the memory, or made by an enemy; so values are
//! stepped over by their lengths, and nothing is held but the place in the structure.

use std::collections::BTreeMap;

use super::END_OPCODE;
use super::grammar::{self, RdbPiece};
use crate::redis_backup::keys::Keys;

/// Nobody has more (`databases` is 16 unless set); a hostile file must not fill the memory with them.
const MOST_DATABASES: usize = 100_000;

/// Follows the structure of an RDB file behind its magic, in pieces of any length, and counts its keys.
/// Memory does not grow with the file.
pub(crate) struct RdbWalk {
    valkey: bool,
    /// Bytes that were walked over.
    at: u64,
    /// Bytes that are walked over unseen.
    skip: u64,
    /// The beginning of a length that was cut off by the end of a piece.
    held: Vec<u8>,
    /// What is being read, the innermost last.
    stack: Vec<WalkFrame>,
    state: WalkState,
    keys: BTreeMap<u32, Keys>,
    database: u32,
    expires: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WalkState {
    Walking,
    /// Behind the opcode of the end, at this distance from the beginning.
    Ended(u64),
    /// At something that is not known.
    Lost,
}

struct WalkFrame {
    pieces: &'static [RdbPiece],
    next: usize,
    /// How many times the pieces still come, this time included.
    left: u64,
}

/// What reading a piece leads to.
enum Effect {
    Skip(u64),
    /// These pieces come next, so many times.
    Enter(&'static [RdbPiece], u64),
    /// These come next, and then the same piece again.
    Again(&'static [RdbPiece]),
}

/// More bytes are needed, or there is nothing like it.
enum Stop {
    More,
    Lost,
}

impl Default for RdbWalk {
    fn default() -> Self {
        Self::new(false)
    }
}

impl RdbWalk {
    pub(crate) fn new(valkey: bool) -> Self {
        Self {
            valkey,
            at: 0,
            skip: 0,
            held: Vec::new(),
            stack: Vec::new(),
            state: WalkState::Walking,
            keys: BTreeMap::new(),
            database: 0,
            expires: false,
        }
    }

    /// The distance from the beginning to behind the opcode of the end, once it was seen.
    pub(crate) fn end(&self) -> Option<u64> {
        match self.state {
            WalkState::Ended(at) => Some(at),
            WalkState::Walking | WalkState::Lost => None,
        }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.state == WalkState::Lost
    }

    pub(crate) fn into_keys(self) -> Vec<Keys> {
        self.keys.into_values().collect()
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.held.is_empty() {
            let left = self.walk(bytes);
            self.held.extend_from_slice(left);
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(bytes);
            let left = self.walk(&joined);
            self.held.extend_from_slice(left);
        }
    }

    /// What is left over needs the bytes behind it.
    fn walk<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while self.state == WalkState::Walking {
            let over = self.skip.min(bytes.len() as u64);
            self.skip -= over;
            self.at += over;
            bytes = &bytes[over as usize..];
            if bytes.is_empty() {
                break;
            }
            match self.step(bytes) {
                Ok(taken) => {
                    self.at += taken as u64;
                    bytes = &bytes[taken..];
                }
                Err(Stop::More) => return bytes,
                Err(Stop::Lost) => self.state = WalkState::Lost,
            }
        }
        &[]
    }

    fn step(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        let Some(frame) = self.stack.last_mut() else { return self.opcode(bytes) };
        let Some(piece) = frame.pieces.get(frame.next) else {
            frame.left -= 1;
            frame.next = 0;
            if frame.left == 0 {
                self.stack.pop();
            }
            return Ok(0);
        };
        let (taken, effect) = read(*piece, bytes)?;
        if !matches!(effect, Effect::Again(_)) {
            frame.next += 1;
        }
        match effect {
            Effect::Skip(bytes) => self.skip = bytes,
            Effect::Enter(pieces, times) => self.enter(pieces, times),
            Effect::Again(pieces) => self.enter(pieces, 1),
        }
        Ok(taken)
    }

    fn enter(&mut self, pieces: &'static [RdbPiece], times: u64) {
        if times > 0 {
            self.stack.push(WalkFrame { pieces, next: 0, left: times });
        }
    }

    fn opcode(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        let Some((&opcode, rest)) = bytes.split_first() else { return Err(Stop::More) };
        match opcode {
            END_OPCODE => self.state = WalkState::Ended(self.at + 1),
            grammar::EXPIRY_SECONDS => (self.skip, self.expires) = (4, true),
            grammar::EXPIRY_MILLISECONDS => (self.skip, self.expires) = (8, true),
            grammar::DATABASE => {
                let (number, taken) = plain(rest)?;
                self.database = u32::try_from(number).map_err(|_| Stop::Lost)?;
                return Ok(1 + taken);
            }
            _ => match (grammar::opcode(opcode), grammar::value(opcode, self.valkey)) {
                (Some(pieces), _) => self.enter(pieces, 1),
                (None, Some(value)) => {
                    self.enter(value, 1);
                    self.enter(&[RdbPiece::String], 1);
                    self.expires |= grammar::is_volatile(opcode, self.valkey);
                    self.count()?;
                }
                (None, None) => return Err(Stop::Lost),
            },
        }
        Ok(1)
    }

    fn count(&mut self) -> Result<(), Stop> {
        let database = self.database;
        if self.keys.len() >= MOST_DATABASES && !self.keys.contains_key(&database) {
            return Err(Stop::Lost);
        }
        let keys = self.keys.entry(database).or_insert(Keys { database, keys: 0, expires: 0 });
        keys.keys += 1;
        keys.expires += u64::from(std::mem::take(&mut self.expires));
        Ok(())
    }
}

fn read(piece: RdbPiece, bytes: &[u8]) -> Result<(usize, Effect), Stop> {
    Ok(match piece {
        RdbPiece::Bytes(length) => (0, Effect::Skip(length)),
        RdbPiece::String => string(bytes)?,
        RdbPiece::Length => (plain(bytes)?.1, Effect::Skip(0)),
        RdbPiece::Score => {
            let length = *bytes.first().ok_or(Stop::More)?;
            (1, Effect::Skip(if length >= 253 { 0 } else { length.into() }))
        }
        RdbPiece::Times(pieces) => {
            let (times, taken) = plain(bytes)?;
            (taken, Effect::Enter(pieces, times))
        }
        RdbPiece::Module => {
            let (kind, taken) = plain(bytes)?;
            match grammar::module_value(kind) {
                None => return Err(Stop::Lost),
                Some([]) => (taken, Effect::Skip(0)),
                Some(pieces) => (taken, Effect::Again(pieces)),
            }
        }
    })
}

fn string(bytes: &[u8]) -> Result<(usize, Effect), Stop> {
    let (length, taken) = any(bytes)?;
    Ok(match length {
        RdbLength::Plain(length) | RdbLength::Integer(length) => (taken, Effect::Skip(length)),
        RdbLength::Compressed => {
            let (compressed, more) = plain(&bytes[taken..])?;
            let (_, last) = plain(&bytes[taken + more..])?;
            (taken + more + last, Effect::Skip(compressed))
        }
    })
}

fn plain(bytes: &[u8]) -> Result<(u64, usize), Stop> {
    match any(bytes)? {
        (RdbLength::Plain(number), taken) => Ok((number, taken)),
        _ => Err(Stop::Lost),
    }
}

fn any(bytes: &[u8]) -> Result<(RdbLength, usize), Stop> {
    read_length(bytes).map_err(|()| Stop::Lost)?.ok_or(Stop::More)
}

/// A length as RDB files have them, or the special form of a string that stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RdbLength {
    Plain(u64),
    /// An integer in so many bytes.
    Integer(u64),
    /// Two lengths follow, compressed and plain, and then the compressed bytes.
    Compressed,
}

/// Reads one from the front of `bytes`, and says how long it was. `Ok(None)`: more bytes are needed;
/// `Err`: there is no such length.
fn read_length(bytes: &[u8]) -> Result<Option<(RdbLength, usize)>, ()> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let low = u64::from(first & 0x3F);
    let number = |length: usize| {
        let digits = rest.get(..length)?;
        let number = digits.iter().fold(0, |number: u64, digit| number << 8 | u64::from(*digit));
        Some((RdbLength::Plain(number), 1 + length))
    };
    Ok(match (first >> 6, first) {
        (0, _) => Some((RdbLength::Plain(low), 1)),
        (1, _) => rest.first().map(|next| (RdbLength::Plain(low << 8 | u64::from(*next)), 2)),
        (_, 0x80) => number(4),
        (_, 0x81) => number(8),
        (_, 0xC0..=0xC2) => Some((RdbLength::Integer(1 << low), 1)),
        (_, 0xC3) => Some((RdbLength::Compressed, 1)),
        _ => return Err(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_once_it_is_whole() {
        for (bytes, expected) in [
            (&[0x05][..], RdbLength::Plain(5)),
            (&[0x41, 0x02], RdbLength::Plain(0x102)),
            (&[0x80, 1, 2, 3, 4], RdbLength::Plain(0x0102_0304)),
            (&[0x81, 0, 0, 0, 1, 0, 0, 0, 0], RdbLength::Plain(1 << 32)),
            (&[0xC0], RdbLength::Integer(1)),
            (&[0xC1], RdbLength::Integer(2)),
            (&[0xC2], RdbLength::Integer(4)),
            (&[0xC3], RdbLength::Compressed),
        ] {
            assert_eq!(read_length(bytes), Ok(Some((expected, bytes.len()))));
            assert_eq!(read_length(&bytes[..bytes.len() - 1]), Ok(None));
        }
        for wrong in [0x82, 0xBF, 0xC4, 0xFF] {
            assert_eq!(read_length(&[wrong; 9]), Err(()));
        }
    }
}
