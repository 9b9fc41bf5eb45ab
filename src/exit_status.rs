//! Which exit status PostgreSQL, a script or a person gets for an outcome.
//!
//! Measured on PostgreSQL 15 to 19: the archiver counts 1 to 125 as a failure and dies of more;
//! recovery takes 1 to 125 of `restore_command` as the end of the WAL and stops for more.

use crate::error::Class;

pub const DONE: u8 = 0;
/// `wal-fetch` only: every repository answered, none has the file, and nothing says it is missing.
pub const NOT_IN_ARCHIVE: u8 = 1;
/// What `wal-fetch` adds so that PostgreSQL refuses to go on instead of taking the end of the WAL
/// as reached.
pub const STOP_RECOVERY: u8 = 200;

/// What `seawall check` and `seawall doctor` say, as monitoring plugins do: 1 something should be looked at, 2
/// something is wrong, 3 it is not known.
pub const WARNING: u8 = 1;
pub const CRITICAL: u8 = 2;
pub const UNKNOWN: u8 = 3;

/// The status of a failure: from 2 to 125, so that PostgreSQL's archiver tries again.
pub fn of(class: Class) -> u8 {
    match class {
        Class::Usage => 2,
        Class::Configuration => 3,
        Class::Incomplete => 4,
        Class::Damaged => 5,
        Class::Input => 6,
        Class::Conflict => 7,
        Class::Unreachable => 8,
        Class::Refused => 9,
        Class::LocalFile => 10,
        Class::Gap => 11,
        Class::Internal => 50,
    }
}

/// The status of a failed `wal-fetch`. A standby (`standby.signal`) asks again after any status up
/// to 125, without ever taking the archive as ended, and shuts down after a higher one. So there
/// every failure is worth another try: an administrator mends the file or the credentials and the
/// standby goes on by itself. A server that was promoted just now, and asks for a history, lives on too.
pub fn of_fetch(class: Class, lives_on: bool) -> u8 {
    if lives_on { of(class) } else { STOP_RECOVERY + of(class) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Class; 11] = [
        Class::Usage,
        Class::Configuration,
        Class::Incomplete,
        Class::Damaged,
        Class::Input,
        Class::Conflict,
        Class::Unreachable,
        Class::Refused,
        Class::LocalFile,
        Class::Gap,
        Class::Internal,
    ];

    #[test]
    fn no_failure_of_a_push_kills_the_archiver_or_looks_like_not_in_archive() {
        for class in ALL {
            assert!((2..=125).contains(&of(class)), "{class:?}");
        }
    }

    #[test]
    fn every_failure_of_a_fetch_stops_recovery_unless_a_standby_asks() {
        for class in ALL {
            assert!(of_fetch(class, false) >= 200, "{class:?}");
            assert!((2..=125).contains(&of_fetch(class, true)), "{class:?}");
        }
    }
}
