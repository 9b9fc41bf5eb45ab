//! The PostgreSQL server: its settings, the role that Seawall comes as, and what archives its WAL.
//!
//! Here it is asked, once, before anything is judged, so all findings go by the same answers. `host` finds its process;
//! `settings_and_role` and `archiving` (with `program`) judge.

mod archiving;
mod host;
mod program;
mod settings_and_role;

use std::path::Path;

use jiff::Timestamp;

use super::finding::{Diagnosis, Mend, Section, Severity};
use crate::config::Config;
use crate::doctor::Origins;
use crate::error::{Class, Error, Result};
use crate::postgres::ServerVersion;
use crate::replication::query::{self, first_row};
use crate::replication::{Archiver, PgConnection, ServerSettings};

pub use host::{Host, Unseen};
pub use program::{Ability, ability};

/// What else needs to be known of a server that was looked at.
pub struct SeenServer {
    pub host: Result<Host, Unseen>,
    pub in_recovery: bool,
}

/// Looks at the server. `file` is the configuration file in use.
pub fn server(config: &Config, file: Option<&Path>) -> (Section, Option<SeenServer>) {
    let asked = query::connect(&config.connection, config.limits.connect).and_then(|mut it| {
        let mut facts = ServerAnswers::ask(&mut it)?;
        // With the connection the process of the session ends.
        let host = Host::of_session(facts.backend, facts.settings.text("data_directory"));
        let ability = ability(facts.settings.text("archive_command").unwrap_or_default(), &host);
        let host = host.and_then(Host::among_our_files);
        if let Ok(Host { data_directory: Some(data), .. }) = &host {
            facts.origins.look(data);
        }
        Ok((facts, host, ability))
    });
    let (facts, host, ability) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            let about = "server".to_owned();
            return (Section { about, findings: vec![not_seen(&error)] }, None);
        }
    };
    let mut findings = settings_and_role::settings(&facts, config);
    findings.extend(archiving::archiving(&facts, &host, &ability, file));
    findings.extend(settings_and_role::role(&facts, config));
    for finding in findings.iter_mut().filter(|it| it.verdict >= Severity::Warning) {
        let name = finding.what.split(':').next().unwrap_or_default();
        finding.set_in = facts.origins.set_in(name);
    }
    let about = format!("server, PostgreSQL {}", facts.version);
    let server = SeenServer { host, in_recovery: facts.in_recovery };
    (Section { about, findings }, Some(server))
}

/// On most hosts root is no role of the server's.
fn not_seen(error: &Error) -> Diagnosis {
    let found = error.to_string();
    let refused = error.class() == Class::Refused;
    if refused && rustix::process::geteuid().is_root() {
        return Diagnosis::problem("connection", found)
            .mend(Mend::Shell("sudo -u postgres seawall doctor".to_owned()));
    }
    if refused {
        Diagnosis::problem("connection", found)
    } else {
        Diagnosis::unknown("connection", found)
    }
}

const ROLE: &str = "select rolname, rolsuper, rolreplication, \
    pg_has_role(oid, 'pg_monitor', 'usage') from pg_roles where rolname = current_user";

const STATE: &str = "select pg_backend_pid(), pg_is_in_recovery(), \
    (select count(*) from pg_stat_replication), \
    (extract(epoch from clock_timestamp()) * 1000)::bigint";

/// What the server says of itself.
struct ServerAnswers {
    pub version: ServerVersion,
    pub settings: ServerSettings,
    pub origins: Origins,
    pub role: String,
    pub superuser: bool,
    pub replication: bool,
    pub monitor: bool,
    /// Process id of our own session.
    pub backend: u32,
    pub in_recovery: bool,
    /// WAL senders at work.
    pub senders: u64,
    /// The server's clock before ours, in milliseconds.
    pub clock_ahead: i64,
    pub archiver: Archiver,
}

impl ServerAnswers {
    pub(crate) fn ask(connection: &mut PgConnection) -> Result<Self> {
        let version = connection.server_version();
        let settings = ServerSettings::ask(connection)?;
        let role = one(connection, ROLE)?;
        let state = one(connection, STATE)?;
        let now = Timestamp::now().as_millisecond();
        let archiver = Archiver::ask(connection)?;
        let origins = Origins::of(&settings, connection)?;
        Ok(Self {
            version,
            settings,
            origins,
            superuser: role.get(1).is_some_and(|it| it == "t"),
            replication: role.get(2).is_some_and(|it| it == "t"),
            monitor: role.get(3).is_some_and(|it| it == "t"),
            role: role.into_iter().next().unwrap_or_default(),
            backend: number(&state, 0)? as u32,
            in_recovery: state.get(1).is_some_and(|it| it == "t"),
            senders: number(&state, 2)?.unsigned_abs(),
            clock_ahead: number(&state, 3)? - now,
            archiver,
        })
    }
}

fn one(connection: &mut PgConnection, sql: &str) -> Result<Vec<String>> {
    let row = first_row(connection, sql)?;
    Ok(row.into_iter().map(Option::unwrap_or_default).collect())
}

fn number(row: &[String], at: usize) -> Result<i64> {
    row.get(at).and_then(|text| text.parse().ok()).ok_or_else(|| {
        Error::new(Class::Unreachable, format!("expected a number from the server, found {row:?}"))
    })
}
