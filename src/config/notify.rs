use std::path::PathBuf;

use super::resolved::Resolved;
use super::value::Value;
use crate::error::{Class, Error, Result};

/// Who is told what `check` found.
#[derive(Debug, Clone)]
pub struct NotifyConfig {
    pub mail_to: Vec<String>,
    /// The program that takes mail.
    pub sendmail: PathBuf,
    /// HOST:PORT of the mail server that takes it in place of the program.
    pub smtp: Option<String>,
    pub mail_from: Option<String>,
    /// A line for each: its form and its URL.
    pub webhooks_file: Option<PathBuf>,
    /// Whether a WARNING is told too, and what could not be found out.
    pub warnings: bool,
    /// From this hour of the day on, in the zone of reports, a summary is sent.
    pub summary_hour: Option<i8>,
}

impl NotifyConfig {
    pub(super) fn from_resolved(resolved: &Resolved) -> Result<Self> {
        let mail_to = match resolved.value("notify.mail_to") {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        };
        let text = |key: &str| match resolved.value(key) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let mail_from = text("notify.mail_from");
        let addresses = mail_to.iter().map(|it| ("notify.mail_to", it));
        let mut addresses = addresses.chain(mail_from.iter().map(|it| ("notify.mail_from", it)));
        if let Some((key, wrong)) = addresses.find(|(_, it)| !is_address(it)) {
            let message =
                format!("expected addresses like ops@example.org in {key}, found {wrong:?}");
            return Err(Error::new(Class::Configuration, message));
        }
        let smtp = text("notify.smtp");
        if let Some(wrong) = smtp.as_ref().filter(|it| !is_host_and_port(it)) {
            let message =
                format!("expected HOST:PORT like 127.0.0.1:25 in notify.smtp, found {wrong:?}");
            return Err(Error::new(Class::Configuration, message));
        }
        let summary_hour = match resolved.value("notify.summary_hour") {
            Some(Value::Integer(hour)) => i8::try_from(*hour).ok(),
            _ => None,
        };
        Ok(Self {
            mail_to,
            sendmail: resolved
                .path("notify.sendmail")
                .unwrap_or_else(|| PathBuf::from("/usr/sbin/sendmail")),
            smtp,
            mail_from,
            webhooks_file: resolved.path("notify.webhooks_file"),
            warnings: matches!(resolved.value("notify.warnings"), Some(Value::Boolean(true))),
            summary_hour,
        })
    }
}

/// A line of its own in a header would be another header.
fn is_address(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !",;:<>()".contains(c))
}

fn is_host_and_port(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|it| it > 0)
    })
}
