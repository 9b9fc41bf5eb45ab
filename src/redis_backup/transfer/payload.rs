//! Where the data of a transfer end: after a length, or before a mark.
//!
//! The mark may come in any two pieces, and what looks like its beginning may be data; so as many bytes as it
//! has are held back.

use crate::error::Result;

/// How the data end: known from their first line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// A file of so many bytes.
    Length(u64),
    /// Sent while it is made, with a random mark behind it.
    Mark([u8; 40]),
}

impl Framing {
    /// `$123`, or `$EOF:` and forty bytes.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let text = line.strip_prefix('$')?;
        match text.strip_prefix("EOF:") {
            Some(mark) => mark.as_bytes().try_into().ok().map(Self::Mark),
            None => text.parse().ok().map(Self::Length),
        }
    }
}

/// Looks for the mark behind data of unknown length, in pieces of any length.
pub(super) struct EndMark {
    mark: [u8; 40],
    /// The last bytes that came: data, the mark, or a part of both.
    tail: Vec<u8>,
    given: u64,
}

impl EndMark {
    pub(super) fn new(mark: [u8; 40]) -> Self {
        Self { mark, tail: Vec::with_capacity(2 * mark.len()), given: 0 }
    }

    /// The server sends nothing behind the mark, so it is the end only where it is the last that came.
    pub(super) fn is_reached(&self) -> bool {
        self.tail == self.mark
    }

    /// Bytes of data that were handed on.
    pub(super) fn bytes(&self) -> u64 {
        self.given
    }

    /// Hands on what can't be a part of the mark.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        match bytes.len().checked_sub(self.mark.len()) {
            Some(sure) => {
                self.give(self.tail.len(), sink)?;
                let (now, later) = bytes.split_at(sure);
                self.given += now.len() as u64;
                self.tail.extend_from_slice(later);
                if now.is_empty() { Ok(()) } else { sink(now) }
            }
            None => {
                self.tail.extend_from_slice(bytes);
                self.give(self.tail.len().saturating_sub(self.mark.len()), sink)
            }
        }
    }

    fn give(&mut self, count: usize, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if count > 0 {
            sink(&self.tail[..count])?;
            self.tail.drain(..count);
            self.given += count as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: [u8; 40] = *b"0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_first_line_says_how_the_data_end() {
        let mark = format!("$EOF:{}", str::from_utf8(&MARK).unwrap());
        assert_eq!(Framing::parse("$0"), Some(Framing::Length(0)));
        assert_eq!(Framing::parse("$12345678901"), Some(Framing::Length(12_345_678_901)));
        assert_eq!(Framing::parse(&mark), Some(Framing::Mark(MARK)));
        for wrong in ["", "$", "$-1", "$EOF:", "$EOF:short", "12", "+OK"] {
            assert_eq!(Framing::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_mark_ends_the_data_however_they_are_cut() {
        // A part of the mark within the data is data.
        for data in [&b""[..], b"x", &[&MARK[..39], b"data", &MARK[..20]].concat(), &[7; 300]] {
            let stream = [data, &MARK].concat();
            for piece in 1..=stream.len() {
                let (mut end, mut found) = (EndMark::new(MARK), Vec::new());
                for (at, bytes) in stream.chunks(piece).enumerate() {
                    let last = (at + 1) * piece >= stream.len();
                    let mut sink = |bytes: &[u8]| {
                        found.extend_from_slice(bytes);
                        Ok(())
                    };
                    end.write(bytes, &mut sink).unwrap();
                    assert_eq!(end.is_reached(), last);
                }
                assert_eq!((end.bytes(), &found[..]), (data.len() as u64, data), "{piece}");
            }
        }
    }
}
