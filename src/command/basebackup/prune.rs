//! `basebackup prune`: the plan, then what it says.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::backup::deleting::Pruned;
use crate::backup::memory::Memory;
use crate::backup::{Uploads, begun, later, uploads};
use crate::basebackup::all_backups;
use crate::basebackup::catalogue::Survey;
use crate::basebackup::prune::{CarryOut, Gathered, gather};
use crate::basebackup::retention::{
    Attempt, Deletion, Holdings, Plan, RetentionVerdict, WalLine, plan,
};
use crate::command::pruning::{Amounts, Fate, Telling, clocks, remarks};
use crate::command::remembering::{self, note, recall_base_backups, shelves_of_system};
use crate::command::shown::{Shown, table};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository, WalFolder, WalRange};
use crate::retention::ago;

/// Shows its plan, has it agreed to, and carries it out.
pub fn run(config: &Config, telling: &mut Telling<'_>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let mut survey = Survey::read(&repositories, config);
    let mut memory = Memory::of(config.state_directory.as_deref(), "basebackup");
    recall_base_backups(&mut memory, &mut survey.catalogue, &repositories, &config.cluster);
    let survey = survey;
    let mut failed: Vec<usize> = survey.catalogue.failures.iter().map(|it| it.repository).collect();
    let clocks = clocks(&repositories, &|at| failed.contains(&at), newest(&survey));
    let now = clocks.now;
    let since = ago(now, config.retention.wal_window);
    let mut errors: Vec<Error> = survey.errors().chain(clocks.wrong.values()).cloned().collect();
    let (mut text, mut plans, mut amounts) = (String::new(), Vec::new(), Amounts::default());
    let mut all_fates = Vec::new();
    for system in &survey.systems {
        let Gathered { mut holdings, errors: more } =
            gather(&survey, system, &repositories, config, since);
        errors.extend(more);
        failed.extend(&holdings.closed);
        holdings.closed.extend(clocks.wrong.keys());
        let all = all_backups(&config.cluster, system.system);
        let keep = &config.retention.keep;
        let (uploads, more) = uploads(&repositories, &all, &holdings.closed, keep, now);
        errors.extend(more);
        holdings.unfinished.extend(attempts(&uploads, &holdings));
        let plan = plan(&holdings, &config.retention, now)?;
        let here = (system.system, all.as_str());
        let shelves = shelves_of_system(&survey.catalogue, here, &repositories, &holdings.closed);
        note(&mut memory, &shelves, &clocks);
        let [backups, wal] = fates(&holdings, &plan, &uploads, &repositories);
        text += &described(system.system, &backups, &wal);
        all_fates.extend(backups.into_iter().chain(wal));
        let wal = WalFolder::new(&config.cluster, system.system);
        add_amounts(&mut amounts, &holdings, &plan, &|at, ranges| {
            // Who can't list it again says so when it comes to deleting.
            repositories[at].wal_bytes(&wal, ranges, since).unwrap_or(0)
        });
        plans.push((system.system, holdings, plan, uploads));
    }
    let copies = survey.catalogue.backups.iter();
    let copies = copies.flat_map(|it| it.copies.iter().map(|copy| (it.facts.stop.time, copy)));
    text += &remembering::remarks(copies, &repositories);
    text += &remarks(&repositories, &clocks, &failed);
    let nothing = plans.iter().all(|(_, holdings, plan, uploads)| {
        plan.deletions(holdings).is_empty() && uploads.iter().all(|it| it.verdict.keep)
    });
    if nothing || telling.dry_run {
        memory.end(!telling.dry_run);
    }
    let planned = (&all_fates[..], &amounts);
    if nothing {
        let text = text + "Nothing is to be deleted.\n";
        return telling.shown(text, planned, &repositories, None, errors);
    }
    text += &amounts.told(&repositories);
    if !telling.agreed(&text)? {
        return telling.shown(String::new(), planned, &repositories, None, errors);
    }
    memory.end(true);
    let mut all = Pruned::default();
    for (system, holdings, plan, uploads) in &plans {
        let order = CarryOut {
            repositories: &repositories,
            cluster: &config.cluster,
            system: *system,
            holdings,
            plan,
            uploads,
            policy: &config.retention,
            now,
            since,
        };
        all.add(order.run());
    }
    errors.append(&mut all.errors);
    telling.shown(String::new(), planned, &repositories, Some(&all), errors)
}

