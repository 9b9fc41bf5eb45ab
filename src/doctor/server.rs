//! The PostgreSQL server: its settings, the role that Seawall comes as, and what archives its WAL.
//!
//! `answers` asks the server and `host` finds its process; `settings_and_role` and `archiving` (with `program`) judge.

mod answers;
mod archiving;
mod host;
mod program;
mod settings_and_role;

use std::path::Path;

pub use host::{Host, Unseen};
pub use program::{Ability, ability};

use self::answers::ServerAnswers;
use super::finding::{Diagnosis, Mend, Section, Severity};
use crate::config::Config;
use crate::error::{Class, Error};
use crate::replication::query;

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
