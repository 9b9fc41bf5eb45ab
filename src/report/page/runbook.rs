//! Which runbook of `docs/runbooks` helps with a finding of the check, going by its service and its check. Only a
//! critical finding has one; anything less is no more than a thing to look at.

use crate::check::{CheckState, Finding, Service};

/// The name of the runbook, without `.md`.
pub fn of(finding: &Finding) -> Option<&'static str> {
    if finding.state != CheckState::Critical {
        return None;
    }
    match (finding.subject.service, finding.check) {
        (Service::Postgresql, "server") => Some("lost-server"),
        (Service::Postgresql, "content") => Some("corruption"),
        (Service::Repository, "access" | "content") => Some("lost-repository"),
        (_, "space" | "backlog") => Some("full-disk"),
        _ => None,
    }
}
