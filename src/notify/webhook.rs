//! What is posted, in the form that each receiver wants.

use serde_json::{Value, json};

use super::Notification;
use super::mail::{ascii, host_name};
use crate::check::CheckState;
use crate::config::Limits;
use crate::error::Result;
use crate::storage::{Post, post};

/// Rises when something in the plain JSON changes its meaning.
const VERSION: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebhookForm {
    Json,
    /// Mattermost and Rocket.Chat read it too.
    Slack,
    /// A workflow that posts to a channel.
    Teams,
    Ntfy,
    /// As healthchecks.io has it: each run, with `/fail` behind it where there is trouble.
    Ping,
}

const FORMS: [WebhookForm; 5] = [
    WebhookForm::Json,
    WebhookForm::Slack,
    WebhookForm::Teams,
    WebhookForm::Ntfy,
    WebhookForm::Ping,
];

impl WebhookForm {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Ntfy => "ntfy",
            Self::Ping => "ping",
        }
    }
}

pub(super) struct Webhook {
    pub form: WebhookForm,
    pub url: String,
    authorization: Option<String>,
}

impl Webhook {
    /// From `FORM URL`, with a value for `Authorization` behind it perhaps.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (form, rest) = line.split_once(char::is_whitespace)?;
        let rest = rest.trim();
        let (url, more) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let form = FORMS.into_iter().find(|it| it.word() == form)?;
        let is_url = ["https://", "http://"]
            .iter()
            .any(|begin| url.strip_prefix(begin).is_some_and(|rest| !rest.is_empty()));
        let authorization = Some(more.trim().to_owned()).filter(|it| !it.is_empty());
        is_url.then(|| Self { form, url: url.to_owned(), authorization })
    }

    /// As much of the URL as is no secret.
    pub(super) fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        host.rsplit('@').next().unwrap_or_default()
    }
}

pub(super) fn send(to: &Webhook, message: &Notification, limits: &Limits) -> Result<()> {
    let title = format!("{}: {}", host_name(), message.title);
    let (headers, body) = match to.form {
        WebhookForm::Slack => (as_json(), slack(&title, message)),
        WebhookForm::Teams => (as_json(), teams(&title, message)),
        WebhookForm::Ntfy => (ntfy(&title, message), message.text()),
        WebhookForm::Json | WebhookForm::Ping => (as_json(), plain(message).to_string()),
    };
    posted(to, &to.url, headers, body, limits)
}

pub(super) fn ping(to: &Webhook, well: bool, summary: &str, limits: &Limits) -> Result<()> {
    let url = match well {
        true => to.url.clone(),
        false => format!("{}/fail", to.url.trim_end_matches('/')),
    };
    let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
    posted(to, &url, headers, format!("{}: {summary}\n", host_name()), limits)
}

type Headers = Vec<(&'static str, String)>;

fn posted(to: &Webhook, url: &str, headers: Headers, body: String, limits: &Limits) -> Result<()> {
    let authorization = to.authorization.iter().map(|it| ("authorization", it.clone()));
    let headers = headers.into_iter().chain(authorization).collect();
    post(&Post { url: url.to_owned(), headers, body: body.into_bytes() }, limits)
}

fn as_json() -> Headers {
    vec![("content-type", "application/json".to_owned())]
}

fn plain(message: &Notification) -> Value {
    json!({
        "version": VERSION,
        "host": host_name(),
        "event": message.kind.word(),
        "state": message.state,
        "title": message.title,
        "text": message.text(),
        "new": message.new,
        "still": message.still,
        "over": message.over,
    })
}

/// `&`, `<` and `>` are its markup (Slack docs, "Formatting text for app surfaces").
fn slack(title: &str, message: &Notification) -> String {
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": format!("*{}*\n{}", plain(title), plain(&message.text())) }).to_string()
}

/// An adaptive card, as a workflow takes it (Microsoft Teams docs, "Post to a channel when a webhook request is received").
fn teams(title: &str, message: &Notification) -> String {
    // Teams joins lines that one line end parts: it takes two.
    let text = message.text().replace('\n', "\n\n");
    let block = |text: &str, weight: &str| json!({ "type": "TextBlock", "text": text, "weight": weight, "wrap": true });
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [block(title, "Bolder"), block(&text, "Default")],
    });
    let kind = "application/vnd.microsoft.card.adaptive";
    json!({ "type": "message", "attachments": [{ "contentType": kind, "content": card }] })
        .to_string()
}

/// ntfy docs, "Publishing".
fn ntfy(title: &str, message: &Notification) -> Headers {
    let (priority, tag) = match message.state {
        CheckState::Critical => ("5", "rotating_light"),
        CheckState::Warning | CheckState::Unknown => ("4", "warning"),
        CheckState::Ok => ("3", "white_check_mark"),
    };
    vec![("title", ascii(title)), ("priority", priority.to_owned()), ("tags", tag.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_form_and_a_url() {
        let host = |line: &str| Webhook::parse(line).map(|it| it.host().to_owned());
        for (line, expected) in [
            ("slack https://hooks.slack.com/services/T/B/x", Some("hooks.slack.com")),
            ("ntfy  http://u:p@127.0.0.1:80/topic  Bearer tk_1", Some("127.0.0.1:80")),
            ("ntfy http://u:p@127.0.0.1:80?x Bearer tk_1", Some("127.0.0.1:80")),
            ("mail https://x", None),
            ("json ftp://x", None),
            ("json https://", None),
            ("json", None),
        ] {
            assert_eq!(host(line).as_deref(), expected, "{line}");
        }
        let all = Webhook::parse("json https://x/y Bearer a b").unwrap();
        assert_eq!(all.authorization.as_deref(), Some("Bearer a b"));
    }
}
