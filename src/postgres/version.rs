//! Which versions of PostgreSQL Seawall supports. Programs, their messages, tests and documents all go by this one
//! constant; what a version outside of it means is decided here, too.

use std::fmt;
use std::ops::RangeInclusive;

macro_rules! supported {
    ($first:literal to $last:literal) => {
        /// Major versions that every test of server behaviour runs on.
        pub const SUPPORTED: RangeInclusive<u32> = $first..=$last;
        /// The same in words.
        pub const SUPPORTED_IN_WORDS: &str = concat!("PostgreSQL ", $first, " to ", $last);
    };
}

supported!(15 to 19);

/// `PG_VERSION_NUM`, like 180006.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    pub fn major(self) -> u32 {
        self.0 / 10_000
    }

    pub fn is_supported(self) -> bool {
        SUPPORTED.contains(&self.major())
    }

    /// The likeliest mend, for a server that is not supported.
    pub fn hint(self) -> &'static str {
        if self.major() < *SUPPORTED.start() {
            "Upgrade the server."
        } else {
            "Install a newer Seawall, one that knows this version of PostgreSQL."
        }
    }
}

/// As PostgreSQL calls itself since version 10.
impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.0 % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_said_as_postgresql_says_them() {
        assert_eq!(ServerVersion(180_006).to_string(), "18.6");
    }

    #[test]
    fn the_words_are_those_of_the_numbers() {
        let (first, last) = (SUPPORTED.start(), SUPPORTED.end());
        assert_eq!(SUPPORTED_IN_WORDS, format!("PostgreSQL {first} to {last}"));
    }

    #[test]
    fn older_and_newer_servers_are_told_apart() {
        let (first, last) = (*SUPPORTED.start(), *SUPPORTED.end());
        let of = |major: u32, minor: u32| ServerVersion(major * 10_000 + minor);
        assert!(of(first, 0).is_supported() && of(last, 99).is_supported());
        assert!(!of(first - 1, 99).is_supported() && !of(last + 1, 0).is_supported());
        assert_eq!(of(first - 1, 99).hint(), "Upgrade the server.");
        assert_eq!(
            of(last + 1, 0).hint(),
            "Install a newer Seawall, one that knows this version of PostgreSQL."
        );
    }
}
