//! Who is told what `check` found: by mail, by webhook, by a ping. Once when something changes and once when it is well
//! again, not at each run; what each of them was told last is a note of this host.
//!
//! `message` is what is said, `told` who has heard it, and `ways` how it is sent: by `mail` or `smtp`, or to a
//! `webhook`.

mod mail;
mod message;
mod smtp;
mod told;
mod ways;
mod webhook;

use jiff::Zoned;

pub use message::{Kind, Message};
pub use ways::Way;

use self::message::Trouble;
use self::told::Told;
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
    let ways = match Way::all(&config.notify) {
        Ok(ways) if ways.is_empty() => return Vec::new(),
        Ok(ways) => ways,
        Err(error) => return vec![error],
    };
    let today = now.date().to_string();
    let due = config.notify.summary_hour.is_some_and(|hour| now.hour() >= hour);
    let (mut told, trouble) = Told::read(config);
    let mut errors: Vec<Error> = trouble.into_iter().collect();
    for way in &ways {
        let before = told.of(way);
        if way.is_ping() {
            errors.extend(way.ping(troubles, summary, config).err());
            continue;
        }
        if let Some(message) = Message::of_change(&before.troubles, troubles, summary) {
            match way.send(&message, config) {
                Ok(()) => told.heard(way, troubles),
                Err(error) => errors.push(error),
            }
        }
        if due && before.summary.as_ref() != Some(&today) {
            match way.send(&Message::of_day(troubles, summary), config) {
                Ok(()) => told.had_summary(way, &today),
                Err(error) => errors.push(error),
            }
        }
    }
    errors.extend(told.write().err());
    errors
}

/// Sends something by every way, and says of each what became of it.
pub fn try_out(config: &Config) -> Result<Vec<(String, Option<Error>)>> {
    let ways = Way::all(&config.notify)?;
    if ways.is_empty() {
        let message =
            "there is nobody to tell: neither notify.mail_to nor notify.webhooks_file is set";
        return Err(Error::new(Class::Configuration, message)
            .hint("Set one of them in [notify]; docs/notify.md has an example of each."));
    }
    let outcome = |way: &Way| {
        let sent = match way.is_ping() {
            true => way.ping(&[], "seawall notify tries it out", config),
            false => way.send(&Message::trial(), config),
        };
        (way.to_string(), sent.err())
    };
    Ok(ways.iter().map(outcome).collect())
}
