//! The command lines: parsed, configured, run, and their outcome turned into an exit status.
//!
//! Each program is a file, and each verb of `seawall` but `config`. `start` and `guard` stand around a command, `verbs`
//! runs the programs for backups, `flags` and `help` make flags of settings and show them. `screen`, `progress`,
//! `asked`, `created` and `restored` talk to people.

pub mod basebackup;
mod doctor;
pub mod manuals;
pub mod media_backup;
pub mod redis_backup;
pub mod seawall;
pub mod wal_fetch;
pub mod wal_push;

mod asked;
mod check;
mod created;
mod flags;
mod guard;
mod help;
mod init;
mod list;
mod notify;
mod progress;
mod report;
mod restored;
mod screen;
mod series;
mod start;
mod trust;
mod verbs;

use crate::config::{self, Config, FlagValues};
use crate::error::Result;
use crate::log;

/// The configuration of a command. Logging starts as soon as it is known how, so that what is wrong
/// with the rest is said in the right place.
fn configure(flags: &FlagValues) -> Result<Config> {
    let resolved = config::resolve(flags)?;
    log::start(&resolved.log());
    if !resolved.others.is_empty() {
        tracing::warn!(
            "passed over {}: Kubernetes sets such variables for a Service called seawall. HINT: Set \
             enableServiceLinks: false in the pod, or give the Service another name.",
            resolved.others.join(", ")
        );
    }
    Config::from_resolved(&resolved)
}
