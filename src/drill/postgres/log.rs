use std::fs;
use std::path::Path;

use crate::error::{Class, Error};
use crate::postgres::Lsn;

/// So much of the end of a log is looked at.
const BYTES: usize = 64 << 10;

/// What a server wrote.
pub(super) struct Log(String);

impl Log {
    pub(super) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_default();
        let end = &bytes[bytes.len().saturating_sub(BYTES)..];
        Self(String::from_utf8_lossy(end).into_owned())
    }

    /// Up to where the server said that it replayed (`log_startup_progress_interval`).
    pub(super) fn replayed(&self) -> Option<Lsn> {
        let after = self.0.rsplit_once("current LSN: ")?.1;
        after.split_whitespace().next()?.parse().ok()
    }

    /// Why the server went down.
    pub(super) fn failure(&self) -> Error {
        let said = |level: &str| self.last(|line| line.split_once(level).map(|(_, text)| text));
        let server = said("PANIC:  ").or_else(|| said("FATAL:  "));
        // wal-fetch says more than the server, which only knows its status.
        let fetching = self.last(|line| line.find("could not fetch ").map(|at| &line[at..]));
        let class = self.class(server);
        let (text, hint) = match (fetching, server) {
            (Some(fetching), _) if class != Class::Damaged || self.stopped_fetching() => {
                fetching.split_once(". HINT: ").map_or((fetching, None), |(a, b)| (a, Some(b)))
            }
            (_, Some(server)) => (server, None),
            (_, None) => ("it wrote nothing about it", None),
        };
        let hint = hint.filter(|_| !self.is_of_new_tablespace()).unwrap_or(self.hint());
        let message = format!("expected the server to recover, it went down: {text}");
        Error::new(class, message).hint(hint)
    }

    fn class(&self, server: Option<&str>) -> Class {
        let server = server.unwrap_or_default();
        if self.0.contains("No space left on device") {
            return Class::LocalFile;
        }
        if server.contains("recovery ended before configured recovery target") {
            return Class::Gap;
        }
        if self.is_of_new_tablespace() {
            return Class::Incomplete;
        }
        match self.fetch_status() {
            Some(3) => Class::Configuration,
            Some(7) => Class::Conflict,
            Some(8) => Class::Unreachable,
            Some(9) => Class::Refused,
            Some(10) => Class::LocalFile,
            Some(11) => Class::Gap,
            _ => Class::Damaged,
        }
    }

    /// The status of `wal-fetch` without what it adds to stop a recovery.
    fn fetch_status(&self) -> Option<u8> {
        let text = self.0.rsplit_once("from archive: child process exited with exit code ")?.1;
        let status: u8 = text.split_whitespace().next()?.parse().ok()?;
        status.checked_sub(crate::exit_status::STOP_RECOVERY)
    }

    fn stopped_fetching(&self) -> bool {
        self.fetch_status().is_some()
    }

    /// It is created in the WAL, and lies where a drill does not write, or is not there at all.
    fn is_of_new_tablespace(&self) -> bool {
        [
            "FATAL:  could not create file \"pg_tblspc/",
            "Tablespace/CREATE",
            ": it creates tablespace ",
        ]
        .iter()
        .any(|text| self.0.contains(text))
    }

    fn hint(&self) -> &'static str {
        if self.is_of_new_tablespace() {
            return "A tablespace was created after the base backup; a drill writes in its own folder only. Take a base \
                    backup, then drill that one.";
        }
        "With --keep the folder stays, and the log of the server in it."
    }

    /// Connections that come too early are no reason.
    fn last<'a>(&'a self, find: impl Fn(&'a str) -> Option<&'a str>) -> Option<&'a str> {
        let lines = self.0.lines().rev().filter(|line| {
            let of_connections =
                ["FATAL:  the database system is", "FATAL:  role \"", "FATAL:  database \""];
            !of_connections.iter().any(|text| line.contains(text))
        });
        lines.filter_map(find).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found() {
        let failure = |text: &str| {
            let error = Log(text.to_owned()).failure();
            (error.class(), error.to_string())
        };
        let gap = "ERROR could not fetch 000000010000000000000004: it is missing. HINT: Look.\n\
                   2026 [1] FATAL:  could not restore file \"000000010000000000000004\" from archive: child process exited with exit code 211\n\
                   2026 [2] FATAL:  the database system is starting up\n";
        assert_eq!(
            failure(gap),
            (
                Class::Gap,
                "expected the server to recover, it went down: could not fetch 000000010000000000000004: it is \
                 missing. HINT: Look."
                    .to_owned()
            )
        );
        let (class, text) =
            failure("2026 [1] PANIC:  could not locate a valid checkpoint record\n");
        assert_eq!(class, Class::Damaged);
        assert!(text.contains("it went down: could not locate a valid checkpoint record. HINT:"));
        assert_eq!(failure("").0, Class::Damaged);
    }

    #[test]
    fn the_progress_is_found() {
        let log =
            Log("LOG:  redo in progress, elapsed time: 5.00 s, current LSN: 0/3000028\n".into());
        assert_eq!(log.replayed(), Some(Lsn(0x3000028)));
    }
}
