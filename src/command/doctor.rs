//! `seawall doctor`: whether what is set up will do what it is there for.
//!
//! The findings come from the top module `doctor`; `shown` puts them into the form that was asked for.

mod shown;

use crate::config::{Config, Resolved};
use crate::doctor::{self, Section, Verdict};
use crate::error::{Class, Error, Result};

/// How it is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    /// The statements of SQL alone.
    Fixes,
}

pub struct Request<'a> {
    pub resolved: &'a Resolved,
    pub config: &'a Config,
    pub form: Form,
    /// Whether to leave the PostgreSQL server out: on a host that has to do with files or Redis only.
    pub without_server: bool,
}

/// What was found, as text, and the worst of it.
pub struct Outcome {
    pub text: String,
    pub worst: Verdict,
}

pub fn run(request: &Request<'_>) -> Result<Outcome> {
    let sections = look(request);
    let worst = sections.iter().flat_map(|it| &it.findings).map(|it| it.verdict).max();
    let text = match request.form {
        Form::Text => shown::text(&sections),
        Form::Json => shown::json(&sections).map_err(|error| {
            Error::new(Class::Internal, format!("could not write JSON: {error}"))
        })?,
        Form::Fixes => shown::fixes(&sections),
    };
    Ok(Outcome { text, worst: worst.unwrap_or(Verdict::Good) })
}

/// The repositories cost requests, and have nothing to do with statements of SQL.
fn look(request: &Request<'_>) -> Vec<Section> {
    let (resolved, config) = (request.resolved, request.config);
    let file = resolved.file.as_deref();
    let (mut sections, mut server) = (Vec::new(), None);
    if !request.without_server {
        let (section, found) = doctor::server(config, file);
        sections.push(section);
        server = found;
    }
    if request.form == Form::Fixes {
        return sections;
    }
    sections.extend(doctor::repositories(config, server.as_ref()));
    let mut findings = doctor::secrets(config, file, server.as_ref());
    findings.extend(doctor::idle_settings(resolved, config));
    sections.push(Section { about: "configuration".to_owned(), findings });
    sections
}
