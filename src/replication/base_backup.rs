//! The `BASE_BACKUP` command of the replication protocol (PostgreSQL docs, "Streaming Replication
//! Protocol"), as it is since PostgreSQL 15: all archives come in one copy.

use super::connection::{CommandAnswer, PgConnection, Rows};
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, SUPPORTED_IN_WORDS, TimelineId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    Fast,
    /// As slowly as `checkpoint_completion_target` says.
    Spread,
}

#[derive(Debug, Clone)]
pub struct BaseBackupOptions {
    /// Stands in `backup_label`.
    pub label: String,
    pub checkpoint: Checkpoint,
    /// KiB a second, 32 to 1048576.
    pub rate_limit: Option<u32>,
    /// Whether the WAL that is needed to make it consistent comes too.
    pub with_wal: bool,
}

/// A tablespace as the server lists it. The data directory itself has neither number nor location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentTablespace {
    pub oid: Option<u32>,
    pub location: Option<String>,
    /// Estimate in KiB.
    pub size: Option<u64>,
}

/// A place in the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WalPosition {
    pub lsn: Lsn,
    pub timeline: TimelineId,
}

/// What the server sends, in its order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BaseBackupPiece<'a> {
    /// A tar archive begins: of the tablespace of that number, or of the data directory.
    Archive(Option<u32>),
    /// The next bytes of that archive.
    Data(&'a [u8]),
    /// The next bytes of `backup_manifest`, after all archives.
    Manifest(&'a [u8]),
}

/// How a base backup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BaseBackupEnd {
    /// The WAL up to here is needed to make the files consistent.
    pub position: WalPosition,
    /// Whether the server found pages whose checksum is wrong. The server's log names them.
    pub checksum_failures: bool,
}

/// A base backup under way. Dropping the connection makes the server end it.
pub(crate) struct BaseBackupStream<'a> {
    connection: &'a mut PgConnection,
    pub start: WalPosition,
    pub tablespaces: Vec<SentTablespace>,
}

impl<'a> BaseBackupStream<'a> {
    /// Returns when the server has made its checkpoint.
    pub(crate) fn start(
        connection: &'a mut PgConnection,
        options: &BaseBackupOptions,
    ) -> Result<Self> {
        connection.send(&command(options))?;
        let start = position(&rows(connection)?)?;
        let tablespaces = rows(connection)?.0.iter().map(|row| tablespace(row)).collect();
        Ok(Self { connection, start, tablespaces })
    }

    /// Shows `visit` everything, and returns how it ended.
    pub(crate) fn read(
        self,
        visit: &mut dyn FnMut(BaseBackupPiece<'_>) -> Result<()>,
    ) -> Result<BaseBackupEnd> {
        begin_copy(self.connection)?;
        read_copy(self.connection, visit)?;
        // The copy is followed by an answer of its own.
        let end = loop {
            match self.connection.next_answer()? {
                Some(CommandAnswer::Rows(rows)) => break position(&rows)?,
                Some(CommandAnswer::Done) => {}
                other => return Err(unexpected("the end position", &format!("{other:?}"))),
            }
        };
        let checksum_failures = checksum_failures(self.connection)?;
        Ok(BaseBackupEnd { position: end, checksum_failures })
    }
}

/// The server reports wrong checksums as an error, after it has sent everything.
fn checksum_failures(connection: &mut PgConnection) -> Result<bool> {
    let mut found = false;
    loop {
        match connection.next_answer() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(found),
            Err(error) if error.class() == Class::Damaged => found = true,
            Err(error) => return Err(error),
        }
    }
}

