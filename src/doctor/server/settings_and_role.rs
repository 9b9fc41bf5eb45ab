//! Judges the server's version, settings and clock, each by itself, and what the role may do that Seawall connects as;
//! and says what mends it.
//!
//! Some settings keep base backups from being taken; others, such as `fsync` when it is off, let a crash destroy the
//! database.

use std::time::Duration;

use super::ServerAnswers;
use crate::config::Config;
use crate::doctor::finding::{Diagnosis, Mend, identifier};
use crate::error::Class;
use crate::postgres::{SUPPORTED_IN_WORDS, ServerVersion};
use crate::replication::query::connect_for_replication;

/// What a base backup takes, and one more for a standby or a second backup.
const SENDERS: i64 = 2;

/// What the server is given where there are none.
const NEW_SENDERS: &str = "10";

/// More would make times in the archive hard to compare, in milliseconds.
const CLOCK: u64 = 5_000;

/// Longest wait for the answer to `IDENTIFY_SYSTEM`.
const ROLE_PATIENCE: Duration = Duration::from_secs(30);

/// Settings that hold for any way to archive.
pub(crate) fn settings(facts: &ServerAnswers, config: &Config) -> Vec<Diagnosis> {
    vec![
        version(facts.version),
        wal_level(facts),
        archive_timeout(facts, config.objectives.rpo),
        max_wal_senders(facts),
        data_checksums(facts),
        must_be_on(facts, "full_page_writes", "a crash can leave torn pages that no WAL mends"),
        must_be_on(facts, "fsync", "a crash of the machine can destroy the database"),
        wal_segment_size(facts),
        clock(facts),
    ]
}

/// The mend of a setting that needs a restart: said alone where it is set already.
pub(super) fn restart_to(facts: &ServerAnswers, name: &str, value: &str) -> Mend {
    if facts.settings.waits_for_restart(name) {
        return facts.origins.restart(name);
    }
    facts.origins.set(name, value, true)
}

/// WAL of any version is archived; base backups are taken of these alone.
fn version(version: ServerVersion) -> Diagnosis {
    let major = version.major();
    if version.is_supported() {
        return Diagnosis::good("version", major.to_string());
    }
    let found = format!("{major}: base backups are taken of {SUPPORTED_IN_WORDS}");
    Diagnosis::problem("version", found).advice(version.hint())
}

fn wal_level(facts: &ServerAnswers) -> Diagnosis {
    match facts.settings.text("wal_level").unwrap_or_default() {
        "minimal" => {
            Diagnosis::problem("wal_level", "minimal: the WAL restores nothing but this server")
                .mend(restart_to(facts, "wal_level", "replica"))
        }
        level => Diagnosis::good("wal_level", level),
    }
}

/// A server that writes little finishes a segment seldom, and only finished ones are archived.
fn archive_timeout(facts: &ServerAnswers, rpo: Duration) -> Diagnosis {
    let name = "archive_timeout";
    let found = Duration::from_secs(facts.settings.number(name).unsigned_abs());
    let wanted = (rpo.as_secs() / 2).clamp(1, 60);
    let mend = facts.origins.set(name, &format!("{wanted}s"), false);
    let aim = format!("objectives.rpo is {}", humantime::format_duration(rpo));
    if found.is_zero() {
        let text = format!("0: a quiet server may archive nothing for hours, {aim}");
        return Diagnosis::problem(name, text).mend(mend);
    }
    let shown = format!("{}, {aim}", humantime::format_duration(found));
    if found >= rpo {
        Diagnosis::problem(name, shown).mend(mend)
    } else {
        Diagnosis::good(name, shown)
    }
}

fn max_wal_senders(facts: &ServerAnswers) -> Diagnosis {
    let (name, most) = ("max_wal_senders", facts.settings.number("max_wal_senders"));
    let mend = || restart_to(facts, name, NEW_SENDERS);
    let free = most.unsigned_abs().saturating_sub(facts.senders);
    match most {
        0 => Diagnosis::problem(name, "0: no base backup can be taken").mend(mend()),
        _ if free == 0 => {
            let found = format!("{most}, all in use: a base backup needs one");
            Diagnosis::problem(name, found).mend(mend())
        }
        most if most < SENDERS => Diagnosis::warning(
            name,
            format!("{most}: one backup at a time, and no standby beside it"),
        )
        .mend(mend()),
        _ => Diagnosis::good(name, format!("{most}, {free} free")),
    }
}

