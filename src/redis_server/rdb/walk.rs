use std::collections::BTreeMap;

use super::END_OPCODE;
use super::grammar::{self, Piece};
use super::length::{self, Length};
use crate::redis_server::keys::Keys;

/// Nobody has more (`databases` is 16 unless set); a hostile file must not fill the memory with them.
const MOST_DATABASES: usize = 100_000;

/// Follows the structure of an RDB file behind its magic, in pieces of any length, and counts its keys.
/// Memory does not grow with the file.
pub struct Walk {
    valkey: bool,
    /// Bytes that were walked over.
    at: u64,
    /// Bytes that are walked over unseen.
    skip: u64,
    /// The beginning of a length that was cut off by the end of a piece.
    held: Vec<u8>,
    /// What is being read, the innermost last.
    stack: Vec<Frame>,
    state: State,
    keys: BTreeMap<u32, Keys>,
    database: u32,
    expires: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Walking,
    /// Behind the opcode of the end, at this distance from the beginning.
    Ended(u64),
    /// At something that is not known.
    Lost,
}

struct Frame {
    pieces: &'static [Piece],
    next: usize,
    /// How many times the pieces still come, this time included.
    left: u64,
}

/// What reading a piece leads to.
enum Effect {
    Skip(u64),
    /// These pieces come next, so many times.
    Enter(&'static [Piece], u64),
    /// These come next, and then the same piece again.
    Again(&'static [Piece]),
}

/// More bytes are needed, or there is nothing like it.
enum Stop {
    More,
    Lost,
}

impl Default for Walk {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Walk {
    pub fn new(valkey: bool) -> Self {
        Self {
            valkey,
            at: 0,
            skip: 0,
            held: Vec::new(),
            stack: Vec::new(),
            state: State::Walking,
            keys: BTreeMap::new(),
            database: 0,
            expires: false,
        }
    }

    /// The distance from the beginning to behind the opcode of the end, once it was seen.
    pub fn end(&self) -> Option<u64> {
        match self.state {
            State::Ended(at) => Some(at),
            State::Walking | State::Lost => None,
        }
    }

    pub fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    pub fn into_keys(self) -> Vec<Keys> {
        self.keys.into_values().collect()
    }

    pub fn feed(&mut self, bytes: &[u8]) {
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
        while self.state == State::Walking {
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
                Err(Stop::Lost) => self.state = State::Lost,
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

    fn enter(&mut self, pieces: &'static [Piece], times: u64) {
        if times > 0 {
            self.stack.push(Frame { pieces, next: 0, left: times });
        }
    }

    fn opcode(&mut self, bytes: &[u8]) -> Result<usize, Stop> {
        let Some((&opcode, rest)) = bytes.split_first() else { return Err(Stop::More) };
        match opcode {
            END_OPCODE => self.state = State::Ended(self.at + 1),
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
                    self.enter(&[Piece::String], 1);
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

fn read(piece: Piece, bytes: &[u8]) -> Result<(usize, Effect), Stop> {
    Ok(match piece {
        Piece::Bytes(length) => (0, Effect::Skip(length)),
        Piece::String => string(bytes)?,
        Piece::Length => (plain(bytes)?.1, Effect::Skip(0)),
        Piece::Score => {
            let length = *bytes.first().ok_or(Stop::More)?;
            (1, Effect::Skip(if length >= 253 { 0 } else { length.into() }))
        }
        Piece::Times(pieces) => {
            let (times, taken) = plain(bytes)?;
            (taken, Effect::Enter(pieces, times))
        }
        Piece::Module => {
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
        Length::Plain(length) | Length::Integer(length) => (taken, Effect::Skip(length)),
        Length::Compressed => {
            let (compressed, more) = plain(&bytes[taken..])?;
            let (_, last) = plain(&bytes[taken + more..])?;
            (taken + more + last, Effect::Skip(compressed))
        }
    })
}

fn plain(bytes: &[u8]) -> Result<(u64, usize), Stop> {
    match any(bytes)? {
        (Length::Plain(number), taken) => Ok((number, taken)),
        _ => Err(Stop::Lost),
    }
}

fn any(bytes: &[u8]) -> Result<(Length, usize), Stop> {
    length::read(bytes).map_err(|()| Stop::Lost)?.ok_or(Stop::More)
}
