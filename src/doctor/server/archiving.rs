//! Judges `archive_command` and what stands in its way: `archive_mode`, a library in its place, a program or a
//! configuration that the server's user can't use, and what an earlier recovery or restore left set.
//!
//! A command that succeeds without storing anything is the worst: the server takes its WAL for archived and removes it.

use std::fs;
use std::path::{Path, PathBuf};

use super::ServerAnswers;
use super::settings_and_role::restart_to;
use super::{Ability, Host, Unseen, program};
use crate::config::DEFAULT_FILE;
use crate::data_directory::{DataDirectory, refuse_restored};
use crate::doctor::account::READ;
use crate::doctor::command_line::{ProgramCall, archive_command, find_call, restore_command};
use crate::doctor::finding::{Diagnosis, Mend};
use crate::error::Class;
use crate::replication::ArchiverAttempt;

const NAME: &str = "archive_command";
const PROGRAM: &str = "archive_command: program";
const CONFIG: &str = "archive_command: configuration";

/// Whether the WAL reaches the repositories.
pub(super) fn archiving(
    facts: &ServerAnswers,
    host: &Result<Host, Unseen>,
    ability: &Ability,
    file: Option<&Path>,
) -> Vec<Diagnosis> {
    let mut findings = vec![archive_mode(facts)];
    findings.extend(archive_library(facts));
    let command = facts.settings.text(NAME).unwrap_or_default();
    let wanted = facts.origins.set(NAME, &archive_command(file), false);
    match find_call(command, "wal-push") {
        _ if archive_library(facts).is_some() => findings.push(unused(wanted)),
        // With archive_mode off the server shows "(disabled)", whatever is set.
        None if facts.settings.text("archive_mode") == Some("off") => {
            findings.push(
                Diagnosis::problem(NAME, "not in force while archive_mode is off").mend(wanted),
            );
        }
        None => findings.push(foreign(command).mend(wanted)),
        Some(call) if !call.whole => {
            let found = format!("{command:?} does not pass on both %p and %f");
            findings.push(Diagnosis::problem(NAME, found).mend(wanted));
        }
        Some(call) => {
            findings.push(match call.decides {
                true => Diagnosis::good(NAME, command),
                false => {
                    let found = format!("{command:?}: what follows wal-push may hide its failure");
                    Diagnosis::warning(NAME, found).mend(wanted.clone())
                }
            });
            match host {
                Ok(host) => findings.extend(reachable(&call, host, file, wanted)),
                Err(unseen) => findings.push(match ability {
                    Ability::Unable(why) => Diagnosis::problem(PROGRAM, why).mend(wanted),
                    _ => out_of_sight(*unseen, facts),
                }),
            }
        }
    }
    findings.extend(failure(facts));
    findings.extend(restoring(facts, file));
    findings.extend(left_of_a_recovery(facts));
    findings.extend(host.as_ref().ok().and_then(|host| restored(facts, host)));
    findings
}

/// Nothing to a server that takes writes, but standbys that are made of it go by them.
fn left_of_a_recovery(facts: &ServerAnswers) -> Vec<Diagnosis> {
    let names = ["", "_lsn", "_name", "_time", "_timeline", "_xid"];
    let left = names.map(|end| format!("recovery_target{end}")).into_iter().filter_map(|name| {
        let value = facts.settings.text(&name).filter(|value| !["", "latest"].contains(value))?;
        let found = format!(
            "{value:?}, of an earlier recovery: a standby that is made of this server stops there"
        );
        let gone = facts.in_recovery || facts.settings.waits_for_restart(&name);
        let mend = facts.origins.reset(&name);
        (!gone).then(|| Diagnosis::warning(name, found).mend(mend))
    });
    left.collect()
}

/// What a restore wrote counts for `wal-push`, whatever the command line of the server says.
fn restored(facts: &ServerAnswers, host: &Host) -> Option<Diagnosis> {
    let data = host
        .data_directory
        .as_ref()
        .filter(|_| facts.settings.text("archive_mode") != Some("off"))?;
    let data_directory = DataDirectory::find(&data.join("pg_wal/any"))?;
    let refused = refuse_restored(&data_directory).err()?;
    let found =
        "off in postgresql.auto.conf, by a restore: wal-push archives nothing of this server";
    let finding = Diagnosis::problem("archive_mode of a restore", found);
    let mend = Mend::sql("ALTER SYSTEM RESET archive_mode".to_owned());
    (refused.class() == Class::Configuration).then(|| finding.mend(mend))
}

fn archive_mode(facts: &ServerAnswers) -> Diagnosis {
    match facts.settings.text("archive_mode").unwrap_or_default() {
        "off" => Diagnosis::problem("archive_mode", "off: nothing is archived").mend(restart_to(
            facts,
            "archive_mode",
            "on",
        )),
        mode => Diagnosis::good("archive_mode", mode),
    }
}

