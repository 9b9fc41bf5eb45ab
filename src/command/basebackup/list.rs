//! `basebackup list`: every base backup, and what can be recovered from them.
//!
//! Here is the table of base backups; `windows` is what can be recovered, timeline by timeline.

mod windows;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::bar::LEGEND;
use super::json;
use super::surveyed::restorable;
use crate::basebackup::catalogue::{Backup, Restorable, Survey};
use crate::basebackup::windows::Needed;
use crate::cli::text::{
    Paper, Spare, Tone, at_seconds, count, fitted, plain, short_size, took, whole_size,
};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::cli::{flags, screen};
use crate::config::Config;
use crate::error::Result;
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};

const HEADINGS: [&str; 11] =
    ["ID", "LABEL", "BEGAN", "TOOK", "SIZE", "STORED", "TL", "START..STOP", "PIN", "IN", "OK"];

/// So many are named.
const CLUSTERS_SHOWN: usize = 10;

/// Where it is narrow, `BEGAN`, which the id tells, `START..STOP`, which `show` tells, and `TOOK` are left out; `LABEL`, then
/// `IN`, are cut.
const SPARE: Spare<'_> = Spare { left_out: &[2, 7, 3], cut: &[1, 9], ends_in_text: false };

const ABOUT: &str = "Lists all base backups, and shows from when to when you can recover";

const AFTER: &str = "It reads only names, sizes and descriptions; `basebackup verify` reads every \
     byte. If a repository does not answer or a description can't be read, it says so, shows the \
     rest, and ends with the status of the first error.";

pub fn command() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    let command = Command::new("list")
        .about(ABOUT)
        .after_help(AFTER)
        .arg(json.help("Print everything as JSON"));
    flags::with_settings(command, &[])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(list(config, matches.get_flag("json"), screen::paper())?)
}

fn list(config: &Config, as_json: bool, paper: Paper) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    let cluster = &config.cluster;
    let wal_window = config.retention.wal_window;
    let page = Page { survey: &survey, repositories: &repositories, cluster, wal_window, paper };
    let text =
        if as_json { json::list(config, &repositories, &survey)? } else { paper.fit(&page.text()) };
    Ok(Shown { text, errors: survey.errors().cloned().collect() })
}

/// What is shown to people.
struct Page<'a> {
    survey: &'a Survey,
    repositories: &'a [Repository],
    cluster: &'a str,
    wal_window: Duration,
    paper: Paper,
}

