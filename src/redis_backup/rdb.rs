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
use super::server_info::Product;
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
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    /// Twelve keys of all types in two databases, as Redis 7.0.15 saved them.
    const SAVED: &str = "\
UkVESVMwMDEw+glyZWRpcy12ZXIGNy4wLjE1+gpyZWRpcy1iaXRzwED6BWN0aW1lwrJtA2v6CHVzZWQtbWVtwqDSEQD6CGFvZi1i\
YXNlwAD+APsKAQIBcwMBYcABAWISAWwBAhAQAAAAAwCBYQKBYgKBYwL/AAFhBWhlbGxvAAFuwTkwEQF6FBQAAAAEAIFhAoMxLjUE\
gWICAgH//Ptn2025AQAAAAF0AXYTAnN0ARAAAAAAAAAAAQAAAAAAAAABKCgAAAAPAAIBAAEBAYFhAgABAgEAAQABgWICBAECAQAB\
AQGBYgIEAf8CAQIBAQAAAgEBZwEBAQEAAAAAAAAAAQAAAAAAAAABHIBkBaIBAAABAQJjMRyAZAWiAQAAAQAAAAAAAAABAAAAAAAA\
AAELAnNpDgIAAAADAAAAAQACAAMAEAFoDQ0AAAACAIFmAoF2Av8AA2JpZ8MMQfQBeHjg/wDg3wABeHj+B/sCAQADaGxsG0hZTEwB\
AAAAAAAAAAAAAIBg84BQsYRL+4BCWvwfkAnaigIAAAABawF2/zwB2Aax3JQF";

    fn saved() -> Vec<u8> {
        BASE64_STANDARD.decode(SAVED).unwrap()
    }

    fn check(bytes: &[u8], piece: usize) -> Result<RdbFacts> {
        let mut check = RdbCheck::new();
        bytes.chunks(piece).try_for_each(|bytes| check.write(bytes))?;
        check.finish()
    }

    fn said(bytes: &[u8]) -> String {
        check(bytes, 64).unwrap_err().to_string()
    }

    /// With the checksum switched off.
    fn without_checksum() -> Vec<u8> {
        let mut bytes = saved();
        let end = bytes.len() - 8;
        bytes[end..].fill(0);
        bytes
    }

    #[test]
    fn a_saved_file_is_good_in_pieces_of_any_length() {
        let keys = vec![
            Keys { database: 0, keys: 10, expires: 1 },
            Keys { database: 7, keys: 2, expires: 1 },
        ];
        let expected = RdbFacts {
            version: RdbVersion { valkey: false, number: 10 },
            bytes: 420,
            checksum: RdbChecksum::Good,
            keys: Some(keys),
            ctime: Some(0x6B03_6DB2),
        };
        for piece in 1..=421 {
            assert_eq!(check(&saved(), piece), Ok(expected.clone()), "pieces of {piece}");
        }
        assert_eq!(expected.version.to_string(), "REDIS0010");
    }

    #[test]
    fn who_reads_what_was_written_by_whom() {
        let of = |product, version| RdbVersion::of_server(product, version).unwrap();
        use Product::{Redis, Valkey};
        for (reader, file, expected) in [
            (of(Redis, "7.0.15"), of(Valkey, "9.1.2"), false),
            (of(Redis, "6.2.14"), of(Redis, "7.0.15"), false),
            (of(Redis, "7.0.15"), of(Redis, "6.2.14"), true),
            (of(Redis, "7.0.15"), of(Redis, "7.2.0"), false),
            (of(Redis, "7.2.4"), of(Valkey, "8.1.8"), true),
            (of(Redis, "8.0.3"), of(Redis, "7.4.1"), true),
            (of(Valkey, "9.0"), of(Redis, "7.2.4"), true),
            (of(Valkey, "9.0"), of(Redis, "7.4.1"), false),
            (of(Valkey, "8.1"), of(Valkey, "9.0"), false),
        ] {
            assert_eq!(reader.reads(file), expected, "{reader} {file}");
        }
        assert_eq!(RdbVersion::of_server(Redis, "unstable"), None);
        assert_eq!(RdbVersion::of_file(b"VALKEY080\xfa").unwrap(), of(Valkey, "9.0"));
        assert_eq!(RdbVersion::of_file(b"REDIS"), None);
    }

    #[test]
    fn every_changed_bit_is_seen() {
        for at in 0..saved().len() * 8 {
            let mut bytes = saved();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(check(&bytes, 100).is_err(), "bit {at}");
        }
    }

    #[test]
    fn every_missing_end_is_seen_with_and_without_a_checksum() {
        for length in 0..saved().len() {
            assert!(check(&saved()[..length], 100).is_err(), "{length} bytes");
            assert!(check(&without_checksum()[..length], 100).is_err(), "{length} bytes");
        }
        let longer = [saved(), b"\n".to_vec()].concat();
        assert!(check(&longer, 100).is_err());
    }

    #[test]
    fn a_file_without_a_checksum_is_told() {
        let facts = check(&without_checksum(), 7).unwrap();
        assert_eq!(facts.checksum, RdbChecksum::SwitchedOff);
        assert_eq!(facts.keys.unwrap().len(), 2);
    }

    #[test]
    fn a_type_of_tomorrow_is_no_reason_to_refuse_a_good_file() {
        let mut bytes = saved();
        bytes[7] = b'9';
        let type_of_the_first_key = bytes.iter().position(|byte| *byte == 0xFB).unwrap() + 3;
        bytes[type_of_the_first_key] = 200;
        let end = bytes.len() - 8;
        let mut digest = Digest::new(CrcAlgorithm::Crc64Redis);
        digest.update(&bytes[..end]);
        bytes[end..].copy_from_slice(&digest.finalize().to_le_bytes());
        let facts = check(&bytes, 64).unwrap();
        assert_eq!((facts.version.number, facts.keys), (90, None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(said(b""), "expected an RDB file, found nothing");
        assert_eq!(
            said(b"HTTP/1.1 200 OK"),
            "expected an RDB file (REDIS and a version), found one that begins with \"HTTP/1.1 \""
        );
        assert_eq!(
            said(b"REDIS0001anything"),
            "expected an RDB file (REDIS and a version), found one that begins with \"REDIS0001\""
        );
        assert_eq!(
            said(&saved()[..300]),
            "expected a whole RDB file, found 300 bytes that do not end like one"
        );
        let mut changed = saved();
        changed[100] ^= 1;
        assert!(
            said(&changed).starts_with("expected an RDB file with the CRC-64 "),
            "{}",
            said(&changed)
        );
        assert!(said(&changed).ends_with(", found 0594dcb106d8013c"), "{}", said(&changed));
    }
}
