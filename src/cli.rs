//! The frame around every command: what parses its words, resolves its configuration, starts its log, asks, shows how far
//! it is, and prints. What commands do is in `command`.
//!
//! `start` and `guard` stand around a command; `verbs` runs the programs for backups and prints what a verb has to say.
//! `flags` and `help` make flags of settings and show them. `screen`, `progress`, `asked` and `text` talk to people.

pub mod asked;
pub mod flags;
pub mod guard;
pub mod help;
pub mod progress;
pub mod screen;
pub mod text;
pub mod verbs;

mod start;

use crate::config::{self, Config, FlagValues};
use crate::error::Result;
use crate::log;

/// The configuration of a command. Logging starts as soon as it is known how, so that what is wrong
/// with the rest is said in the right place.
pub fn configure(flags: &FlagValues) -> Result<Config> {
    let resolved = config::resolve(flags)?;
    log::start(&resolved.log());
    if !resolved.others.is_empty() {
        tracing::warn!(
            "ignored {}: Kubernetes sets such variables for a Service called seawall. HINT: Set \
             enableServiceLinks: false in the pod, or give the Service another name.",
            resolved.others.join(", ")
        );
    }
    Config::from_resolved(&resolved)
}