impl Page<'_> {
    fn text(&self) -> String {
        let catalogue = &self.survey.catalogue;
        let mut text = String::new();
        if catalogue.backups.is_empty() {
            let found = match catalogue.failures.is_empty() {
                true => "yet",
                false => "in the repositories that answered",
            };
            let (cluster, places) =
                (plain(self.cluster), self.repositories.iter().map(Repository::place));
            let places: Vec<String> = places.map(|place| plain(&place)).collect();
            text += &format!(
                "There is no base backup of cluster {cluster} {found}. Looked into {}. `basebackup create` takes one.\n",
                places.join(", ")
            );
            text += &self.other_clusters();
        }
        for system in &catalogue.systems {
            text += &self.of_system(*system);
        }
        if !self.survey.systems.is_empty() {
            text += LEGEND;
        }
        text
    }

    /// Of a wrong name nothing else tells. Best effort: what can't be listed has been said.
    fn other_clusters(&self) -> String {
        let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for repository in self.repositories {
            let clusters = repository.first_folders("postgres/", CLUSTERS_SHOWN + 1);
            for cluster in clusters.unwrap_or_default() {
                if cluster != self.cluster {
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

    fn of_system(&self, system: SystemIdentifier) -> String {
        let all = self.survey.catalogue.backups.iter();
        let backups: Vec<&Backup> = all.filter(|backup| backup.system == system).collect();
        let wal = self.survey.system(system);
        let mut text = format!("System {system}");
        if let (Some(newest), Some(wal)) = (backups.last(), wal) {
            let postgres = newest.facts.postgres_version;
            let segments = whole_size(wal.segment_size.bytes());
            text += &format!(", PostgreSQL {postgres}, WAL segments of {segments}\n\n");
            let rows = backups.iter().map(|backup| self.row(backup));
            let rows: Vec<_> =
                [HEADINGS.map(str::to_owned).into()].into_iter().chain(rows).collect();
            text += &self.painted(&rows);
        } else {
            text += " has no base backup, and its WAL alone restores nothing\n";
        }
        let remarks: String = backups.iter().map(|backup| self.remarks(backup)).collect();
        for remarks in [remarks, self.others(system)] {
            text += &if remarks.is_empty() { remarks } else { format!("\n{remarks}") };
        }
        text += &wal.map_or(String::new(), |wal| {
            windows::text(self.survey, wal, self.wal_window, self.paper.width)
        });
        text + "\n"
    }

    /// The table, with the last word of each row in the colour of what it says.
    fn painted(&self, rows: &[Vec<String>]) -> String {
        let table = fitted(rows, SPARE, self.paper);
        let lines = table.lines().zip(rows).map(|(line, row)| {
            let (word, tone) = match row.last().map_or("", String::as_str) {
                word @ "yes" => (word, Tone::Good),
                word @ "no" => (word, Tone::Bad),
                word @ "?" => (word, Tone::Unclear),
                _ => return format!("{line}\n"),
            };
            self.paper.painted_end(line, word, tone) + "\n"
        });
        lines.collect()
    }

    fn row(&self, backup: &Backup) -> Vec<String> {
        let facts = &backup.facts;
        let stored = backup.copies.first().map_or(0, |copy| copy.stored_size);
        let places = backup.copies.iter().map(|copy| self.name(copy.repository));
        let places: Vec<_> = places.collect();
        let ok = match restorable(&self.survey.restorable(backup)).0 {
            "unknown" => "?",
            word => word,
        };
        vec![
            plain(&backup.id),
            plain(&facts.label),
            at_seconds(facts.start.time),
            took(facts.start.time, facts.stop.time).replace(' ', ""),
            short_size(facts.size),
            short_size(stored),
            facts.stop.timeline.number().to_string(),
            format!("{}..{}", facts.start.lsn, facts.stop.lsn),
            if backup.pinned() { "yes" } else { "" }.to_owned(),
            places.join(","),
            ok.to_owned(),
        ]
    }

    /// What is not as it should be with a backup.
    fn remarks(&self, backup: &Backup) -> String {
        let mut remarks = Vec::new();
        let verdict = self.survey.restorable(backup);
        match &verdict {
            Restorable::Yes => {}
            Restorable::No(reason) => remarks.push(format!("can't be restored: {reason}")),
            Restorable::Unknown(reason) => {
                remarks.push(format!("perhaps can't be restored: {reason}"));
            }
        }
        let faulty = backup.copies.iter().filter_map(|copy| Some((copy, copy.fault.as_ref()?)));
        remarks.extend(faulty.map(|(copy, fault)| {
            format!("is damaged in repository {}: {fault}", self.name(copy.repository))
        }));
        for copy in &backup.copies {
            let wal = self.survey.system(backup.system);
            let needed = wal.and_then(|wal| wal.needed_in(copy.repository, backup));
            if let (Restorable::Yes, Some(Needed::Missing(segment))) = (&verdict, needed) {
                let name = self.name(copy.repository);
                remarks.push(format!("can't be restored from {name} alone: it lacks {segment}"));
            }
        }
        if backup.facts.checksum_failures {
            remarks.push("has pages whose checksums were wrong on the server".to_owned());
        }
        remarks.iter().map(|remark| format!("{} {}\n", plain(&backup.id), plain(remark))).collect()
    }

    /// What lies there and is no backup.
    fn others(&self, system: SystemIdentifier) -> String {
        let catalogue = &self.survey.catalogue;
        let mut text = String::new();
        for (number, repository) in self.repositories.iter().enumerate() {
            let name = repository.name();
            let ours =
                |one_system, one_repository| one_system == system && one_repository == number;
            let unfinished = catalogue.unfinished.iter();
            let unfinished = unfinished.filter(|it| ours(it.system, it.repository)).count() as u64;
            if unfinished > 0 {
                let backups = count(unfinished, "unfinished base backup");
                text += &format!("{backups} in repository {name}: being taken now, or cut short\n");
            }
            let broken = catalogue.broken.iter().filter(|it| ours(it.system, it.repository));
            for id in broken.map(|it| plain(&it.id)) {
                text += &format!("{id} in repository {name} can't be read: see the error\n");
            }
        }
        text
    }

    fn name(&self, repository: usize) -> &str {
        self.repositories.get(repository).map_or("", Repository::name)
    }
}
