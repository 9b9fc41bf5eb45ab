//! The format of RDB files: is it a whole one, and what keys are in it?
//!
//! The checksum proves the bytes where the server writes one; `walk` finds the end where it does not, and
//! counts keys, by the `grammar` of the types. A type that nobody knows yet is no reason to refuse a file with
//! a good checksum.

mod grammar;
mod walk;

pub(super) use walk::RdbWalk;

use std::fmt;

use crc_fast::{CrcAlgorithm, Digest};

use super::keys::Keys;
use super::server::Product;
use crate::error::{Class, Error, Result};

/// `REDIS0011`, or `VALKEY080` from Valkey 9 on.
const MAGIC: usize = 9;
/// The opcode of the end and the checksum.
const END: usize = 9;
const END_OPCODE: u8 = 0xFF;
/// The auxiliary fields that every server writes take some 150 bytes.
const HEAD_BYTES: usize = 1024;
/// Before version 5 there was no checksum.
const OLDEST: u32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RdbChecksum {
    Good,
    /// The server writes none (`rdbchecksum no`).
    SwitchedOff,
}

/// What an RDB file says about itself, once all of it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RdbFacts {
    pub version: RdbVersion,
    pub bytes: u64,
    pub checksum: RdbChecksum,
    /// The keys in it, by database; `None` where it holds types that we do not know.
    pub keys: Option<Vec<Keys>>,
    /// When the server fixed the moment of the data, in seconds since 1970 by its own clock.
    pub ctime: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RdbVersion {
    pub valkey: bool,
    pub number: u32,
}

/// As in the first bytes of the file.
impl fmt::Display for RdbVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.valkey {
            true => write!(f, "VALKEY{:03}", self.number),
            false => write!(f, "REDIS{:04}", self.number),
        }
    }
}

impl RdbVersion {
    fn parse(magic: &[u8]) -> Option<Self> {
        let text = str::from_utf8(magic).ok()?;
        let (valkey, digits) = match text.strip_prefix("VALKEY") {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix("REDIS")?),
        };
        let number =
            digits.parse().ok().filter(|_| digits.bytes().all(|it| it.is_ascii_digit()))?;
        (valkey || number >= OLDEST).then_some(Self { valkey, number })
    }

    /// As a server of this kind and version writes it (`rdb.h` in its source).
    pub fn of_server(product: Product, version: &str) -> Option<Self> {
        let mut numbers = version.split('.').map(|it| it.parse::<u32>().ok());
        let (major, minor) = (numbers.next()??, numbers.next().flatten().unwrap_or(0));
        let redis = |number| Some(Self { valkey: false, number });
        match (product, major, minor) {
            (Product::Valkey, ..9, _) => redis(11),
            (Product::Valkey, ..) => Some(Self { valkey: true, number: 80 }),
            (Product::Redis, ..5, _) => redis(8),
            (Product::Redis, 5 | 6, _) => redis(9),
            (Product::Redis, 7, ..2) => redis(10),
            (Product::Redis, 7, ..4) => redis(11),
            (Product::Redis, ..) => redis(12),
        }
    }

    /// Whether a server that writes this version reads the other: no product reads what is later than its own, and
    /// Valkey nothing of Redis after they parted.
    pub fn reads(self, file: Self) -> bool {
        match (self.valkey, file.valkey) {
            (false, true) => false,
            (true, false) => file.number <= 11,
            _ => file.number <= self.number,
        }
    }

    /// That of a file, by its first bytes.
    pub fn of_file(front: &[u8]) -> Option<Self> {
        Self::parse(front.get(..MAGIC)?)
    }

    /// Whether all that such a file may hold, modules of old apart, is known to [`RdbWalk`].
    fn is_known(self) -> bool {
        if self.valkey { self.number <= 80 } else { self.number <= 12 }
    }
}

/// Checks an RDB file while it comes by, in pieces of any length (`rdb.c` in the source of Redis): where it
/// begins and ends, its CRC-64, and its structure as far as we know the types.
pub struct RdbCheck {
    version: Option<RdbVersion>,
    /// Until the magic is whole.
    front: Vec<u8>,
    digest: Digest,
    /// The last bytes so far: they may be the end, whose checksum does not cover itself.
    tail: Vec<u8>,
    walk: RdbWalk,
    bytes: u64,
    /// What stands before the keys, the moment of the data among it.
    head: Vec<u8>,
}

