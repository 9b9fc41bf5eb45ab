//! Who is told what `check` found: by mail, by webhook, by a ping. Once when something changes and once when it is well
//! again, not at each run; what each of them was told last is a note of this host.
//!
//! Here is what is said, and in `recipients` who has heard it; it is sent by `mail` or `smtp`, or to a `webhook`.

mod mail;
mod recipients;
mod smtp;
mod webhook;

use std::collections::BTreeMap;

use jiff::Zoned;

use self::recipients::{Recipient, ToldNotes};
use crate::check::{CheckState, Finding, Verdict};
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

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    /// Like `PostgreSQL main, RPO now in disk`.
    pub name: String,
    pub state: CheckState,
    pub text: String,
    pub hint: Option<String>,
}

impl Trouble {
    fn of(finding: &Finding) -> Self {
        let Finding { state, text, hint, .. } = finding;
        Self { name: finding.name(), state: *state, text: text.clone(), hint: hint.clone() }
    }

    fn line(&self) -> String {
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!("\n  {hint}"));
        format!("{}: {}: {}{hint}", self.state, self.name, self.text)
    }
}

/// Why something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageKind {
    /// Something is new, or stands otherwise than it was told.
    Trouble,
    /// Some of it is over.
    Better,
    /// All of it is over.
    Well,
    /// Once a day, whether or not there is anything.
    Summary,
    Trial,
}

impl MessageKind {
    fn word(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Better => "better",
            Self::Well => "well",
            Self::Summary => "summary",
            Self::Trial => "trial",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Notification {
    pub kind: MessageKind,
    /// The worst of what is there now.
    pub state: CheckState,
    /// One line.
    pub title: String,
    pub new: Vec<String>,
    pub still: Vec<String>,
    pub over: Vec<String>,
}

impl Notification {
    /// What changed since somebody was told `before`, states by names; `None` when nothing did.
    fn of_change(
        before: &BTreeMap<String, String>,
        now: &[Trouble],
        summary: &str,
    ) -> Option<Self> {
        let known = |it: &&Trouble| before.get(&it.name) == Some(&it.state.to_string());
        let (still, new): (Vec<&Trouble>, Vec<&Trouble>) = now.iter().partition(known);
        let there = |name: &&String| now.iter().any(|it| it.name == **name);
        let over: Vec<String> = before.keys().filter(|name| !there(name)).cloned().collect();
        let (kind, title) = match (now.is_empty(), new.is_empty(), over.is_empty()) {
            (_, true, true) => return None,
            (true, ..) => (MessageKind::Well, "OK: it is well again".to_owned()),
            (_, true, _) => (MessageKind::Better, format!("{summary}; something is over")),
            _ => (MessageKind::Trouble, summary.to_owned()),
        };
        let lines = |all: Vec<&Trouble>| all.into_iter().map(Trouble::line).collect();
        Some(Self { kind, title, over, ..Self::new(now, lines(new), lines(still)) })
    }

    fn of_day(now: &[Trouble], summary: &str) -> Self {
        let still = now.iter().map(Trouble::line).collect();
        Self { title: format!("Today {summary}"), ..Self::new(now, Vec::new(), still) }
    }

    fn trial() -> Self {
        let title = "seawall notify tries it out: this way works".to_owned();
        Self { kind: MessageKind::Trial, title, ..Self::new(&[], Vec::new(), Vec::new()) }
    }

    fn new(now: &[Trouble], new: Vec<String>, still: Vec<String>) -> Self {
        let state = now.iter().map(|it| it.state).max().unwrap_or(CheckState::Ok);
        let (kind, title, over) = (MessageKind::Summary, String::new(), Vec::new());
        Self { kind, state, title, new, still, over }
    }

    /// The lines below the title.
    fn text(&self) -> String {
        let parts = [("", &self.new), ("Still:\n", &self.still), ("Over:\n", &self.over)];
        let parts = parts.iter().filter(|(_, lines)| !lines.is_empty());
        let parts = parts.map(|(head, lines)| format!("{head}{}\n", lines.join("\n")));
        let text = parts.collect::<Vec<_>>().join("\n");
        if text.is_empty() { format!("{}\n", self.title) } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(name: &str, state: CheckState) -> Trouble {
        let (name, text) = (name.to_owned(), "it is so".to_owned());
        Trouble { name, state, text, hint: Some("Do it.".to_owned()) }
    }

    fn before(all: &[Trouble]) -> BTreeMap<String, String> {
        all.iter().map(|it| (it.name.clone(), it.state.to_string())).collect()
    }

    #[test]
    fn only_a_change_is_told() {
        let (one, other) = (trouble("a", CheckState::Warning), trouble("b", CheckState::Critical));
        let alone = [one.clone()];
        let of = |before: &[Trouble], now: &[Trouble]| {
            Notification::of_change(&self::before(before), now, "S: x")
        };
        assert_eq!(of(&[], &[]), None);
        assert_eq!(of(&alone, &alone), None);
        let new = of(&alone, &[other.clone(), one.clone()]).unwrap();
        assert_eq!(
            (new.kind, new.state, new.title.as_str()),
            (MessageKind::Trouble, CheckState::Critical, "S: x")
        );
        assert_eq!(
            new.text(),
            "CRITICAL: b: it is so\n  Do it.\n\nStill:\nWARNING: a: it is so\n  Do it.\n"
        );
        let better = of(&[one.clone(), other.clone()], &alone).unwrap();
        assert_eq!(
            (better.kind, better.title.as_str()),
            (MessageKind::Better, "S: x; something is over")
        );
        assert_eq!(better.text(), "Still:\nWARNING: a: it is so\n  Do it.\n\nOver:\nb\n");
        let worse = of(&alone, &[trouble("a", CheckState::Critical)]).unwrap();
        assert_eq!((worse.kind, worse.still.len()), (MessageKind::Trouble, 0));
        let well = of(&alone, &[]).unwrap();
        assert_eq!((well.kind, well.state), (MessageKind::Well, CheckState::Ok));
        assert_eq!(
            (well.title.as_str(), well.text().as_str()),
            ("OK: it is well again", "Over:\na\n")
        );
    }
}
