//! What a server says of itself over the replication protocol, where `IDENTIFY_SYSTEM` and `SHOW` are all there is
//! (PostgreSQL docs, "Streaming Replication Protocol"): enough for a role that may do no more than replicate.

use super::PgConnection;
use super::query::first_row;
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, ServerVersion, SystemIdentifier, TimelineId, WalSegmentSize};

/// What a server is, and how far its WAL goes.
#[derive(Debug, Clone)]
pub(crate) struct ServerFacts {
    pub version: ServerVersion,
    pub system: SystemIdentifier,
    pub timeline: TimelineId,
    /// Up to here WAL was flushed, or on a standby replayed.
    pub written: Lsn,
    pub segment_size: WalSegmentSize,
    pub in_recovery: bool,
    /// `off`, `on` or `always`.
    pub archive_mode: String,
}

impl ServerFacts {
    /// Asks over a connection that was opened with [`query::connect_for_replication`](super::query::connect_for_replication).
    pub(crate) fn ask(connection: &mut PgConnection) -> Result<Self> {
        let identity = first_row(connection, "IDENTIFY_SYSTEM")?;
        let field = |column: usize| identity.get(column).cloned().flatten().unwrap_or_default();
        let [system, timeline, written] = [0, 1, 2].map(field);
        let system: u64 = system.parse().map_err(|_| wrong("a system identifier", &system))?;
        let number = timeline.parse().ok().and_then(TimelineId::new);
        let size = show(connection, "wal_segment_size")?;
        let bytes = bytes_of(&size).and_then(|it| u32::try_from(it).ok());
        let segment_size = bytes.and_then(|it| WalSegmentSize::from_bytes(it).ok());
        Ok(Self {
            version: connection.server_version(),
            system: SystemIdentifier(system),
            timeline: number.ok_or_else(|| wrong("a timeline", &timeline))?,
            written: written.parse().map_err(|_| wrong("an LSN", &written))?,
            segment_size: segment_size.ok_or_else(|| wrong("a segment size", &size))?,
            in_recovery: show(connection, "in_hot_standby")? == "on",
            archive_mode: show(connection, "archive_mode")?,
        })
    }
}

/// A setting as the server shows it; empty where it has no value.
pub(crate) fn show(connection: &mut PgConnection, name: &str) -> Result<String> {
    let row = first_row(connection, &format!("SHOW {name}"))?;
    Ok(row.into_iter().next().flatten().unwrap_or_default())
}

/// As `SHOW` writes it: `16MB`, `1GB`.
fn bytes_of(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let unit = match unit {
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// As `SHOW` writes it: `0`, `30s`, `1min`, `2h`, `1d`.
pub(crate) fn seconds_of(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let unit = match unit {
        "" | "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn wrong(what: &str, found: &str) -> Error {
    Error::new(Class::Unreachable, format!("expected {what} from the server, found {found:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_the_server_shows_them() {
        assert_eq!(
            ["0", "30s", "1min", "2h", "1d"].map(seconds_of),
            [Some(0), Some(30), Some(60), Some(7200), Some(86_400)]
        );
        assert_eq!(seconds_of("5ms"), None);
        assert_eq!(["16MB", "1GB"].map(bytes_of), [Some(16 << 20), Some(1 << 30)]);
        assert_eq!(["", "MB", "x", "16kB"].map(bytes_of), [None; 4]);
    }
}