/// A module archives instead of the command (PostgreSQL 15 and later).
fn archive_library(facts: &ServerAnswers) -> Option<Diagnosis> {
    let library = facts.settings.text("archive_library").filter(|text| !text.is_empty())?;
    let found = format!("{library:?} archives instead of archive_command");
    let mend = facts.origins.set("archive_library", "", false);
    Some(Diagnosis::problem("archive_library", found).mend(mend))
}

fn unused(wanted: Mend) -> Diagnosis {
    Diagnosis::problem(NAME, "not in use while there is an archive_library").mend(wanted)
}

fn foreign(command: &str) -> Diagnosis {
    if command.is_empty() {
        return Diagnosis::problem(NAME, "empty: WAL piles up in pg_wal");
    }
    Diagnosis::problem(
        NAME,
        format!("{command:?} does not run wal-push: nothing reaches the repositories"),
    )
}

/// Then only what it did tells whether it can.
fn out_of_sight(unseen: Unseen, facts: &ServerAnswers) -> Diagnosis {
    let reason = unseen.reason();
    if let Some(ArchiverAttempt { file, shown, .. }) = facts.archiver.success() {
        let found = format!("not checked: {reason}; it archived {file} at {shown}");
        return Diagnosis::note(PROGRAM, found);
    }
    let found = format!("not checked: {reason}; the newest attempt to archive failed");
    Diagnosis::unknown(PROGRAM, found).advice(
        "Run this where the server runs (podman exec -u postgres CONTAINER seawall doctor), or \
         SELECT pg_switch_wal() and see a moment later what came of it.",
    )
}

/// The program and its configuration as the server's user finds them.
fn reachable(call: &ProgramCall, host: &Host, file: Option<&Path>, wanted: Mend) -> Vec<Diagnosis> {
    let Some(path) = program::find(&call.program, host) else {
        let found = format!("the server does not find {:?}", call.program);
        return vec![Diagnosis::problem(PROGRAM, found).mend(wanted)];
    };
    vec![program::runs(&path, host), configuration(call, host, file, wanted)]
}

fn configuration(call: &ProgramCall, host: &Host, file: Option<&Path>, wanted: Mend) -> Diagnosis {
    let named = call.config.clone().or_else(|| host.variable("SEAWALL_CONFIG").map(PathBuf::from));
    let bare = call.names_repository || host.variable("SEAWALL_REPOSITORY").is_some();
    let path = match named {
        Some(path) => path,
        None if Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_FILE),
        None if bare => return Diagnosis::good(CONFIG, "none, the repository is named by itself"),
        None => {
            let found = format!("none is named, and there is no {DEFAULT_FILE}");
            return Diagnosis::problem(CONFIG, found).mend(wanted);
        }
    };
    let user = host.account.name();
    match host.account.may(&path, READ) {
        Ok(true) => {}
        Ok(false) => {
            let found = format!("the user {user} may not read {path:?}");
            let (group, path) = (host.account.group_name(), path.display());
            let command = format!("chgrp {group} {path} && chmod 0640 {path}");
            return Diagnosis::problem(CONFIG, found).mend(Mend::Shell(command));
        }
        Err(error) if host.hides(&error) => {
            return Diagnosis::unknown(CONFIG, format!("can't look at {path:?}: {error}"))
                .mend(host.as_its_user());
        }
        Err(error) => {
            return Diagnosis::problem(CONFIG, format!("can't look at {path:?}: {error}"))
                .mend(wanted);
        }
    }
    let real = |path: &Path| fs::canonicalize(path).ok();
    if file.is_some_and(|file| real(file) != real(&path)) {
        let found = format!("{path:?}, but this check uses {:?}", file.unwrap_or(&path));
        return Diagnosis::warning(CONFIG, found).mend(wanted);
    }
    Diagnosis::good(CONFIG, format!("the user {user} can read {path:?}"))
}

fn failure(facts: &ServerAnswers) -> Option<Diagnosis> {
    let ArchiverAttempt { file, shown, .. } = facts.archiver.failure()?;
    let found = format!("the newest attempt failed: {file} at {shown}");
    let finding = Diagnosis::problem("archiver", found);
    Some(finding.advice("The server's log has wal-push's own words, and a hint."))
}

/// A primary has no use for it; `basebackup restore` writes its own.
fn restoring(facts: &ServerAnswers, file: Option<&Path>) -> Option<Diagnosis> {
    let (name, command) =
        ("restore_command", facts.settings.text("restore_command").unwrap_or_default());
    let wanted = facts.origins.set(name, &restore_command(file), false);
    if command.is_empty() {
        let found =
            "empty: a standby that falls behind its primary can't catch up from the archive";
        return facts.in_recovery.then(|| Diagnosis::warning(name, found).mend(wanted));
    }
    match find_call(command, "wal-fetch") {
        Some(call) if call.whole => Some(Diagnosis::good(name, command)),
        Some(_) => {
            let found = format!("{command:?} does not pass on both %f and %p");
            Some(Diagnosis::problem(name, found).mend(wanted))
        }
        None => {
            let found = format!("{command:?} is not wal-fetch: it does not see the repositories");
            Some(Diagnosis::warning(name, found).mend(wanted))
        }
    }
}
