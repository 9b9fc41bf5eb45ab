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
        // A line of its own in a header would be another header.
        let plain =
            |it: &String| it.chars().all(|c| c.is_ascii_graphic() && !",;:<>()".contains(c));
        if let Some(wrong) = mail_to.iter().find(|it| it.is_empty() || !plain(it)) {
            let message = format!(
                "expected addresses like ops@example.org in notify.mail_to, found {wrong:?}"
            );
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
            webhooks_file: resolved.path("notify.webhooks_file"),
            warnings: matches!(resolved.value("notify.warnings"), Some(Value::Boolean(true))),
            summary_hour,
        })
    }
}
