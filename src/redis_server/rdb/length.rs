/// A length as RDB files have them, or the special form of a string that stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    Plain(u64),
    /// An integer in so many bytes.
    Integer(u64),
    /// Two lengths follow, compressed and plain, and then the compressed bytes.
    Compressed,
}

/// Reads one from the front of `bytes`, and says how long it was. `Ok(None)`: more bytes are needed;
/// `Err`: there is no such length.
pub fn read(bytes: &[u8]) -> Result<Option<(Length, usize)>, ()> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let low = u64::from(first & 0x3F);
    let number = |length: usize| {
        let digits = rest.get(..length)?;
        let number = digits.iter().fold(0, |number: u64, digit| number << 8 | u64::from(*digit));
        Some((Length::Plain(number), 1 + length))
    };
    Ok(match (first >> 6, first) {
        (0, _) => Some((Length::Plain(low), 1)),
        (1, _) => rest.first().map(|next| (Length::Plain(low << 8 | u64::from(*next)), 2)),
        (_, 0x80) => number(4),
        (_, 0x81) => number(8),
        (_, 0xC0..=0xC2) => Some((Length::Integer(1 << low), 1)),
        (_, 0xC3) => Some((Length::Compressed, 1)),
        _ => return Err(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_once_it_is_whole() {
        for (bytes, expected) in [
            (&[0x05][..], Length::Plain(5)),
            (&[0x41, 0x02], Length::Plain(0x102)),
            (&[0x80, 1, 2, 3, 4], Length::Plain(0x0102_0304)),
            (&[0x81, 0, 0, 0, 1, 0, 0, 0, 0], Length::Plain(1 << 32)),
            (&[0xC0], Length::Integer(1)),
            (&[0xC1], Length::Integer(2)),
            (&[0xC2], Length::Integer(4)),
            (&[0xC3], Length::Compressed),
        ] {
            assert_eq!(read(bytes), Ok(Some((expected, bytes.len()))));
            assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None));
        }
        for wrong in [0x82, 0xBF, 0xC4, 0xFF] {
            assert_eq!(read(&[wrong; 9]), Err(()));
        }
    }
}
