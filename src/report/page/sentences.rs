//! What the page tells in sentences: the headline, what to do next, the promises with every finding of the check, and
//! what could not be seen. Texts of findings hold what stores and servers said, so all of them go through `plain`.

use maud::{Markup, html};

use super::signs::state;
use super::time;
use crate::check::{CheckState, Finding, Service};
use crate::config::Objectives;
use crate::report::facts::ClusterFacts;
use crate::report::words::{count, plain, span};

pub(crate) fn headline(facts: &ClusterFacts) -> Markup {
    let headline = facts.headline();
    html! {
        header {
            p class="about" { "Seawall, cluster " (plain(&facts.cluster)) ", as of " (time(facts, facts.now)) }
            (state(headline.state))
            h1 { (headline.sentence) }
            @if !headline.more.is_empty() { p class="lead" { (headline.more) } }
        }
    }
}

pub(crate) fn next(facts: &ClusterFacts) -> Markup {
    let troubles = facts.verdict.troubles();
    html! {
        section {
            h2 { "What to do next" }
            @if troubles.is_empty() {
                p { "Nothing: all that was promised is kept." }
            } @else {
                ol class="next" {
                    @for finding in troubles {
                        li {
                            (state(finding.state))
                            div {
                                strong { (about(finding)) } ": " (prose(&finding.text)) "."
                                @if let Some(hint) = &finding.hint { span class="hint" { (prose(hint)) } }
                                @if let Some(page) = runbook(finding) {
                                    span class="hint" {
                                        "Step by step: docs/runbooks/" (page) ".md, which the packages put below "
                                        code { "/usr/share/doc/seawall/runbooks" } "."
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What stands between backticks is typed as it is.
fn prose(text: &str) -> Markup {
    let text = plain(text);
    let parts = text.split('`').enumerate();
    html! { @for (at, part) in parts { @if at % 2 == 1 { code { (part) } } @else { (part) } } }
}

fn about(finding: &Finding) -> String {
    let place = finding.repository.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    let check = match finding.check {
        "RPO now" => "what would be lost now (RPO)",
        "drill" => "rehearsal (drill)",
        other => other,
    };
    plain(&format!("{}, {check}{place}", finding.subject))
}

/// Everything that was looked at, and the objectives that it was judged by.
pub(super) fn promises(facts: &ClusterFacts) -> Markup {
    html! {
        section {
            h2 { "What was promised, and what was found" }
            p { (promised(&facts.objectives)) }
            details {
                summary { (count(facts.verdict.findings.len() as u64, "check")) ", one by one" }
                div class="scroll" {
                    table {
                        thead { tr { th { "Looked at" } th { "Found" } th { "Verdict" } } }
                        tbody {
                            @for finding in &facts.verdict.findings {
                                tr {
                                    td { (about(finding)) }
                                    td class="long" { (prose(&finding.text)) }
                                    td class="nowrap" { (state(finding.state)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn promised(objectives: &Objectives) -> String {
    let Objectives { rpo, rto, base_backups, redis, media, drill_age, verify_age, .. } = objectives;
    format!(
        "At most {} of work may be lost, and a restore may take {}. The newest base backup is at most {} old, that of a \
         Redis {}, of media files {}. A restore is rehearsed every {}, and every stored byte read every {}.",
        span(*rpo),
        span(*rto),
        span(base_backups.age),
        span(redis.age),
        span(media.age),
        span(*drill_age),
        span(*verify_age)
    )
}

pub(super) fn footer(facts: &ClusterFacts) -> Markup {
    html! {
        footer {
            @if !facts.errors.is_empty() {
                h3 { "What could not be seen" }
                ul { @for error in &facts.errors { li { (plain(&error.to_string())) } } }
            }
            @if !facts.without_backup.is_empty() {
                p {
                    "There is WAL of " (count(facts.without_backup.len() as u64, "system"))
                    " without a base backup (" (facts.without_backup.join(", ")) "): it restores nothing."
                }
            }
            p {
                "All times are those of the zone " (facts.zone.name()) ". The times of WAL are those \
                 of the repositories' clocks; a copied repository may show the time of the copy."
            }
            p { "Written by seawall report, version " (env!("CARGO_PKG_VERSION")) "." }
        }
    }
}

/// The name of the runbook of `docs/runbooks` that helps with a finding, without `.md`. Only a critical one has it;
/// anything less is no more than a thing to look at.
fn runbook(finding: &Finding) -> Option<&'static str> {
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
