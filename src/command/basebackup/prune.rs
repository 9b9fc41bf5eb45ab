//! `basebackup prune`: the plan, then what it says.

use jiff::Timestamp;

use super::Shown;
use super::table::table;
use super::texts::{count, plain};
use crate::base_backup::catalogue::Survey;
use crate::base_backup::prune::{CarryOut, Gathered, gather};
use crate::base_backup::retention::{Holdings, Plan, Verdict, WalLine, plan};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};

/// Shows its plan, has it agreed to, and carries it out.
pub fn run(config: &Config, agree: &mut dyn FnMut(&str) -> Result<bool>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    let now = Timestamp::now();
    let mut errors: Vec<Error> =
        survey.catalogue.failures.iter().map(|it| it.error.clone()).collect();
    errors.extend(survey.catalogue.broken.iter().map(|it| it.error.clone()));
    let (mut text, mut plans) = (String::new(), Vec::new());
    for system in &survey.systems {
        let Gathered { holdings, errors: more } = gather(&survey, system, &repositories, config);
        errors.extend(more);
        let plan = plan(&holdings, &config.retention, now)?;
        text += &described(system.system, &holdings, &plan, &repositories);
        plans.push((system.system, holdings, plan));
    }
    let closed = plans.iter().flat_map(|(_, holdings, _)| holdings.closed.iter());
    let mut closed: Vec<&str> = closed.map(|at| repositories[*at].name()).collect();
    closed.sort_unstable();
    closed.dedup();
    for name in closed {
        text += &format!("Nothing is deleted in repository {name}: not all of it could be read.\n");
    }
    let nothing = plans.iter().all(|(_, holdings, plan)| plan.deletions(holdings).is_empty());
    if nothing {
        return Ok(Shown { text: text + "Nothing is to be deleted.\n", errors });
    }
    if !agree(&text)? {
        return Ok(Shown { text: String::new(), errors });
    }
    let (mut deleted, mut stayed) = (0, String::new());
    for (system, holdings, plan) in &plans {
        let order = CarryOut {
            repositories: &repositories,
            cluster: &config.cluster,
            system: *system,
            holdings,
            plan,
            policy: &config.retention,
            now,
        };
        let pruned = order.run();
        deleted += pruned.deleted;
        stayed.extend(pruned.stayed.iter().map(|line| plain(line) + "\n"));
        errors.extend(pruned.errors);
    }
    Ok(Shown { text: format!("{stayed}Deleted {}.\n", count(deleted, "object")), errors })
}

fn described(
    system: SystemIdentifier,
    holdings: &Holdings<'_>,
    plan: &Plan,
    repositories: &[Repository],
) -> String {
    let row = |verdict: &Verdict, repository: usize, what: String| {
        let word = if verdict.keep { "keep" } else { "delete" };
        let name = repositories.get(repository).map_or("", Repository::name);
        vec![word.to_owned(), name.to_owned(), plain(&what), plain(&verdict.reason)]
    };
    let mut backups: Vec<_> = holdings.backups.iter().zip(&plan.backups).collect();
    backups.sort_by_key(|(it, _)| (it.repository, &it.id));
    let backups = backups.iter().map(|(it, verdict)| row(verdict, it.repository, it.id.clone()));
    let unfinished = holdings.unfinished.iter().zip(&plan.unfinished);
    let unfinished = unfinished.map(|(it, verdict)| row(verdict, it.repository, it.id.clone()));
    let wal = plan.wal.iter().map(|line| row(&line.verdict, line.repository, wal(line)));
    let (backups, wal) = (backups.chain(unfinished).collect(), wal.collect());
    let tables = [("BASE BACKUP", backups), ("WAL", wal)].map(|(head, rows)| titled(head, rows));
    format!("System {system}\n\n{}\nThe histories of timelines are kept.\n\n", tables.join("\n"))
}

fn titled(head: &str, rows: Vec<Vec<String>>) -> String {
    let heads = ["", "IN", head, "WHY"].map(str::to_owned).into();
    table(&[vec![heads], rows].concat(), &[])
}

fn wal(line: &WalLine) -> String {
    let (first, last) = (line.range.first, line.range.last);
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}
