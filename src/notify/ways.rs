//! How somebody is told: mail, and the webhooks of a file that nobody else reads, because who knows one can write there.

use std::fmt;
use std::path::Path;

use super::mail::{self, Letter};
use super::message::{Message, Trouble};
use super::smtp;
use super::webhook::{self, Form, Webhook};
use crate::config::{Config, NotifyConfig};
use crate::error::{Class, Error, Result};
use crate::secrecy;

pub enum Way {
    /// One mail for all.
    Mail(Vec<String>),
    /// One mail for each: a server may take one address and refuse another.
    Smtp(String),
    Webhook(Webhook),
}

impl Way {
    /// All that are configured.
    pub fn all(config: &NotifyConfig) -> Result<Vec<Self>> {
        let mut ways = Vec::new();
        if config.smtp.is_some() {
            ways.extend(config.mail_to.iter().cloned().map(Self::Smtp));
        } else if !config.mail_to.is_empty() {
            ways.push(Self::Mail(config.mail_to.clone()));
        }
        if let Some(path) = &config.webhooks_file {
            ways.extend(webhooks(path)?.into_iter().map(Self::Webhook));
        }
        Ok(ways)
    }

    /// Tells it from the others in the note, without the secret that it is.
    pub fn key(&self) -> String {
        match self {
            Self::Mail(_) => "mail".to_owned(),
            Self::Smtp(to) => format!("mail-{}", short(to)),
            Self::Webhook(it) => format!("{}-{}", it.form.word(), short(&it.url)),
        }
    }

    pub fn is_ping(&self) -> bool {
        matches!(self, Self::Webhook(Webhook { form: Form::Ping, .. }))
    }

    pub fn send(&self, message: &Message, config: &Config) -> Result<()> {
        let sent = match self {
            Self::Mail(to) => {
                let from = config.notify.mail_from.clone();
                mail::send(&config.notify.sendmail, &Letter { from, to, message })
            }
            Self::Smtp(to) => {
                let server = config.notify.smtp.as_deref().unwrap_or_default();
                let from = config.notify.mail_from.clone();
                let from =
                    Some(from.unwrap_or_else(|| format!("seawall@{}", mail::host_of_addresses())));
                let to = std::slice::from_ref(to);
                smtp::send(server, &Letter { from, to, message }, &config.limits)
            }
            Self::Webhook(it) => webhook::send(it, message, &config.limits),
        };
        sent.map_err(|error| error.while_doing(format!("could not tell {self}")))
    }

    /// That it ran, and whether there is trouble. Who gets these misses them when they stay away.
    pub fn ping(&self, troubles: &[Trouble], summary: &str, config: &Config) -> Result<()> {
        let Self::Webhook(it) = self else { return Ok(()) };
        let sent = webhook::ping(it, troubles.is_empty(), summary, &config.limits);
        sent.map_err(|error| error.while_doing(format!("could not tell {self}")))
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(to) => write!(f, "{} by mail", to.join(", ")),
            Self::Smtp(to) => write!(f, "{to} by mail"),
            Self::Webhook(it) => write!(f, "the {} webhook at {}", it.form.word(), it.host()),
        }
    }
}

/// Enough of a hash to tell one from another.
fn short(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

fn webhooks(path: &Path) -> Result<Vec<Webhook>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("could not read notify.webhooks_file {path:?}: {error}");
        Error::new(Class::Configuration, message)
            .hint("The user that runs seawall check must be able to read it, and nobody else.")
    })?;
    secrecy::look("the webhooks in", path);
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|(number, line)| {
        // The line is not repeated: it is a secret.
        Webhook::parse(line).ok_or_else(|| {
            let message = format!("expected FORM URL in line {number} of {path:?}");
            Error::new(Class::Configuration, message).hint(
                "FORM is json, slack, teams, ntfy or ping, URL begins with https:// or http://; behind it may stand a value \
                 for the header Authorization.",
            )
        })
    });
    parsed.collect()
}