/// Each message of the copy begins with its type.
fn read_copy(
    connection: &mut PgConnection,
    visit: &mut dyn FnMut(BaseBackupPiece<'_>) -> Result<()>,
) -> Result<()> {
    let mut in_manifest = false;
    let mut message = |message: &[u8]| match message.split_first() {
        Some((b'n', rest)) => visit(BaseBackupPiece::Archive(archive_number(rest)?)),
        Some((b'd', data)) if in_manifest => visit(BaseBackupPiece::Manifest(data)),
        Some((b'd', data)) => visit(BaseBackupPiece::Data(data)),
        Some((b'm', _)) => {
            in_manifest = true;
            Ok(())
        }
        // Progress, which we count ourselves.
        Some((b'p', _)) => Ok(()),
        other => {
            Err(unexpected("a message of a base backup", &format!("{:?}", other.map(|it| it.0))))
        }
    };
    while let Some(visited) = connection.copy_data(&mut message)? {
        visited?;
    }
    Ok(())
}

/// `base.tar`, or `16385.tar` for a tablespace; a zero byte ends it.
fn archive_number(name: &[u8]) -> Result<Option<u32>> {
    let name = name.split(|byte| *byte == 0).next().and_then(|name| str::from_utf8(name).ok());
    match name.and_then(|name| name.strip_suffix(".tar")) {
        Some("base") => Ok(None),
        Some(number) if number.parse::<u32>().is_ok() => Ok(number.parse().ok()),
        _ => Err(unexpected("the name of an archive", &format!("{name:?}"))),
    }
}

fn begin_copy(connection: &mut PgConnection) -> Result<()> {
    loop {
        match connection.next_answer()? {
            Some(CommandAnswer::CopyOut) => return Ok(()),
            Some(CommandAnswer::Done) => {}
            other => return Err(unexpected("the data of the backup", &format!("{other:?}"))),
        }
    }
}

fn rows(connection: &mut PgConnection) -> Result<Rows> {
    match connection.next_answer()? {
        Some(CommandAnswer::Rows(rows)) => Ok(rows),
        other => Err(unexpected("rows", &format!("{other:?}"))),
    }
}

fn position(rows: &Rows) -> Result<WalPosition> {
    let field = |column: usize| rows.0.first()?.get(column)?.as_deref();
    let lsn = field(0).and_then(|text| text.parse().ok());
    let timeline = field(1).and_then(|text| text.parse().ok()).and_then(TimelineId::new);
    match (lsn, timeline) {
        (Some(lsn), Some(timeline)) => Ok(WalPosition { lsn, timeline }),
        _ => Err(unexpected("a position in the WAL", &format!("{rows:?}"))),
    }
}

fn tablespace(row: &[Option<String>]) -> SentTablespace {
    let field = |column: usize| row.get(column).and_then(Option::as_deref);
    SentTablespace {
        oid: field(0).and_then(|text| text.parse().ok()),
        location: field(1).map(str::to_owned),
        size: field(2).and_then(|text| text.parse().ok()),
    }
}

fn command(options: &BaseBackupOptions) -> String {
    let label = format!("LABEL '{}'", options.label.replace('\'', "''"));
    let checkpoint = match options.checkpoint {
        Checkpoint::Fast => "CHECKPOINT 'fast'",
        Checkpoint::Spread => "CHECKPOINT 'spread'",
    };
    let always = [&label, "PROGRESS", checkpoint, "WAIT false", "MANIFEST 'yes'", "TABLESPACE_MAP"];
    let wal = options.with_wal.then(|| "WAL".to_owned());
    let rate = options.rate_limit.map(|rate| format!("MAX_RATE {rate}"));
    let all: Vec<String> = always.into_iter().map(str::to_owned).chain(wal).chain(rate).collect();
    format!("BASE_BACKUP ({})", all.join(", "))
}

fn unexpected(expected: &str, found: &str) -> Error {
    Error::new(Class::Unreachable, format!("expected {expected} from the server, found {found}"))
        .hint(format!("Is it {SUPPORTED_IN_WORDS}, without a pooler in between?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_every_option() {
        let all = BaseBackupOptions {
            label: "it's".to_owned(),
            checkpoint: Checkpoint::Fast,
            rate_limit: Some(1024),
            with_wal: true,
        };
        assert_eq!(
            command(&all),
            "BASE_BACKUP (LABEL 'it''s', PROGRESS, CHECKPOINT 'fast', WAIT false, MANIFEST 'yes', \
             TABLESPACE_MAP, WAL, MAX_RATE 1024)"
        );
        let few = BaseBackupOptions {
            checkpoint: Checkpoint::Spread,
            rate_limit: None,
            with_wal: false,
            ..all
        };
        assert_eq!(
            command(&few),
            "BASE_BACKUP (LABEL 'it''s', PROGRESS, CHECKPOINT 'spread', WAIT false, MANIFEST 'yes', \
             TABLESPACE_MAP)"
        );
    }

    #[test]
    fn archives_are_known_by_their_names() {
        assert_eq!(archive_number(b"base.tar\0\0"), Ok(None));
        assert_eq!(archive_number(b"16385.tar\0/ts\0"), Ok(Some(16385)));
        assert!(archive_number(b"pg_wal.tar\0").is_err());
    }
}
