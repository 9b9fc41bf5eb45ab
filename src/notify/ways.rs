//! How somebody is told: mail, and the webhooks of a file that nobody else reads, because who knows one can write there.

use std::fmt;
use std::path::Path;

use super::mail;
use super::message::{Message, Trouble};
use super::webhook::{self, Form, Webhook};
use crate::config::{Config, NotifyConfig};
use crate::error::{Class, Error, Result};
use crate::secrecy;

pub enum Way {
    Mail(Vec<String>),
    Webhook(Webhook),
}

impl Way {
    /// All that are configured.
    pub fn all(config: &NotifyConfig) -> Result<Vec<Self>> {
        let mut ways = Vec::new();
        if !config.mail_to.is_empty() {
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
            Self::Webhook(it) => {
                let hash = blake3::hash(it.url.as_bytes()).to_hex();
                format!("{}-{}", it.form.word(), &hash[..16])
            }
        }
    }

    pub fn is_ping(&self) -> bool {
        matches!(self, Self::Webhook(Webhook { form: Form::Ping, .. }))
    }

    pub fn send(&self, message: &Message, config: &Config) -> Result<()> {
        let sent = match self {
            Self::Mail(to) => mail::send(&config.notify.sendmail, to, message),
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
            Self::Webhook(it) => write!(f, "the {} webhook at {}", it.form.word(), it.host()),
        }
    }
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
