//! What repositories are owed of the WAL of one system, as `list` tells it to people and to programs.

use serde::Serialize;

use crate::basebackup::Description;
use crate::basebackup::catalogue::SystemWal;
use crate::cli::text::{at_seconds, count, plain};
use crate::command::backups::Seen;
use crate::debts::Ledger;

/// What one repository is owed.
#[derive(Serialize)]
pub(super) struct OwedJson {
    repository: String,
    wal_files: usize,
    /// When the first became owed.
    since: Option<String>,
}

/// A note of what is there is no debt. Who can't say what others are owed has said why.
pub(super) fn owed(seen: &Seen<'_, Description>, wal: &SystemWal) -> Vec<OwedJson> {
    let ledger = Ledger::read(seen.repositories, &seen.config.cluster);
    let owed = ledger.accounts.iter().map(|account| {
        let payee = account.payee(seen.repositories);
        let inventory = payee.and_then(|at| wal.inventories.get(at)?.as_ref());
        let lacks = |name| inventory.is_none_or(|inventory| !inventory.has(name));
        let owed = account.wal.iter();
        let owed = owed.filter(|((system, name), _)| *system == wal.system && lacks(*name));
        let owed: Vec<_> = owed.map(|(_, noted)| noted).collect();
        OwedJson {
            repository: account.name.clone(),
            wal_files: owed.len(),
            since: owed.iter().filter_map(|noted| noted.since).min().map(at_seconds),
        }
    });
    owed.filter(|owed| owed.wal_files > 0).collect()
}

/// The same in words, behind an empty line.
pub(super) fn words(owed: &[OwedJson]) -> String {
    let line = |owed: &OwedJson| {
        let (name, files) = (plain(&owed.repository), count(owed.wal_files as u64, "WAL file"));
        let since = owed.since.as_ref().map_or(String::new(), |since| format!(" since {since}"));
        format!("Repository {name} is owed {files}{since}: see `seawall settle`.\n")
    };
    let lines: String = owed.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}
