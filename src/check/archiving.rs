//! What the server's archiver says, against what the repositories have.

use super::finding::{CheckState, Finding, FindingDraft, age, at, count, objective, time};
use super::gather::Case;
use super::owed::is_owed;
use super::server::Server;
use crate::doctor::{Ability, Mend, Restart, archive_command};
use crate::postgres::WalFileName;
use crate::replication::{Archiver, ArchiverAttempt};

/// Commands that archive nothing and say that they did.
const NOTHING: [&str; 8] =
    ["/bin/true", "/usr/bin/true", "true", ":", "exit 0", "cd .", "/bin/true %p", "echo"];

/// What the server believes of its archive, against what the repositories have.
pub(super) fn archiver(case: &Case<'_>) -> Option<Finding> {
    let server = case.server()?;
    // A standby archives only where it was told to.
    if server.facts.leaves_archiving_to_its_primary() {
        return None;
    }
    let mut draft = FindingDraft::new(case.postgres(), "archiving", None);
    let command = server.archive_command().trim();
    let line = archive_command(case.config.file.as_deref());
    let set = set(server, "archive_command", &line);
    if server.facts.archive_mode() == "off" {
        draft.say(
            CheckState::Critical,
            "archive_mode = off: no WAL is archived",
            off(server, &line),
        );
        return Some(draft.finding());
    }
    let library = server.facts.settings.text("archive_library");
    let by_command = library.is_none_or(str::is_empty);
    let ability = Some(&server.ability).filter(|_| by_command);
    let nothing = match ability {
        None => None,
        _ if command.is_empty() || NOTHING.contains(&command) => Some(String::new()),
        Some(Ability::Unable(why)) => Some(format!(": {why}")),
        _ => None,
    };
    let unsaid = nothing.is_none();
    if let Some(why) = nothing {
        let text = format!("archive_command = '{command}' archives nothing{why}");
        draft.say(CheckState::Critical, text, set.clone());
    }
    let failing =
        server.archiver.as_ref().is_some_and(|it| archived(case, server, it, &set, &mut draft));
    draft.number("seawall_archive_failing", f64::from(u8::from(failing)));
    if let Some(Ability::NotSeen(why)) = ability.filter(|_| unsaid) {
        draft.ok(format!("its archive_command was not checked: {why}"));
    }
    Some(draft.finding())
}

/// The mend of a setting, and where it stands now.
pub(super) fn set(server: &Server, name: &str, value: &str) -> String {
    let mend = match server.origins.set(name, value, false) {
        mend @ Mend::Sql { .. } => format!("{} then SELECT pg_reload_conf().", mend.text()),
        mend => mend.text(),
    };
    mend + &stands(server, name)
}

fn stands(server: &Server, name: &str) -> String {
    let place = server.origins.set_in(name);
    place.map_or(String::new(), |place| format!(" ({name} is set in {place})"))
}

/// The server does not show an `archive_command` that is not in force.
fn off(server: &Server, line: &str) -> String {
    let name = "archive_mode";
    let mend = match (
        server.origins.set(name, "on", true),
        server.origins.set("archive_command", line, false),
    ) {
        (Mend::Sql { restart: Restart::Server, .. }, command @ Mend::Sql { .. }) => {
            format!("ALTER SYSTEM SET archive_mode = on; {} then restart.", command.text())
        }
        (mode, _) => mode.text(),
    };
    mend + &stands(server, name)
}

/// Whether archiving fails just now. `set` is what has it go on.
fn archived(
    case: &Case<'_>,
    server: &Server,
    archiver: &Archiver,
    set: &str,
    draft: &mut FindingDraft,
) -> bool {
    let rpo = case.config.objectives.rpo;
    // Nobody looks for a file that has another name than a WAL file.
    let last = archiver.archived.as_ref();
    let last = last.and_then(|it| Some((it.file.parse::<WalFileName>().ok()?, it.at)));
    if let Some((name, when)) = last {
        let ago = time(age(when, case.now));
        let without: Vec<usize> =
            case.answering().into_iter().filter(|number| lacks(case, *number, name)).collect();
        if without.is_empty() {
            draft.ok(format!("{name} was archived {ago} ago"));
        }
        for number in without {
            let text = format!(
                "PostgreSQL reports {name} as archived {ago} ago, but repository {} does not have it",
                case.name(number)
            );
            let hint = format!(
                "Does archive_command call wal-push with this configuration? It is '{}'. {set}",
                server.archive_command()
            );
            draft.say(CheckState::Critical, text, hint);
        }
    }
    let failed = archiver.failure();
    if let Some(ArchiverAttempt { file, at: tried, .. }) = failed {
        let lasting = last.is_none_or(|(_, when)| age(when, case.now) > rpo.as_secs_f64());
        let state = if lasting { CheckState::Critical } else { CheckState::Warning };
        let text = format!("it fails: {file} could not be archived, last tried {}", at(*tried));
        draft.say(
            state,
            text,
            "The server's log has the message of wal-push. `seawall doctor` looks for the cause.",
        );
    }
    failed.is_some()
}

/// Without what it is owed: it gets that yet.
fn lacks(case: &Case<'_>, number: usize, name: WalFileName) -> bool {
    let system = case.gathered.system.and_then(|system| case.gathered.survey.system(system));
    let Some(system) = system else { return false };
    let inventory = system.inventories.get(number).and_then(Option::as_ref);
    let is_listed = matches!(name, WalFileName::Segment(_) | WalFileName::History(_));
    let lacks = inventory.is_some_and(|inventory| is_listed && !inventory.has(name));
    lacks && !is_owed(case, number, system.system, name)
}

pub(super) fn backlog(case: &Case<'_>) -> Option<Finding> {
    let backlog = case.server()?.backlog?;
    let rpo = case.config.objectives.rpo;
    let mut draft = FindingDraft::new(case.postgres(), "backlog", None);
    draft.number("seawall_archive_ready_files", backlog.files as f64);
    if backlog.files == 0 {
        draft.ok("no WAL waits to be archived");
        return Some(draft.finding());
    }
    let waits = backlog.oldest.map(|oldest| age(oldest, case.now));
    let since = waits.map_or(String::new(), |waits| format!(", the oldest for {}", time(waits)));
    let waiting = if backlog.files == 1 { "waits" } else { "wait" };
    let text = format!("{} {waiting} to be archived{since}", count(backlog.files, "file"));
    match waits.is_some_and(|waits| waits > rpo.as_secs_f64()) {
        true => draft.say(
            CheckState::Warning,
            format!("{text}; expected at most {}", objective(rpo)),
            "Is a store slow or down? The server's log has the messages of wal-push.",
        ),
        false => draft.ok(text),
    }
    Some(draft.finding())
}
