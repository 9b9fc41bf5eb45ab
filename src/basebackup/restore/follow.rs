//! Follows a recovery to its end: asks the server how far it is, and goes by the signs on the disk where it does not
//! answer.
//!
//! A server takes no connections before it is consistent, so silence is a failure only when it lasts too long.

use std::time::{Duration, Instant};

use super::recovery_target::in_utc;
use super::server_signs::{Gone, ServerAnswer, ServerRecord, Signs};
use crate::error::{Class, Error, Result};
use crate::postgres::Lsn;
use crate::replication::PgConnection;

const POLL: Duration = Duration::from_millis(200);

/// Who gets no answer says so every so often.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(30);

/// One that lets nobody in, although it takes connections, will not do so later.
const REFUSED: Duration = Duration::from_secs(60);

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
pub enum RecoveryEnd {
    /// It is promoted.
    End,
    /// It waits at its target, unless that is the end of the WAL.
    Pause,
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
pub struct RecoverySpan {
    pub from: Lsn,
    pub to: Lsn,
}

/// What is known of who did not answer.
#[derive(Default)]
struct Silence {
    refused: Option<String>,
    other: bool,
    ready_since: Option<Instant>,
}

/// Watches the recovery of the server on one directory to its end; what any other server says does not count. `told` is how to
/// reach it, where that is known better than by what it has written there.
pub fn follow(
    signs: &mut Signs,
    told: &str,
    span: RecoverySpan,
    until: RecoveryEnd,
    progress: &mut dyn FnMut(&Replay, RecoverySpan),
) -> Result<Recovered> {
    let mut open: Option<PgConnection> = None;
    let (mut silence, mut warned) = (Silence::default(), Instant::now());
    loop {
        let record = signs.record();
        if let (None, Some(record)) = (&open, &record) {
            open = silence.hear(record, told);
        }
        match open.as_mut().map(ask) {
            Some(Ok(replay)) => {
                signs.spoke();
                (silence, warned) = (Silence::default(), Instant::now());
                progress(&replay, span);
                if let Some(recovered) = ended(&replay, until) {
                    return Ok(recovered);
                }
            }
            // It may be restarting its connections; the next try tells.
            Some(Err(_)) => open = None,
            None => {
                let ready = record.as_ref().is_some_and(ServerRecord::is_ready);
                if let Some(recovered) = silence.ended(signs, ready, until)? {
                    return Ok(recovered);
                }
            }
        }
        match signs.gone() {
            Some(Gone::InOrder) if until == RecoveryEnd::Shutdown => {
                return Ok(Recovered::ShutDown);
            }
            Some(Gone::NeverSeen) => return Err(never_came(signs, &silence)),
            Some(_) => return Err(went_down()),
            None => {}
        }
        if let Some(limit) = signs.silent_for_good() {
            return Err(silent(signs, limit));
        }
        // Not consistent yet, it takes no connections; that may last as long as it replays.
        if warned.elapsed() > BETWEEN_WARNINGS {
            warned = Instant::now();
            silence.warn(signs);
        }
        std::thread::sleep(POLL);
    }
}

fn ended(replay: &Replay, until: RecoveryEnd) -> Option<Recovered> {
    match (replay.in_recovery, replay.paused) {
        (false, _) => Some(Recovered::Promoted),
        (true, true) => Some(Recovered::Paused),
        (true, false) => (until == RecoveryEnd::Readers).then_some(Recovered::Follows),
    }
}

impl Silence {
    fn hear(&mut self, record: &ServerRecord, told: &str) -> Option<PgConnection> {
        match record.connect(told) {
            ServerAnswer::Ours(connection) => return Some(connection),
            ServerAnswer::NotYet => self.refused = None,
            ServerAnswer::Refused(why) => self.refused = Some(why),
            ServerAnswer::Other => self.other = true,
        }
        None
    }

    /// What the disk tells where the server can't be asked.
    fn ended(
        &mut self,
        signs: &Signs,
        ready: bool,
        until: RecoveryEnd,
    ) -> Result<Option<Recovered>> {
        if !ready {
            self.ready_since = None;
            return Ok(None);
        }
        let since = *self.ready_since.get_or_insert_with(Instant::now);
        // One that was let in a moment later would have been asked.
        if since.elapsed() < Duration::from_secs(2) {
            return Ok(None);
        }
        if signs.promoted() {
            self.warn(signs);
            return Ok(Some(Recovered::Promoted));
        }
        match &self.refused {
            Some(_) if until == RecoveryEnd::Readers => {
                self.warn(signs);
                Ok(Some(Recovered::Follows))
            }
            Some(why) if until == RecoveryEnd::Pause && since.elapsed() > REFUSED => {
                let message = format!(
                    "the server on {:?} refuses the connection that asks for its position: {why}",
                    signs.data()
                );
                Err(Error::new(Class::Refused, message).hint(
                    "The server runs, and accepts readers. Say how to connect: --postgres-connection 'user=… password=…'.",
                ))
            }
            _ => Ok(None),
        }
    }

    fn warn(&self, signs: &Signs) {
        let data = signs.data();
        match (&self.refused, self.other) {
            (Some(why), _) => tracing::warn!("the server on {data:?} can't be asked: {why}"),
            (None, true) => {
                tracing::warn!(
                    "the server on {data:?} can't be asked: another one answers at the address of postgres.connection"
                );
            }
            (None, false) => tracing::warn!("the server on {data:?} does not answer yet"),
        }
    }
}

fn ask(connection: &mut PgConnection) -> Result<Replay> {
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
    Error::new(Class::Gap, "the server stopped during recovery")
        .hint("Its log says why. PostgreSQL also stops if the WAL ends before the recovery target.")
}

fn never_came(signs: &Signs, silence: &Silence) -> Error {
    let other = if silence.other {
        "; another one answers at the address of postgres.connection"
    } else {
        ""
    };
    let message = format!("no server came up on {:?}{other}", signs.data());
    Error::new(Class::Gap, message)
        .hint("The command that started it uses another directory, or it failed: see its log, and data_directory in postgresql.conf.")
}

fn silent(signs: &Signs, limit: Duration) -> Error {
    let (data, seconds) = (signs.data(), limit.as_secs());
    let message = format!("the server on {data:?} made no progress within {seconds} s");
    Error::new(Class::Unreachable, message).hint(
        "Its log and the list of its processes say what it waits for. --timeout gives it longer.",
    )
}

/// Logs the progress every few seconds.
pub struct ProgressLog {
    begun: Instant,
    said: Instant,
}

impl ProgressLog {
    const BETWEEN_LINES: Duration = Duration::from_secs(5);

    pub fn new() -> Self {
        Self { begun: Instant::now(), said: Instant::now() }
    }

    pub fn at(&mut self, replay: &Replay, span: RecoverySpan) {
        let Some(lsn) = replay.lsn else { return };
        if self.said.elapsed() < Self::BETWEEN_LINES {
            return;
        }
        self.said = Instant::now();
        let done = lsn.0.saturating_sub(span.from.0);
        let rate = (done as f64 / self.begun.elapsed().as_secs_f64()) as u64;
        let left = span.to.0.saturating_sub(lsn.0).checked_div(rate);
        tracing::info!(
            lsn = %lsn,
            reached = replay.time.map(in_utc),
            a_second = %bytesize::ByteSize(rate),
            seconds_left_at_most = left,
            "recovery under way"
        );
    }
}

impl Default for ProgressLog {
    fn default() -> Self {
        Self::new()
    }
}
