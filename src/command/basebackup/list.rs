//! What `basebackup list` tells beside what every `list` does: systems, and what can be recovered from the base backups,
//! timeline by timeline, in `windows`; and what repositories are owed of it.

mod windows;

use std::collections::BTreeMap;

use super::bar::LEGEND;
use super::condition_of;
use super::json;
use super::owed::{owed, words};
use crate::basebackup::Description;
use crate::basebackup::catalogue::{Backup, Facts};
use crate::basebackup::windows::Needed;
use crate::cli::text::{Paper, plain, whole_size};
use crate::command::backups::Seen;
use crate::command::backups::list::{Lists, damaged};
use crate::error::Result;
use crate::postgres::SystemIdentifier;
use crate::retention::Condition;

/// So many are named.
const CLUSTERS_SHOWN: usize = 10;

impl Lists for Description {
    const OWN_COLUMNS: &'static [&'static str] = &["TL", "START..STOP"];
    /// `START..STOP`, which `show` tells.
    const SPARE: usize = 1;
    const APART: &'static str = "\n";
    const JSON_HELP: &'static str = "Print everything as JSON";
    const AFTER: &'static str = "It reads only names, sizes and descriptions; `basebackup verify` reads every \
     byte. If a repository does not answer or a description can't be read, it says so, shows the \
     rest, and ends with the status of the first error.";

    fn about() -> String {
        "Lists all base backups, and shows from when to when you can recover".to_owned()
    }

    fn label(facts: &Facts) -> &str {
        &facts.label
    }

    fn cells(facts: &Facts) -> Vec<String> {
        let range = format!("{}..{}", facts.start.lsn, facts.stop.lsn);
        vec![facts.stop.timeline.number().to_string(), range]
    }

    fn restorable(seen: &Seen<'_, Self>, backup: &Backup) -> Condition {
        condition_of(seen.survey, backup)
    }

    fn none(seen: &Seen<'_, Self>, found: &str) -> String {
        let places: Vec<String> =
            seen.repositories.iter().map(|repository| plain(&repository.place())).collect();
        let none = format!(
            "There is no base backup of cluster {} {found}. Looked into {}. `basebackup create` takes one.\n",
            plain(&seen.config.cluster),
            places.join(", ")
        );
        none + &other_clusters(seen)
    }

    fn heading(
        seen: &Seen<'_, Self>,
        system: SystemIdentifier,
        backups: &[&Backup],
    ) -> Result<String, String> {
        let (Some(newest), Some(wal)) = (backups.last(), seen.survey.system(system)) else {
            return Err(format!(
                "System {system} has no base backup, and its WAL alone restores nothing\n"
            ));
        };
        let postgres = newest.facts.postgres_version;
        let segments = whole_size(wal.segment_size.bytes());
        Ok(format!("System {system}, PostgreSQL {postgres}, WAL segments of {segments}\n\n"))
    }

    fn remarks(seen: &Seen<'_, Self>, backup: &Backup) -> Vec<String> {
        let condition = condition_of(seen.survey, backup);
        let mut remarks = match &condition {
            Condition::Good => Vec::new(),
            Condition::Bad(reason) => vec![format!("can't be restored: {reason}")],
            Condition::Unknown(reason) => vec![format!("perhaps can't be restored: {reason}")],
        };
        remarks.extend(damaged(seen, backup));
        let wal = seen.survey.system(backup.system).filter(|_| condition == Condition::Good);
        for copy in &backup.copies {
            let needed = wal.and_then(|wal| wal.needed_in(copy.repository, backup));
            if let Some(Needed::Missing(segment)) = needed {
                let name = seen.name(copy.repository);
                remarks.push(format!("can't be restored from {name} alone: it lacks {segment}"));
            }
        }
        if backup.facts.checksum_failures {
            remarks.push("has pages whose checksums were wrong on the server".to_owned());
        }
        remarks
    }

    fn behind(seen: &Seen<'_, Self>, system: SystemIdentifier, paper: Paper) -> String {
        let wal_window = seen.config.retention.wal_window;
        let wal = seen.survey.system(system);
        wal.map_or(String::new(), |wal| {
            windows::text(seen.survey, wal, wal_window, paper.width) + &words(&owed(seen, wal))
        })
    }

    fn legend(seen: &Seen<'_, Self>) -> &'static str {
        if seen.survey.systems.is_empty() { "" } else { LEGEND }
    }

    fn list_json(seen: &Seen<'_, Self>) -> Result<String> {
        json::list(seen)
    }
}

/// Of a wrong name nothing else tells. Best effort: what can't be listed has been said.
fn other_clusters(seen: &Seen<'_, Description>) -> String {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for repository in seen.repositories {
        let clusters = repository.first_folders("postgres/", CLUSTERS_SHOWN + 1);
        for cluster in clusters.unwrap_or_default() {
            if cluster != seen.config.cluster {
                found.entry(cluster).or_default().push(repository.name());
            }
        }
    }
    let more = if found.len() > CLUSTERS_SHOWN { ", and more" } else { "" };
    let one = |(cluster, places): (&String, &Vec<&str>)| {
        format!("{} in {}", plain(cluster), places.join(","))
    };
    let shown: Vec<String> = found.iter().take(CLUSTERS_SHOWN).map(one).collect();
    match shown.is_empty() {
        true => String::new(),
        false => format!(
            "The repository has other clusters: {}{more}. Name the right one with `cluster`.\n",
            shown.join("; ")
        ),
    }
}
