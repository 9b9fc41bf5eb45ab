//! Who is told what `check` found: by mail, by webhook, by a ping. Once when something changes and once when it is well
//! again, not at each run; what each of them was told last is a note of this host.
//!
//! `message` is what is said, and `recipients` who has heard it; it is sent by `mail` or `smtp`, or to a `webhook`.

mod mail;
mod message;
mod recipients;
mod smtp;
mod webhook;

use jiff::Zoned;

use self::message::{Notification, Trouble};
use self::recipients::{Recipient, ToldNotes};
use crate::check::{CheckState, Verdict};
use crate::config::Config;
use crate::error::{Class, Error, Result};

/// What stands for a check that found nothing out.
const ITSELF: &str = "seawall check";

/// Tells all who have not heard it yet. Returns what did not work: it is tried again at the next run. The day of a summary is that
/// of `now` in its zone.
pub fn tell(config: &Config, verdict: &Verdict, now: &Zoned) -> Vec<Error> {
    let wanted = |state: CheckState| state == CheckState::Critical || config.notify.warnings;
    let troubles = verdict.troubles().into_iter().filter(|it| wanted(it.state));
    let troubles: Vec<Trouble> = troubles.map(Trouble::of).collect();
    all(config, &troubles, &verdict.summary(), now)
}

/// The same where nothing could be judged.
pub fn tell_unknown(config: &Config, error: &Error, now: &Zoned) -> Vec<Error> {
    let text = error.message();
    let trouble = Trouble {
        name: ITSELF.to_owned(),
        state: CheckState::Unknown,
        text: text.clone(),
        hint: error.hint_text(),
    };
    let summary = format!("{}: {ITSELF}: {text}", CheckState::Unknown);
    all(config, &[trouble], &summary, now)
}

fn all(config: &Config, troubles: &[Trouble], summary: &str, now: &Zoned) -> Vec<Error> {
    let recipients = match Recipient::all(&config.notify) {
        Ok(recipients) if recipients.is_empty() => return Vec::new(),
        Ok(recipients) => recipients,
        Err(error) => return vec![error],
    };
    let today = now.date().to_string();
    let due = config.notify.summary_hour.is_some_and(|hour| now.hour() >= hour);
    let (mut told, trouble) = ToldNotes::read(config);
    let mut errors: Vec<Error> = trouble.into_iter().collect();
    for recipient in &recipients {
        let before = told.of(recipient);
        if recipient.is_ping() {
            errors.extend(recipient.ping(troubles, summary, config).err());
            continue;
        }
        if let Some(message) = Notification::of_change(&before.troubles, troubles, summary) {
            match recipient.send(&message, config) {
                Ok(()) => told.heard(recipient, troubles),
                Err(error) => errors.push(error),
            }
        }
        if due && before.summary.as_ref() != Some(&today) {
            match recipient.send(&Notification::of_day(troubles, summary), config) {
                Ok(()) => told.had_summary(recipient, &today),
                Err(error) => errors.push(error),
            }
        }
    }
    errors.extend(told.write().err());
    errors
}

/// Sends something to every recipient, and says of each what became of it.
pub fn try_out(config: &Config) -> Result<Vec<(String, Option<Error>)>> {
    let recipients = Recipient::all(&config.notify)?;
    if recipients.is_empty() {
        let message =
            "there is nobody to tell: neither notify.mail_to nor notify.webhooks_file is set";
        return Err(Error::new(Class::Configuration, message)
            .hint("Set one of them in [notify]; docs/notify.md has an example of each."));
    }
    let outcome = |recipient: &Recipient| {
        let sent = match recipient.is_ping() {
            true => recipient.ping(&[], "seawall notify tries it out", config),
            false => recipient.send(&Notification::trial(), config),
        };
        (recipient.to_string(), sent.err())
    };
    Ok(recipients.iter().map(outcome).collect())
}