/// When the newest base backup ended of which nobody doubts it.
fn newest(survey: &Survey) -> Option<Timestamp> {
    let sure = survey.catalogue.backups.iter().filter(|it| {
        let ended = it.facts.stop.time;
        it.copies.iter().any(|copy| copy.dates().doubt(ended).is_none())
    });
    sure.map(|it| it.facts.stop.time).max()
}

fn add_amounts(
    amounts: &mut Amounts,
    holdings: &Holdings<'_>,
    plan: &Plan,
    wal_bytes: &dyn Fn(usize, &[WalRange]) -> u64,
) {
    let mut wal: BTreeMap<usize, Vec<WalRange>> = BTreeMap::new();
    for deletion in plan.deletions(holdings) {
        match deletion {
            Deletion::Backup(at) => {
                amounts.add(holdings.backups[at].repository, holdings.backups[at].bytes);
            }
            Deletion::Unfinished(at) => {
                amounts.add(holdings.unfinished[at].repository, holdings.unfinished[at].bytes);
            }
            Deletion::Wal { repository, range } => wal.entry(repository).or_default().push(range),
        }
    }
    for (repository, ranges) in wal {
        amounts.add(repository, wal_bytes(repository, &ranges));
    }
}

/// Base backups that may be under way, and of which no object is whole yet.
fn attempts(uploads: &[Uploads], holdings: &Holdings<'_>) -> Vec<Attempt> {
    let known = |it: &Uploads| {
        let backups = holdings.backups.iter().map(|one| (one.repository, &one.id));
        let unfinished = holdings.unfinished.iter().map(|one| (one.repository, &one.id));
        backups.chain(unfinished).any(|one| one == (it.repository, &it.id))
    };
    let new = uploads.iter().filter(|it| it.verdict.keep && !known(it));
    let attempt = |it: &Uploads| Attempt {
        repository: it.repository,
        id: it.id.clone(),
        newest: later(begun(&it.id), &it.all),
        bytes: 0,
    };
    new.map(attempt).collect()
}

/// What becomes of base backups, and of WAL, with why.
fn fates(
    holdings: &Holdings<'_>,
    plan: &Plan,
    uploads: &[Uploads],
    repositories: &[Repository],
) -> [Vec<Fate>; 2] {
    let fate = |kind, verdict: &RetentionVerdict, repository: usize, what: String| {
        let name = repositories.get(repository).map_or("", Repository::name);
        Fate::new(kind, what, name, verdict)
    };
    let base = |verdict: &RetentionVerdict, at: usize, id: &str| {
        fate("backup", verdict, at, id.to_owned())
    };
    let mut backups: Vec<_> = holdings.backups.iter().zip(&plan.backups).collect();
    backups.sort_by_key(|(it, _)| (it.repository, &it.id));
    let backups = backups.iter().map(|(it, verdict)| base(verdict, it.repository, &it.id));
    let unfinished = holdings.unfinished.iter().zip(&plan.unfinished);
    let unfinished = unfinished.map(|(it, verdict)| base(verdict, it.repository, &it.id));
    let uploads = uploads.iter().map(|it| base(&it.verdict, it.repository, &it.id));
    let unread = RetentionVerdict::keep("its description can't be read");
    let broken = holdings.broken.iter().map(|it| base(&unread, it.repository, &it.id));
    let wal = plan.wal.iter().map(|line| fate("wal", &line.verdict, line.repository, wal(line)));
    [backups.chain(broken).chain(unfinished).chain(uploads).collect(), wal.collect()]
}

/// The plan as people are shown it.
fn described(system: SystemIdentifier, backups: &[Fate], wal: &[Fate]) -> String {
    let tables = [("BASE BACKUP", backups), ("WAL", wal)].map(|(head, fates)| titled(head, fates));
    format!("System {system}\n\n{}\nThe histories of timelines are kept.\n\n", tables.join("\n"))
}

fn titled(head: &str, fates: &[Fate]) -> String {
    let heads = ["", "IN", head, "WHY"].map(str::to_owned).into();
    let rows = std::iter::once(heads).chain(fates.iter().map(Fate::row));
    table(&rows.collect::<Vec<_>>(), &[])
}

fn wal(line: &WalLine) -> String {
    let (first, last) = (line.range.first, line.range.last);
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}
