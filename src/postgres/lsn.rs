use std::fmt;
use std::str::FromStr;

use super::Malformed;

/// A byte position in the WAL stream, written `16/B374D848`: the high and the low 32 bits in
/// hexadecimal (PostgreSQL documentation, "pg_lsn Type").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Lsn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parse = |half: &str| {
            let hex = (1..=8).contains(&half.len()) && half.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| u64::from_str_radix(half, 16).ok()).flatten()
        };
        text.split_once('/')
            .and_then(|(high, low)| Some(Lsn((parse(high)? << 32) + parse(low)?)))
            .ok_or_else(|| {
                Malformed::new(format!("expected an LSN like 16/B374D848, found {text:?}"))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let lsn = Lsn(0x16_B374_D848);
        assert_eq!(lsn.to_string(), "16/B374D848");
        assert_eq!("16/B374D848".parse(), Ok(lsn));
        assert_eq!("0/0".parse(), Ok(Lsn(0)));
    }

    #[test]
    fn refuses_what_postgres_does_not_write() {
        for text in ["", "16", "16/", "/1", "1/2/3", "+1/2", "123456789/0", "0/xyz"] {
            let error = text.parse::<Lsn>().unwrap_err();
            assert_eq!(error.0, format!("expected an LSN like 16/B374D848, found {text:?}"));
        }
    }
}