fn data_checksums(facts: &ServerAnswers) -> Diagnosis {
    let name = "data_checksums";
    if facts.settings.text(name) == Some("on") {
        return Diagnosis::good(name, "on");
    }
    let directory = facts.settings.text("data_directory").unwrap_or("DATA_DIRECTORY");
    let command = format!("pg_checksums --enable -D {directory}  # with the server stopped");
    Diagnosis::warning(name, "off: damage to a page is found when it is read, if ever")
        .mend(Mend::Shell(command))
}

fn must_be_on(facts: &ServerAnswers, name: &'static str, otherwise: &str) -> Diagnosis {
    if facts.settings.text(name) == Some("on") {
        return Diagnosis::good(name, "on");
    }
    Diagnosis::problem(name, format!("off: {otherwise}")).mend(facts.origins.set(name, "on", false))
}

fn wal_segment_size(facts: &ServerAnswers) -> Diagnosis {
    let size = bytesize::ByteSize(facts.settings.number("wal_segment_size").unsigned_abs());
    Diagnosis::good("wal_segment_size", size.display().iec().to_string().replace(".0", ""))
}

fn clock(facts: &ServerAnswers) -> Diagnosis {
    let off = Duration::from_millis(facts.clock_ahead.unsigned_abs() / 1000 * 1000);
    if facts.clock_ahead.unsigned_abs() < CLOCK {
        return Diagnosis::good("clock", "as ours");
    }
    let which = if facts.clock_ahead > 0 { "before" } else { "behind" };
    let found = format!("{} {which} this host's", humantime::format_duration(off));
    Diagnosis::warning("clock", found).advice("Have both hosts keep their time with NTP.")
}

/// What the role may do.
pub(super) fn role(facts: &ServerAnswers, config: &Config) -> Vec<Diagnosis> {
    let role = identifier(&facts.role);
    let may_replicate = facts.superuser || facts.replication;
    let rights = if may_replicate {
        Diagnosis::good("REPLICATION", format!("role {} has it", facts.role))
    } else {
        let found = format!("role {} lacks it: it can take no base backup", facts.role);
        Diagnosis::problem("REPLICATION", found)
            .mend(Mend::sql(format!("ALTER ROLE {role} REPLICATION")))
    };
    let monitor = if facts.monitor {
        Diagnosis::good("pg_monitor", format!("role {} has it", facts.role))
    } else {
        let found = format!("role {} lacks it: paths and activity stay hidden", facts.role);
        Diagnosis::warning("pg_monitor", found)
            .mend(Mend::sql(format!("GRANT pg_monitor TO {role}")))
    };
    let connection = may_replicate.then(|| replication_connection(facts, config));
    [rights, monitor].into_iter().chain(connection).collect()
}

/// `pg_hba.conf` has lines of its own for the database `replication`, so only a try tells.
fn replication_connection(facts: &ServerAnswers, config: &Config) -> Diagnosis {
    let what = "replication connection";
    let tried = connect_for_replication(&config.connection, config.limits.connect, ROLE_PATIENCE)
        .and_then(|mut connection| connection.query("IDENTIFY_SYSTEM"));
    match tried {
        Ok(_) => Diagnosis::good(what, "opened"),
        Err(error) if error.class() == Class::Refused => {
            let line = format!(
                "host replication {} ADDRESS/32 scram-sha-256  # in pg_hba.conf, or local … peer; then reload",
                facts.role
            );
            Diagnosis::problem(what, error.to_string()).mend(Mend::Line(line))
        }
        Err(error) => Diagnosis::problem(what, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn other_versions_are_a_problem() {
        assert_eq!(version(ServerVersion(190_000)), Diagnosis::good("version", "19"));
        let of = |number| version(ServerVersion(number));
        assert_eq!(of(140_023).verdict, Severity::Problem);
        assert_eq!(
            of(140_023).found,
            format!("14: base backups are taken of {SUPPORTED_IN_WORDS}")
        );
        assert_eq!(of(140_023).mend, Some(Mend::Advice("Upgrade the server.".to_owned())));
        assert_eq!(
            of(200_000).found,
            format!("20: base backups are taken of {SUPPORTED_IN_WORDS}")
        );
    }
}
