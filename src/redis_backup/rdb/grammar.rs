//! What follows each opcode and each type of an RDB file (`rdb.h` and `rdb.c` in the sources of Redis 7.4 and
//! Valkey 9).
//!
//! A table instead of a parser: nobody needs the values, only where they end.

use RdbPiece::{Bytes, Length, Module, Score, String, Times};

/// One piece of a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum RdbPiece {
    /// So many bytes.
    Bytes(u64),
    String,
    Length,
    /// A score in text, with its length in one byte; three values of that stand for no number.
    Score,
    /// A length, and so many times the pieces.
    Times(&'static [RdbPiece]),
    /// A module's own values, each with its kind in front.
    Module,
}

const PENDING: RdbPiece = Times(&[Bytes(16), Bytes(8), Length]);
const OWNED: RdbPiece = Times(&[Bytes(16)]);
const ENTRIES: RdbPiece = Times(&[String, String]);

const STREAM: &[RdbPiece] = &[
    ENTRIES,
    Length,
    Length,
    Length,
    Times(&[String, Length, Length, PENDING, Times(&[String, Bytes(8), OWNED])]),
];
/// Five more lengths for the stream, one for each group.
const STREAM_2: &[RdbPiece] =
    &later_stream(&[String, Length, Length, Length, PENDING, Times(&[String, Bytes(8), OWNED])]);
/// A second time for each consumer.
const STREAM_3: &[RdbPiece] = &later_stream(&[
    String,
    Length,
    Length,
    Length,
    PENDING,
    Times(&[String, Bytes(8), Bytes(8), OWNED]),
]);

/// A stream since Redis 7.0, with these pieces for each group.
const fn later_stream(group: &'static [RdbPiece]) -> [RdbPiece; 10] {
    [ENTRIES, Length, Length, Length, Length, Length, Length, Length, Length, Times(group)]
}

/// What is there behind the key of a value of this type.
pub(super) fn value(kind: u8, valkey: bool) -> Option<&'static [RdbPiece]> {
    Some(match kind {
        // A string; or one that packs a whole list, set, sorted set or hash.
        0 | 9..=13 | 16 | 17 | 20 => &[String],
        1 | 2 | 14 => &[Times(&[String])],
        3 => &[Times(&[String, Score])],
        4 => &[Times(&[String, String])],
        5 => &[Times(&[String, Bytes(8)])],
        7 => &[Length, Module],
        15 => STREAM,
        18 => &[Times(&[Length, String])],
        19 => STREAM_2,
        21 => STREAM_3,
        // Fields with an expiry.
        22 if valkey => &[Times(&[String, String, Bytes(8)])],
        24 if !valkey => &[Bytes(8), Times(&[Length, String, String])],
        25 if !valkey => &[Bytes(8), String],
        _ => return None,
    })
}

/// Whether it is a hash that goes with the last of its fields, whose time comes.
pub(super) fn is_volatile(kind: u8, valkey: bool) -> bool {
    if valkey { kind == 22 } else { matches!(kind, 24 | 25) }
}

pub(super) const EXPIRY_SECONDS: u8 = 0xFD;
pub(super) const EXPIRY_MILLISECONDS: u8 = 0xFC;
pub(super) const DATABASE: u8 = 0xFE;

/// What is there behind an opcode that is neither a type nor one of the above nor the end.
pub(super) fn opcode(opcode: u8) -> Option<&'static [RdbPiece]> {
    Some(match opcode {
        0xF4 => &[Length, Length, Length],
        0xF5 => &[String],
        0xF7 => &[Length, Module],
        0xF8 => &[Length],
        0xF9 => &[Bytes(1)],
        0xFA => &[String, String],
        0xFB => &[Length, Length],
        _ => return None,
    })
}

/// What is there behind the kind of a module's value; an empty one ends them.
pub(super) fn module_value(kind: u64) -> Option<&'static [RdbPiece]> {
    Some(match kind {
        0 => &[],
        1 | 2 => &[Length],
        3 => &[Bytes(4)],
        4 => &[Bytes(8)],
        5 => &[String],
        _ => return None,
    })
}
