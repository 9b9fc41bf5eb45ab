//! The order of all judgements: the cluster, each Redis, each media set, then the repositories. Whether server and
//! repositories answer is judged here; each other judgement has a file of its own.

use super::case::Case;
use super::draft::Draft;
use super::server::Asked;
use super::verdict::{Finding, State, Verdict};
use super::{
    archiving, base_backups, clock, drills, reaches_back, rpo, series, space, systems, wal,
};
use crate::postgres::SUPPORTED_IN_WORDS;

pub fn judge(case: &Case<'_>) -> Verdict {
    let mut findings = Vec::new();
    if case.gathered.watches_postgres(case.config, case.server) {
        findings.extend(postgres(case));
    }
    findings.extend(series::redis(case));
    findings.extend(series::media(case));
    for number in 0..case.repositories.len() {
        findings.push(access(case, number));
        findings.extend(space::of_repository(case, number));
        findings.extend(clock::of_repository(case, number));
    }
    Verdict { at: case.now, findings }
}

fn postgres(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = vec![server(case)];
    findings.extend(systems::judge(case));
    for number in case.answering() {
        findings.push(base_backups::judge(case, number));
        findings.extend(reaches_back::judge(case, number));
        findings.push(wal::gaps(case, number));
        findings.push(rpo::judge(case, number));
    }
    findings.extend(archiving::archiver(case));
    findings.extend(archiving::backlog(case));
    findings.extend(base_backups::pins(case));
    if let Some(system) = case.gathered.system {
        let subject = crate::history::Subject::postgres(&case.config.cluster, system);
        let ages = base_backups::began(case).into_iter().min();
        let ids = base_backups::ids(case);
        let stored = drills::Stored { ids, kept: case.config.retention.keep.within };
        findings.extend(drills::judge(
            case,
            &case.postgres(),
            &subject,
            "basebackup",
            ages,
            &stored,
        ));
    }
    findings.extend(space::of_pg_wal(case));
    findings.extend(clock::of_server(case));
    findings
}

/// Whether it answers, and whether it is one whose backups these are.
fn server(case: &Case<'_>) -> Finding {
    let mut draft = Draft::new(case.postgres(), "server", None);
    match case.server {
        Asked::Answered(server) => {
            let standby = if server.in_recovery { "a standby" } else { "a primary" };
            let (system, timeline) = (server.system, server.timeline.number());
            draft.ok(format!("system {system}, {standby} on timeline {timeline}"));
            if !server.version.is_supported() {
                let text = format!(
                    "it is PostgreSQL {}, supported is {SUPPORTED_IN_WORDS}",
                    server.version
                );
                draft.say(State::Warning, text, server.version.hint());
            }
            let known = &case.gathered.survey.catalogue.systems;
            let all_answered = case.gathered.failures().next().is_none();
            if all_answered && !known.contains(&system) {
                draft.say(
                    State::Critical,
                    "no repository has anything of it",
                    "Does its archive_command call wal-push with this configuration? Where it is another server, \
                     say which one with postgres.connection.",
                );
            }
        }
        Asked::Silent { error, named: true } => {
            draft.fail(State::Warning, "could not be asked: ", error);
        }
        Asked::Silent { named: false, .. } => {
            draft.ok("not asked: postgres.connection does not say where it is");
        }
    }
    draft.finding()
}

fn access(case: &Case<'_>, number: usize) -> Finding {
    let repository = &case.repositories[number];
    let mut draft = Draft::new(case.repository(number), "access", None);
    let failure = case.gathered.failures().find(|(failed, _)| *failed == number);
    match failure {
        Some((_, error)) => draft.fail(State::Critical, "", error),
        None => draft.ok(format!("{} answers", repository.place())),
    }
    if let Some(error) = &case.gathered.no_key {
        draft.fail(State::Warning, "what is encrypted there can't be read here: ", error);
    }
    for (_, records) in &case.gathered.records {
        for (_, error) in records.failures.iter().filter(|(failed, _)| *failed == number) {
            draft.fail(State::Critical, "", error);
        }
    }
    draft.finding()
}
