//! Who is told what `seawall check` found.

use super::setting;
use crate::config::setting::{Kind, Setting};

pub(super) const NOTIFY: &[Setting] = &[
    setting(
        "notify.mail_to",
        Kind::List,
        "",
        "Addresses that get mail when the result of the check changes",
    ),
    setting("notify.sendmail", Kind::Path, "/usr/sbin/sendmail", "Program that sends the mail"),
    setting(
        "notify.smtp",
        Kind::Text,
        "",
        "Mail server that takes the mail (HOST:PORT), such as postfix or exim on 127.0.0.1:25; absent: sendmail sends it",
    ),
    setting(
        "notify.mail_from",
        Kind::Text,
        "",
        "Address that the mail comes from; absent: seawall@HOST over SMTP, else the choice of sendmail",
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
        "Tell people about WARNING too, or only about CRITICAL",
    ),
    setting(
        "notify.summary_hour",
        Kind::Integer { min: 0, max: 23 },
        "",
        "Hour of the day (in report.timezone) from which the daily summary is sent; absent: no summary",
    ),
];
