//! What concerns every program.

use super::setting;
use crate::config::setting::{Kind, Setting};

pub(super) const PROCESS: &[Setting] = &[
    setting(
        "state_directory",
        Kind::Path,
        "/var/lib/seawall",
        "Folder, if it exists, for notes on what this host stored last in each repository and what prune saw there; they recognise a repository that was exchanged",
    ),
    setting(
        "encryption.recipients",
        Kind::List,
        "",
        "age public keys (age1…) that stored objects are encrypted to",
    ),
    setting(
        "encryption.recipients_file",
        Kind::Path,
        "",
        "File with more age public keys, one on each line",
    ),
    setting(
        "encryption.identity_file",
        Kind::Path,
        "",
        "File with the age private keys; needed only for reading",
    ),
    setting(
        "limits.connect_timeout",
        Kind::Duration,
        "5s",
        "Longest wait for a connection to a store",
    ),
    setting(
        "limits.request_timeout",
        Kind::Duration,
        "60s",
        "Longest wait for one request, or for the next bytes of an answer",
    ),
    setting(
        "limits.total_timeout",
        Kind::Duration,
        "3m",
        "Longest time for one request with its retries; a push makes one to five",
    ),
    setting(
        "limits.attempts",
        Kind::Integer { min: 1, max: 20 },
        "5",
        "How often a request is tried, with growing random pauses",
    ),
    setting(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug"]),
        "info",
        "Least important event that is logged",
    ),
    setting(
        "log.format",
        Kind::Choice(&["auto", "text", "json", "journald"]),
        "auto",
        "How events are logged; auto is journald under systemd, else text on standard error",
    ),
];
