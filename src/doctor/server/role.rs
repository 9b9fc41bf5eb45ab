//! What the role may do that Seawall connects as: replicate, see paths and activity, and open a replication connection.

use super::facts::Facts;
use crate::config::Config;
use crate::doctor::finding::{Finding, Mend, identifier};
use crate::error::Class;
use crate::replication::query::connect_for_replication;
use std::time::Duration;

/// Longest wait for the answer to `IDENTIFY_SYSTEM`.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the role may do.
pub fn role(facts: &Facts, config: &Config) -> Vec<Finding> {
    let role = identifier(&facts.role);
    let may_replicate = facts.superuser || facts.replication;
    let rights = if may_replicate {
        Finding::good("REPLICATION", format!("role {} has it", facts.role))
    } else {
        let found = format!("role {} lacks it: it can take no base backup", facts.role);
        Finding::problem("REPLICATION", found)
            .mend(Mend::sql(format!("ALTER ROLE {role} REPLICATION")))
    };
    let monitor = if facts.monitor {
        Finding::good("pg_monitor", format!("role {} has it", facts.role))
    } else {
        let found = format!("role {} lacks it: paths and activity stay hidden", facts.role);
        Finding::warning("pg_monitor", found).mend(Mend::sql(format!("GRANT pg_monitor TO {role}")))
    };
    let connection = may_replicate.then(|| replication_connection(facts, config));
    [rights, monitor].into_iter().chain(connection).collect()
}

/// `pg_hba.conf` has lines of its own for the database `replication`, so only a try tells.
fn replication_connection(facts: &Facts, config: &Config) -> Finding {
    let what = "replication connection";
    let tried = connect_for_replication(&config.connection, config.limits.connect, PATIENCE)
        .and_then(|mut connection| connection.query("IDENTIFY_SYSTEM"));
    match tried {
        Ok(_) => Finding::good(what, "opened"),
        Err(error) if error.class() == Class::Refused => {
            let line = format!(
                "host replication {} ADDRESS/32 scram-sha-256  # in pg_hba.conf, or local … peer; then reload",
                facts.role
            );
            Finding::problem(what, error.to_string()).mend(Mend::Line(line))
        }
        Err(error) => Finding::problem(what, error.to_string()),
    }
}
