use std::fmt;
use std::str::FromStr;

use crate::postgres::Malformed;

/// BLAKE3 of the plain content of a file, 64 hexadecimal digits. Of the plain content, so that the
/// same file is recognised whatever it was compressed or encrypted with; BLAKE3, because hashing a
/// segment must not cost more than compressing it (3 ms for 16 MiB here, SHA-256 12 to 90 ms).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(blake3::Hash);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub fn of_hasher(hasher: &blake3::Hasher) -> Self {
        Self(hasher.finalize())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

impl FromStr for Digest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        blake3::Hash::from_hex(text).map(Self).map_err(|_| {
            Malformed::new(format!("expected a digest of 64 hexadecimal digits, found {text:?}"))
        })
    }
}
