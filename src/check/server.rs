//! Asks the PostgreSQL server what it says of itself, and looks at it from here. A server that does not answer is no
//! failure: repositories are judged without it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::config::{Config, Limits};
use crate::data_directory::ready_files;
use crate::doctor::{Ability, Host, Origins, ability};
use crate::error::Error;
use crate::replication::query::first_row;
use crate::replication::{
    Archiver, PgConnection, ServerFacts, ServerSession, variables_name_a_place,
};

/// What came of asking the server.
#[derive(Debug)]
pub enum Asked {
    Answered(Box<Server>),
    /// Why not. `named`: somebody said where it is, so it should answer.
    Silent {
        error: Error,
        named: bool,
    },
}

/// What the server says of itself, and what is seen of it from here.
#[derive(Debug, Clone)]
pub struct Server {
    pub facts: ServerFacts,
    /// Where its settings have their values from.
    pub origins: Origins,
    /// Whether it can run what `archive_command` says.
    pub ability: Ability,
    /// `None` where the role may not ask in SQL.
    pub archiver: Option<Archiver>,
    /// `None` where the role may not see it.
    pub backlog: Option<Backlog>,
}

/// What waits to be archived.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backlog {
    pub files: u64,
    pub oldest: Option<Timestamp>,
}

const BACKLOG: &str = "SELECT count(*), \
     to_char(min(modification) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
     FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";

/// Asks it, over the connection that `postgres.connection` or the `PG…` variables name.
pub fn ask(config: &Config) -> Asked {
    let Limits { connect, request, .. } = config.limits;
    match ServerSession::open(&config.connection, connect, request) {
        Ok(session) => Asked::Answered(Box::new(Server::of(session))),
        Err(error) => Asked::Silent { error, named: is_named(config) },
    }
}

/// Whether somebody said where it is.
pub(super) fn is_named(config: &Config) -> bool {
    !config.connection.is_empty() || variables_name_a_place()
}

impl Server {
    fn of(session: ServerSession) -> Self {
        let ServerSession { mut connection, facts, takes_sql } = session;
        let mut server = Self {
            facts,
            origins: Origins::default(),
            ability: Ability::Able,
            archiver: None,
            backlog: None,
        };
        if takes_sql {
            let origins = Origins::of(&server.facts.settings, &mut connection);
            server.origins = origins.unwrap_or_default();
        }
        server.look_from_here(&connection);
        if takes_sql {
            server.archiver = Archiver::ask(&mut connection).ok();
            server.backlog = server.backlog(&mut connection);
        }
        server
    }

    /// Looked at while the session lives, whose process leads to the server's own.
    fn look_from_here(&mut self, connection: &PgConnection) {
        let settings = &self.facts.settings;
        let host = Host::of_session(connection.backend(), settings.text("data_directory"));
        self.ability = ability(settings.text("archive_command").unwrap_or_default(), &host);
        if let Ok(Host { data_directory: Some(data), .. }) = &host.and_then(Host::among_our_files) {
            self.origins.look(data);
        }
    }

    /// A role that may not list the folder may still belong to somebody who can read it.
    fn backlog(&self, connection: &mut PgConnection) -> Option<Backlog> {
        if let Ok(row) = first_row(connection, BACKLOG) {
            let text = |column: usize| row.get(column).cloned().flatten();
            let files = text(0)?.parse().ok()?;
            return Some(Backlog { files, oldest: text(1).and_then(|text| text.parse().ok()) });
        }
        let pg_wal = self.pg_wal()?;
        std::fs::read_dir(pg_wal.join("archive_status")).ok()?;
        Some(Backlog { files: ready_files(&pg_wal).len() as u64, oldest: None })
    }

    /// As the server names it; `None` where it does not tell.
    pub(super) fn pg_wal(&self) -> Option<PathBuf> {
        let data_directory = self.facts.settings.text("data_directory")?;
        Some(Path::new(data_directory).join("pg_wal"))
    }

    /// Empty where there is none.
    pub(super) fn archive_command(&self) -> &str {
        self.facts.settings.text("archive_command").unwrap_or_default()
    }
}
