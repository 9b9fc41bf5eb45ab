use std::time::{Duration, Instant};

use super::server::Gone;
use super::target::in_utc;
use crate::error::{Class, Error, Result};
use crate::postgres::Lsn;
use crate::replication::Connection;

const POLL: Duration = Duration::from_millis(200);

/// A server that is asked for its progress answers at once, or it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a recovery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// It takes writes.
    Promoted,
    /// It waits at its target, read-only.
    Paused,
    /// It reached its target and went down, as it was asked to.
    ShutDown,
    /// It is a standby, and takes readers.
    Follows,
}

/// What a server does that recovers as it was told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// It is promoted, or pauses.
    End,
    /// It goes down.
    Shutdown,
    /// It takes readers. As a standby it goes on for ever.
    Readers,
}

/// What a server says of its recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    pub in_recovery: bool,
    pub paused: bool,
    pub lsn: Option<Lsn>,
    /// Time of the last transaction that was replayed.
    pub time: Option<jiff::Timestamp>,
}

/// Where a recovery begins and up to where there is WAL.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub from: Lsn,
    pub to: Lsn,
}

/// Watches a recovery to its end. `connection` gives the address once it is known; `gone` says whether and how the
/// server went down.
pub fn follow(
    connection: &mut dyn FnMut() -> Option<String>,
    gone: &mut dyn FnMut() -> Option<Gone>,
    way: Way,
    until: Until,
    progress: &mut dyn FnMut(&Replay, Way),
) -> Result<Recovered> {
    let mut open = None;
    let mut seen = false;
    let mut last = Instant::now();
    loop {
        if open.is_none() {
            open = connection().and_then(|text| connect(&text));
        }
        match open.as_mut().map(ask) {
            Some(Ok(replay)) => {
                (seen, last) = (true, Instant::now());
                progress(&replay, way);
                if !replay.in_recovery {
                    return Ok(Recovered::Promoted);
                }
                if replay.paused {
                    return Ok(Recovered::Paused);
                }
                if until == Until::Readers {
                    return Ok(Recovered::Follows);
                }
            }
            // It may be restarting its connections; the next try tells.
            Some(Err(_)) => open = None,
            None => {}
        }
        match gone() {
            Some(Gone::InOrder) if until == Until::Shutdown => return Ok(Recovered::ShutDown),
            Some(_) => return Err(went_down()),
            None => {}
        }
        // Not consistent yet, it takes no connections; that may last as long as it replays.
        if seen && last.elapsed() > PATIENCE {
            last = Instant::now();
            tracing::warn!("the server does not answer");
        }
        std::thread::sleep(POLL);
    }
}

fn connect(text: &str) -> Option<Connection> {
    let more = [("fallback_application_name", "seawall"), ("connect_timeout", "2")];
    Connection::open(text, &more, PATIENCE).ok()
}

fn ask(connection: &mut Connection) -> Result<Replay> {
    let rows = connection.query(
        "SELECT pg_is_in_recovery(), \
         CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() = 'paused' ELSE false END, \
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END, \
         to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    )?;
    let row = rows.0.first();
    let field = |column: usize| row.and_then(|row| row.get(column)).and_then(Option::as_deref);
    Ok(Replay {
        in_recovery: field(0) != Some("f"),
        paused: field(1) == Some("t"),
        lsn: field(2).and_then(|text| text.parse().ok()),
        time: field(3).and_then(|text| text.parse().ok()),
    })
}

fn went_down() -> Error {
    Error::new(Class::Gap, "expected the server to recover, it went down")
        .hint("Its log says why; with a target that it did not find it refuses to end.")
}

/// Logs the progress every few seconds.
pub struct Told {
    begun: Instant,
    said: Instant,
}

impl Told {
    const BETWEEN_LINES: Duration = Duration::from_secs(5);

    pub fn new() -> Self {
        Self { begun: Instant::now(), said: Instant::now() }
    }

    pub fn at(&mut self, replay: &Replay, way: Way) {
        let Some(lsn) = replay.lsn else { return };
        if self.said.elapsed() < Self::BETWEEN_LINES {
            return;
        }
        self.said = Instant::now();
        let done = lsn.0.saturating_sub(way.from.0);
        let rate = (done as f64 / self.begun.elapsed().as_secs_f64()) as u64;
        let left = way.to.0.saturating_sub(lsn.0).checked_div(rate);
        tracing::info!(
            lsn = %lsn,
            reached = replay.time.map(in_utc),
            a_second = %bytesize::ByteSize(rate),
            seconds_left_at_most = left,
            "recovery under way"
        );
    }
}

impl Default for Told {
    fn default() -> Self {
        Self::new()
    }
}
