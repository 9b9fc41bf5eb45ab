//! The checksums of a manifest's files: which kind there is, what a manifest says, and summing a file piece by
//! piece.
//!
//! All kinds that a server can be told to use are here, because a backup may come from any tool that speaks the
//! protocol.

use std::fmt;

use sha2::digest::DynDigest;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::postgres::Malformed;

/// How the files of a backup are summed (`checksum_helper.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    None,
    Crc32c,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl ChecksumAlgorithm {
    const ALL: [Self; 6] =
        [Self::None, Self::Crc32c, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name in the manifest, in any case, as `pg_checksum_parse_type` takes it.
    pub fn parse(name: &str) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            Malformed::new(format!("expected a checksum algorithm like CRC32C, found {name:?}"))
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Crc32c => "CRC32C",
            Self::Sha224 => "SHA224",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
        }
    }

    /// Length of a checksum in bytes.
    fn bytes(self) -> usize {
        match self {
            Self::None => 0,
            Self::Crc32c => 4,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub fn hasher(self) -> ChecksumHasher {
        let sha: Box<dyn DynDigest + Send> = match self {
            Self::None => return ChecksumHasher(HasherState::None),
            Self::Crc32c => {
                let digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
                return ChecksumHasher(HasherState::Crc32c(Box::new(digest)));
            }
            Self::Sha224 => Box::new(Sha224::default()),
            Self::Sha256 => Box::new(Sha256::default()),
            Self::Sha384 => Box::new(Sha384::default()),
            Self::Sha512 => Box::new(Sha512::default()),
        };
        ChecksumHasher(HasherState::Sha(self, sha))
    }
}

/// The checksum of one file. Shown as in `CRC32C 671b9040`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChecksum {
    pub algorithm: ChecksumAlgorithm,
    digest: Box<[u8]>,
}

impl FileChecksum {
    /// From what a manifest says; both are absent where the backup was taken without checksums.
    pub(super) fn parse(name: Option<&str>, digits: Option<&str>) -> Result<Self, Malformed> {
        let algorithm = name.map_or(Ok(ChecksumAlgorithm::None), ChecksumAlgorithm::parse)?;
        let digits = digits.unwrap_or_default();
        let digest = bytes_of_hex(digits).filter(|digest| digest.len() == algorithm.bytes());
        let digest = digest.ok_or_else(|| {
            Malformed::new(format!(
                "expected a {} checksum of {} hexadecimal digits, found {digits:?}",
                algorithm.name(),
                2 * algorithm.bytes()
            ))
        })?;
        Ok(Self { algorithm, digest })
    }

    /// The digits, as the manifest has them.
    pub(super) fn digits(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether there is one at all.
    pub fn proves(&self) -> bool {
        self.algorithm != ChecksumAlgorithm::None
    }
}

impl fmt::Display for FileChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.algorithm {
            ChecksumAlgorithm::None => f.write_str("no checksum"),
            algorithm => write!(f, "{} {}", algorithm.name(), self.digits()),
        }
    }
}

/// The bytes that pairs of hexadecimal digits stand for.
pub(super) fn bytes_of_hex(digits: &str) -> Option<Box<[u8]>> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

/// Sums a file piece by piece.
pub struct ChecksumHasher(HasherState);

enum HasherState {
    None,
    Crc32c(Box<crc_fast::Digest>),
    Sha(ChecksumAlgorithm, Box<dyn DynDigest + Send>),
}

impl ChecksumHasher {
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            HasherState::None => {}
            HasherState::Crc32c(sum) => sum.update(bytes),
            HasherState::Sha(_, digest) => digest.update(bytes),
        }
    }

    pub fn finish(self) -> FileChecksum {
        let (algorithm, digest): (_, Box<[u8]>) = match self.0 {
            HasherState::None => (ChecksumAlgorithm::None, Box::default()),
            // The server writes the four bytes as they lie in its memory (`pg_checksum_final`).
            HasherState::Crc32c(sum) => (
                ChecksumAlgorithm::Crc32c,
                (crc_fast::Digest::finalize(&sum) as u32).to_le_bytes().into(),
            ),
            HasherState::Sha(algorithm, digest) => (algorithm, digest.finalize()),
        };
        FileChecksum { algorithm, digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(algorithm: ChecksumAlgorithm, content: &[u8]) -> String {
        let mut hasher = algorithm.hasher();
        content.chunks(3).for_each(|piece| hasher.update(piece));
        hasher.finish().to_string()
    }

    /// The CRC is from a manifest of PostgreSQL 15, the others are from `shaXXXsum`.
    #[test]
    fn sums_as_postgres_does() {
        let version = b"15\n";
        for (algorithm, expected) in [
            (ChecksumAlgorithm::None, "no checksum"),
            (ChecksumAlgorithm::Crc32c, "CRC32C 8a744722"),
            (
                ChecksumAlgorithm::Sha224,
                "SHA224 33d5f71bef0638fb2aa65a5d48851e6a3117148795b7f7b4dab02a82",
            ),
            (
                ChecksumAlgorithm::Sha256,
                "SHA256 238903180cc104ec2c5d8b3f20c5bc61b389ec0a967df8cc208cdc7cd454174f",
            ),
            (
                ChecksumAlgorithm::Sha384,
                "SHA384 11a0ed6cd0c92730513645e837b6a41617cebec8b8c5e0f52ae446a66beac2cf78e10b8345372b028928e3b08ea8fe80",
            ),
            (
                ChecksumAlgorithm::Sha512,
                "SHA512 a475fa35e5e301a8b099d1752287bce07bf1ec88c984c71a18f2055033ecc9467f3642cd2184d5517a487b89e9ee828d4c0d4bccb3ad19c5d08e862afb16c2a5",
            ),
        ] {
            assert_eq!(sum(algorithm, version), expected);
            let read = expected.split_once(' ').filter(|_| algorithm != ChecksumAlgorithm::None);
            let read = FileChecksum::parse(read.map(|it| it.0), read.map(|it| it.1)).unwrap();
            assert_eq!(read.to_string(), expected);
        }
    }

    #[test]
    fn refuses_what_is_no_checksum() {
        for (name, digits, expected) in [
            ("MD5", "", "expected a checksum algorithm like CRC32C, found \"MD5\""),
            (
                "CRC32C",
                "8a7447",
                "expected a CRC32C checksum of 8 hexadecimal digits, found \"8a7447\"",
            ),
            (
                "crc32c",
                "8a74472",
                "expected a CRC32C checksum of 8 hexadecimal digits, found \"8a74472\"",
            ),
            (
                "CRC32C",
                "8a74472x",
                "expected a CRC32C checksum of 8 hexadecimal digits, found \"8a74472x\"",
            ),
            (
                "CRC32C",
                "+a744722",
                "expected a CRC32C checksum of 8 hexadecimal digits, found \"+a744722\"",
            ),
        ] {
            assert_eq!(FileChecksum::parse(Some(name), Some(digits)).unwrap_err().0, expected);
        }
        assert!(!FileChecksum::parse(None, None).unwrap().proves());
    }
}