impl Default for RdbCheck {
    fn default() -> Self {
        Self::new()
    }
}

impl RdbCheck {
    pub fn new() -> Self {
        Self {
            version: None,
            front: Vec::new(),
            digest: Digest::new(CrcAlgorithm::Crc64Redis),
            tail: Vec::with_capacity(2 * END),
            walk: RdbWalk::default(),
            bytes: 0,
            head: Vec::new(),
        }
    }

    /// The next bytes. Foreign data are refused as soon as they are seen.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        let more = bytes.len().min(HEAD_BYTES - self.head.len());
        self.head.extend_from_slice(&bytes[..more]);
        if self.version.is_none() {
            let (more, rest) = bytes.split_at(bytes.len().min(MAGIC - self.front.len()));
            self.front.extend_from_slice(more);
            if self.front.len() < MAGIC {
                return Ok(());
            }
            let version = RdbVersion::parse(&self.front).ok_or_else(|| foreign(&self.front))?;
            self.version = Some(version);
            self.walk = RdbWalk::new(version.valkey);
            self.digest.update(&self.front);
            bytes = rest;
        }
        self.walk.feed(bytes);
        self.add(bytes);
        Ok(())
    }

    /// To the checksum, all but the last bytes.
    fn add(&mut self, bytes: &[u8]) {
        match bytes.len().checked_sub(END) {
            Some(sure) => {
                self.digest.update(&self.tail);
                let (now, later) = bytes.split_at(sure);
                self.digest.update(now);
                self.tail.clear();
                self.tail.extend_from_slice(later);
            }
            None => {
                self.tail.extend_from_slice(bytes);
                let sure = self.tail.len().saturating_sub(END);
                self.digest.update(&self.tail[..sure]);
                self.tail.drain(..sure);
            }
        }
    }

    /// There is no more: is it a whole RDB file?
    pub fn finish(mut self) -> Result<RdbFacts> {
        let version = self.version.ok_or_else(|| foreign(&self.front))?;
        let (opcode, checksum) = match *self.tail.as_slice() {
            [opcode, ref checksum @ ..] if self.tail.len() == END => (opcode, checksum),
            _ => return Err(truncated(self.bytes)),
        };
        let found = checksum.try_into().map_or(0, u64::from_le_bytes);
        self.digest.update(&[opcode]);
        let expected = self.digest.finalize();
        if found != 0 && found != expected {
            if opcode != END_OPCODE {
                return Err(truncated(self.bytes));
            }
            return Err(damaged(format!(
                "expected an RDB file with the CRC-64 {expected:016x}, found {found:016x}"
            )));
        }
        let length = self.bytes - MAGIC as u64;
        let at_end = self.walk.end().is_some_and(|end| end + 8 == length);
        let in_order = if version.is_known() && found == 0 { at_end } else { opcode == END_OPCODE };
        if !in_order {
            return Err(truncated(self.bytes));
        }
        let checksum = if found == 0 { RdbChecksum::SwitchedOff } else { RdbChecksum::Good };
        let keys = at_end.then(|| self.walk.into_keys());
        let ctime = ctime(&self.head);
        Ok(RdbFacts { version, bytes: self.bytes, checksum, keys, ctime })
    }
}

/// An auxiliary field (`0xFA`) of that name with a number of 32 bits.
fn ctime(head: &[u8]) -> Option<i64> {
    const NAME: &[u8] = b"\xfa\x05ctime\xc2";
    let at = head.windows(NAME.len()).position(|it| it == NAME)? + NAME.len();
    let number: [u8; 4] = head.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(number).into())
}

fn foreign(front: &[u8]) -> Error {
    if front.is_empty() {
        return damaged("expected an RDB file, found nothing".to_owned());
    }
    let text = String::from_utf8_lossy(front);
    damaged(format!(
        "expected an RDB file (REDIS and a version), found one that begins with {text:?}"
    ))
}

fn truncated(bytes: u64) -> Error {
    damaged(format!("expected a whole RDB file, found {bytes} bytes that do not end like one"))
}

fn damaged(message: String) -> Error {
    Error::new(Class::Damaged, message)
}

#[cfg(test)]
mod tests;
