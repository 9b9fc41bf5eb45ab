//! Who is told what `seawall check` found.

use super::setting;
use crate::config::setting::{Kind, Setting};

pub(super) const NOTIFY: &[Setting] = &[
    setting("notify.mail_to", Kind::List, "", "Addresses that get mail when something changes"),
    setting(
        "notify.sendmail",
        Kind::Path,
        "/usr/sbin/sendmail",
        "The program that mail is handed to",
    ),
    setting(
        "notify.webhooks_file",
        Kind::Path,
        "",
        "File with one webhook a line, FORM URL: json, slack, teams, ntfy, or ping for each run",
    ),
    setting(
        "notify.warnings",
        Kind::Boolean,
        "true",
        "Whether a WARNING is told, or only what is CRITICAL",
    ),
    setting(
        "notify.summary_hour",
        Kind::Integer { min: 0, max: 23 },
        "",
        "From this hour of each day on, in UTC, a summary is sent; absent: none",
    ),
];
