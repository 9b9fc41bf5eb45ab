use crate::check::{Finding, Service, State};

/// Which page of docs/runbooks is for this, if it is more than a thing to look at.
pub fn of(finding: &Finding) -> Option<&'static str> {
    if finding.state != State::Critical {
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
