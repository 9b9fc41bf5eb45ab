//! Who is told, and what each of them was told last: mail addresses and the webhooks of a file that nobody else reads,
//! because who knows one can write there; and a note of this host.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mail::{self, Letter};
use super::smtp;
use super::webhook::{self, Webhook, WebhookForm};
use super::{Notification, Trouble};
use crate::config::{Config, NotifyConfig};
use crate::durable::Notes;
use crate::error::{Class, Error, Result};
use crate::secrecy;

/// Below the state folder, where the unit of `seawall check` may write.
const FOLDER: &str = "check";

const BYTES_MAX: u64 = 1 << 20;

/// One that is told.
pub(super) enum Recipient {
    /// One mail for all.
    Mail(Vec<String>),
    /// One mail for each: a server may take one address and refuse another.
    Smtp(String),
    Webhook(Webhook),
}

impl Recipient {
    /// All that are configured.
    pub(super) fn all(config: &NotifyConfig) -> Result<Vec<Self>> {
        let mut recipients = Vec::new();
        if config.smtp.is_some() {
            recipients.extend(config.mail_to.iter().cloned().map(Self::Smtp));
        } else if !config.mail_to.is_empty() {
            recipients.push(Self::Mail(config.mail_to.clone()));
        }
        if let Some(path) = &config.webhooks_file {
            recipients.extend(webhooks(path)?.into_iter().map(Self::Webhook));
        }
        Ok(recipients)
    }

    /// Tells it from the others in the note, without the secret that it is.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Mail(_) => "mail".to_owned(),
            Self::Smtp(to) => format!("mail-{}", short(to)),
            Self::Webhook(it) => format!("{}-{}", it.form.word(), short(&it.url)),
        }
    }

    pub(super) fn is_ping(&self) -> bool {
        matches!(self, Self::Webhook(Webhook { form: WebhookForm::Ping, .. }))
    }

    pub(super) fn send(&self, message: &Notification, config: &Config) -> Result<()> {
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
    pub(super) fn ping(&self, troubles: &[Trouble], summary: &str, config: &Config) -> Result<()> {
        let Self::Webhook(it) = self else { return Ok(()) };
        let sent = webhook::ping(it, troubles.is_empty(), summary, &config.limits);
        sent.map_err(|error| error.while_doing(format!("could not tell {self}")))
    }
}

impl fmt::Display for Recipient {
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
                "FORM is json, slack, teams, ntfy or ping, URL begins with https:// or http://; \
                 a value for the header Authorization may follow.",
            )
        })
    });
    parsed.collect()
}

/// What one was told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Heard {
    /// Their states, by names.
    pub troubles: BTreeMap<String, String>,
    /// The day of the last summary.
    #[serde(default)]
    pub summary: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ToldFile {
    seawall: u32,
    ways: BTreeMap<String, Heard>,
}

/// What all of them were told, as of the last run and this one.
pub(super) struct ToldNotes {
    state: Option<PathBuf>,
    /// Of the note: each configuration has one, because each has findings of its own.
    name: String,
    ways: BTreeMap<String, Heard>,
    changed: bool,
}

impl ToldNotes {
    /// What can't be read counts as nothing told: rather twice than never. Why is told too.
    pub(super) fn read(config: &Config) -> (Self, Option<Error>) {
        let state = config.state_directory.as_deref();
        let name = name_of_note(config);
        let state = state.filter(|state| state.is_dir()).map(Path::to_owned);
        let read = |state: &PathBuf| -> Result<_> {
            let Some(notes) = Notes::open(state, FOLDER)? else { return Ok(None) };
            notes.expect_ours()?;
            notes.read(&name, BYTES_MAX)
        };
        let (found, trouble) = match state.as_ref().map(read).transpose() {
            Ok(found) => (found.flatten(), None),
            Err(error) => {
                (None, Some(error.while_doing("could not read the notes about sent messages")))
            }
        };
        let note = found.and_then(|text| serde_json::from_slice::<ToldFile>(&text).ok());
        let ways = note.filter(|note| note.seawall == 1).map(|note| note.ways).unwrap_or_default();
        (Self { state, name, ways, changed: false }, trouble)
    }

    pub(super) fn of(&self, recipient: &Recipient) -> Heard {
        self.ways.get(&recipient.key()).cloned().unwrap_or_default()
    }

    pub(super) fn heard(&mut self, recipient: &Recipient, troubles: &[Trouble]) {
        let states = troubles.iter().map(|it| (it.name.clone(), it.state.to_string()));
        self.ways.entry(recipient.key()).or_default().troubles = states.collect();
        self.changed = true;
    }

    pub(super) fn had_summary(&mut self, recipient: &Recipient, day: &str) {
        self.ways.entry(recipient.key()).or_default().summary = Some(day.to_owned());
        self.changed = true;
    }

    /// Without a note everybody is told the same at each run, so that is said.
    pub(super) fn write(self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        let Some(state) = &self.state else {
            let message = "could not note the sent messages: there is no state_directory";
            return Err(Error::new(Class::LocalFile, message).hint(
                "Make the folder that state_directory names; until then each run sends the messages again.",
            ));
        };
        let json = serde_json::to_vec(&ToldFile { seawall: 1, ways: self.ways })
            .map_err(|error| Error::new(Class::Internal, error.to_string()))?;
        let written = Notes::make(state, FOLDER).and_then(|notes| notes.write(&self.name, &json));
        written.map_err(|error| error.while_doing("could not note the sent messages"))
    }
}

/// Several configurations of one host share its state folder.
fn name_of_note(config: &Config) -> String {
    let file = config.file.as_deref().unwrap_or(Path::new(""));
    let hash = blake3::hash(file.as_os_str().as_encoded_bytes()).to_hex();
    format!("told-{}-{}.json", config.cluster, &hash[..8])
}
