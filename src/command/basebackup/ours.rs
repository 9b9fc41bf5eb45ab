//! Which of several systems under one cluster name is ours.

use crate::basebackup::catalogue::noted;
use crate::check::{Asked, ask};
use crate::config::Config;
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;

/// That of the server at `postgres.connection`, or the one that this host takes base backups of. `None` where neither tells.
pub fn ours(
    config: &Config,
    repositories: &[Repository],
    candidates: &[SystemIdentifier],
) -> Option<SystemIdentifier> {
    let running = match ask(config) {
        Asked::Answered(server) => Some(server.system),
        Asked::Silent { .. } => None,
    };
    let running = running.filter(|system| candidates.contains(system));
    let ours = running.or_else(|| noted(config, repositories, candidates))?;
    let why = match running {
        Some(_) => "it is that of the running server",
        None => "this host takes base backups of it",
    };
    tracing::warn!("several systems lie under this cluster name, {ours} counts: {why}");
    Some(ours)
}
