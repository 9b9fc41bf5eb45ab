//! Reads in a server's log how far a recovery came and why it failed, by the English messages of PostgreSQL.
//!
//! A server that goes down tells nobody else. Where `wal-fetch` failed, its exit status, which is in the log, gives the
//! class of the error.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::Class;
use crate::exit_status::STOP_RECOVERY;
use crate::postgres::Lsn;

/// So much of the end of a log is looked at.
const BYTES: u64 = 64 << 10;

/// What a server wrote while it recovered, in English.
pub struct ServerLog(String);

/// Why a server went down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `None` where the text alone says what it was.
    pub class: Option<Class>,
    pub text: String,
    /// What `wal-fetch` advised.
    pub hint: Option<String>,
}

impl ServerLog {
    /// What lies behind the first `skip` bytes, those of another run; nothing where it can't be read.
    pub fn read(path: &Path, skip: u64) -> Self {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(skip.max(length.saturating_sub(BYTES))))?;
            let mut bytes = Vec::new();
            file.take(BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        Self(String::from_utf8_lossy(&read().unwrap_or_default()).into_owned())
    }

    /// Up to where the server said that it replayed (`log_startup_progress_interval`).
    pub fn replayed(&self) -> Option<Lsn> {
        let after = self.0.rsplit_once("current LSN: ")?.1;
        after.split_whitespace().next()?.parse().ok()
    }

    /// Why the server went down; `None` when it wrote nothing about it.
    pub fn reason(&self) -> Option<Reason> {
        let said = |level: &str| self.last(|line| line.split_once(level).map(|(_, text)| text));
        let server = said("PANIC:  ").or_else(|| said("FATAL:  "));
        // wal-fetch says more than the server, which only knows its status.
        let fetching = self.last(|line| line.find("could not fetch ").map(|at| &line[at..]));
        let class = self.class(server);
        let (text, hint) = match fetching {
            Some(fetching) if class.is_some() => {
                fetching.split_once(". HINT: ").map_or((fetching, None), |(a, b)| (a, Some(b)))
            }
            _ => (server?, None),
        };
        Some(Reason { class, text: text.to_owned(), hint: hint.map(str::to_owned) })
    }

    /// It is created in the WAL, and lies where this server does not write, or is not there at all.
    pub fn is_of_new_tablespace(&self) -> bool {
        let texts = ["FATAL:  could not create file \"pg_tblspc/", "Tablespace/CREATE"];
        texts.iter().chain([&": it creates tablespace "]).any(|text| self.0.contains(text))
    }

    fn class(&self, server: Option<&str>) -> Option<Class> {
        if self.0.contains("No space left on device") {
            return Some(Class::LocalFile);
        }
        let target = "recovery ended before configured recovery target";
        if server.is_some_and(|server| server.contains(target)) {
            return Some(Class::Gap);
        }
        self.fetch_status().map(|status| match status {
            3 => Class::Configuration,
            7 => Class::Conflict,
            8 => Class::Unreachable,
            9 => Class::Refused,
            10 => Class::LocalFile,
            11 => Class::Gap,
            _ => Class::Damaged,
        })
    }

    /// The status of `wal-fetch` without what it adds to stop a recovery.
    fn fetch_status(&self) -> Option<u8> {
        let text = self.0.rsplit_once("from archive: child process exited with exit code ")?.1;
        let status: u8 = text.split_whitespace().next()?.parse().ok()?;
        status.checked_sub(STOP_RECOVERY)
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
        let reason = |text: &str| ServerLog(text.to_owned()).reason();
        let gap = "ERROR could not fetch 000000010000000000000004: it is missing. HINT: Look.\n\
                   2026 [1] FATAL:  could not restore file \"000000010000000000000004\" from archive: child process exited with exit code 211\n\
                   2026 [2] FATAL:  the database system is starting up\n";
        let expected = Reason {
            class: Some(Class::Gap),
            text: "could not fetch 000000010000000000000004: it is missing".to_owned(),
            hint: Some("Look.".to_owned()),
        };
        assert_eq!(reason(gap), Some(expected));
        let text = "could not locate a valid checkpoint record";
        let expected = Reason { class: None, text: text.to_owned(), hint: None };
        assert_eq!(reason(&format!("2026 [1] PANIC:  {text}\n")), Some(expected));
        assert_eq!(reason("2026 [2] FATAL:  the database system is shutting down\n"), None);
    }

    #[test]
    fn another_run_and_the_progress_are_told_apart() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let old = "FATAL:  of yesterday\n";
        let new = "LOG:  redo in progress, elapsed time: 5.00 s, current LSN: 0/3000028\n";
        std::fs::write(file.path(), format!("{old}{new}")).unwrap();
        let log = ServerLog::read(file.path(), old.len() as u64);
        assert_eq!((log.replayed(), log.reason()), (Some(Lsn(0x300_0028)), None));
        assert!(ServerLog::read(file.path(), 0).reason().is_some());
        assert_eq!(ServerLog::read(Path::new("/nowhere"), 0).reason(), None);
    }
}
