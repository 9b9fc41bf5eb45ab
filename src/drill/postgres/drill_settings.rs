//! The settings of a drill's server: nobody but the drill reaches it, and it reaches nobody.
//!
//! The backup's own settings are left out, since they may name libraries, files and servers; what recovery
//! demands of a server comes from the control file.

use std::path::Path;

use super::Programs;
use crate::basebackup::restore::{RecoverySettings, quoted, tell_server};
use crate::drill::scratch::check_socket;
use crate::durable;
use crate::error::{Class, Error, Result};

/// Only one server has a folder.
pub(super) const PORT: &str = "5432";

/// The settings of a server that nobody but the drill reaches and that reaches nobody. Those of the backup are
/// left out, all of them: they may name libraries, files and servers.
pub(crate) struct DrillSettings<'a> {
    pub major: u32,
    /// Folder of the socket.
    pub sockets: &'a Path,
    /// In bytes.
    pub shared_buffers: u64,
}

impl DrillSettings<'_> {
    /// Fails where the path of the socket would be too long.
    pub(crate) fn check(&self) -> Result<()> {
        check_socket(&self.sockets.join(format!(".s.PGSQL.{PORT}")))
    }

    /// What makes the server recover.
    pub(crate) fn write_recovery(&self, data: &Path, recovery: &RecoverySettings) -> Result<()> {
        durable::replace(&data.join("postgresql.auto.conf"), b"")?;
        tell_server(data, recovery)
    }

    /// All the rest, once the control file is there.
    pub(crate) fn write(&self, data: &Path, control: &ControlData) -> Result<()> {
        durable::replace(&data.join("postgresql.conf"), self.lines(control).as_bytes())?;
        durable::replace(&data.join("pg_hba.conf"), b"local all all trust\n")?;
        durable::replace(&data.join("pg_ident.conf"), b"")
    }

    fn lines(&self, control: &ControlData) -> String {
        // Of a transaction that was prepared after the backup the control file knows nothing.
        let prepared = control.max_prepared_transactions.max(200).to_string();
        let locks = control.max_locks_per_transaction.max(128).to_string();
        let shared_buffers = format!("{}kB", (self.shared_buffers / 1024).max(128));
        let sockets = self.sockets.display().to_string();
        let settings: &[(&str, &str)] = &[
            ("listen_addresses", ""),
            ("unix_socket_directories", &sockets),
            ("port", PORT),
            ("ssl", "off"),
            ("archive_mode", "off"),
            ("max_prepared_transactions", &prepared),
            ("max_locks_per_transaction", &locks),
            ("max_connections", "50"),
            // A subscription would go on with the server that it subscribes to.
            ("max_logical_replication_workers", "0"),
            // Each origin of the WAL takes one.
            ("max_replication_slots", "1000"),
            // So no number that the WAL demands for readers can stop the recovery.
            ("hot_standby", "off"),
            ("shared_buffers", &shared_buffers),
            ("huge_pages", "off"),
            ("autovacuum", "off"),
            ("restart_after_crash", "off"),
            ("logging_collector", "off"),
            ("log_destination", "stderr"),
            ("log_line_prefix", "%m [%p] "),
            ("log_checkpoints", "off"),
            ("lc_messages", "C"),
            ("lock_timeout", "1min"),
        ];
        let newer: &[(u32, &str, &str)] = &[
            (15, "log_startup_progress_interval", "5s"),
            (17, "event_triggers", "off"),
            (18, "max_active_replication_origins", "1000"),
        ];
        let newer = newer.iter().filter(|(since, ..)| self.major >= *since);
        let all = settings.iter().copied().chain(newer.map(|(_, key, value)| (*key, *value)));
        let lines = all.map(|(key, value)| format!("{key} = '{}'\n", quoted(value)));
        std::iter::once("# Written by basebackup drill\n".to_owned()).chain(lines).collect()
    }
}

/// What the control file demands of a server, as `pg_controldata` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ControlData {
    pub max_prepared_transactions: u32,
    pub max_locks_per_transaction: u32,
    /// Whether pages have checksums.
    pub checksums: bool,
}

impl ControlData {
    pub(crate) fn read(programs: &Programs, data: &Path) -> Result<Self> {
        let output = programs.command("pg_controldata").arg("-D").arg(data).output();
        let program = programs.folder().join("pg_controldata");
        let output = output.map_err(|error| Error::file("run", &program, &error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Self::parse(&text).ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            let message = format!(
                "expected pg_controldata to show the control file of {data:?}, it said {:?}",
                said.trim()
            );
            Error::new(Class::Damaged, message)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let number = |name: &str| -> Option<u32> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.strip_prefix(':')?.trim().parse().ok()
        };
        Some(Self {
            max_prepared_transactions: number("max_prepared_xacts setting")?,
            max_locks_per_transaction: number("max_locks_per_xact setting")?,
            checksums: number("Data page checksum version")? > 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_file_is_satisfied_and_old_servers_know_all_settings() {
        let control = ControlData {
            max_prepared_transactions: 300,
            max_locks_per_transaction: 10,
            checksums: false,
        };
        let private =
            |major| DrillSettings { major, sockets: Path::new("/it's"), shared_buffers: 1 << 20 };
        let lines = private(14).lines(&control);
        assert!(lines.contains("max_prepared_transactions = '300'\n"));
        assert!(lines.contains("max_locks_per_transaction = '128'\n"));
        assert!(lines.contains("shared_buffers = '1024kB'\n"));
        assert!(lines.contains("unix_socket_directories = '/it''s'\n"));
        assert!(!lines.contains("event_triggers") && !lines.contains("log_startup"));
        assert!(private(18).lines(&control).contains("max_active_replication_origins"));
    }

    #[test]
    fn a_long_path_is_refused_before_anything_is_fetched() {
        let sockets = format!("/{}", "x".repeat(92));
        let private =
            |sockets| DrillSettings { major: 18, sockets: Path::new(sockets), shared_buffers: 1 };
        assert_eq!(private(&sockets).check(), Ok(()));
        let longer = format!("{sockets}y");
        assert_eq!(
            private(&longer).check().unwrap_err().to_string(),
            format!(
                "expected a folder in which the path of a socket has at most 107 bytes, found 108: \
                 \"{longer}/.s.PGSQL.5432\". HINT: Name a shorter drill.directory."
            )
        );
    }

    #[test]
    fn its_lines_are_read() {
        let text = "pg_control version number:            1800\n\
                    max_prepared_xacts setting:           7\n\
                    max_locks_per_xact setting:           64\n\
                    Data page checksum version:           1\n";
        let expected = ControlData {
            max_prepared_transactions: 7,
            max_locks_per_transaction: 64,
            checksums: true,
        };
        assert_eq!(ControlData::parse(text), Some(expected));
        assert_eq!(ControlData::parse("pg_control version number: 1800\n"), None);
    }
}
