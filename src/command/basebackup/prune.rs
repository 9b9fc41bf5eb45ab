//! `basebackup prune`: the plan, then what it says.

use jiff::Timestamp;

use crate::backup::{Uploads, uploads};
use crate::base_backup::all_backups;
use crate::base_backup::catalogue::Survey;
use crate::base_backup::prune::{CarryOut, Gathered, gather};
use crate::base_backup::retention::{Attempt, Holdings, Plan, Verdict, WalLine, plan};
use crate::command::shown::{Shown, count, plain, table};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};

/// Shows its plan, has it agreed to, and carries it out.
pub fn run(config: &Config, agree: &mut dyn FnMut(&str) -> Result<bool>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    let now = Timestamp::now();
    let mut errors: Vec<Error> = survey.errors().cloned().collect();
    let (mut text, mut plans) = (String::new(), Vec::new());
    for system in &survey.systems {
        let Gathered { mut holdings, errors: more } =
            gather(&survey, system, &repositories, config);
        errors.extend(more);
        let all = all_backups(&config.cluster, system.system);
        let keep = &config.retention.keep;
        let (uploads, more) = uploads(&repositories, &all, &holdings.closed, keep, now);
        errors.extend(more);
        holdings.unfinished.extend(attempts(&uploads, &holdings));
        let plan = plan(&holdings, &config.retention, now)?;
        text += &described(system.system, &holdings, &plan, &uploads, &repositories);
        plans.push((system.system, holdings, plan, uploads));
    }
    let closed = plans.iter().flat_map(|(_, holdings, ..)| holdings.closed.iter());
    let mut closed: Vec<&str> = closed.map(|at| repositories[*at].name()).collect();
    closed.sort_unstable();
    closed.dedup();
    for name in closed {
        text += &format!("Nothing is deleted in repository {name}: not all of it could be read.\n");
    }
    let nothing = plans.iter().all(|(_, holdings, plan, uploads)| {
        plan.deletions(holdings).is_empty() && uploads.iter().all(|it| it.verdict.keep)
    });
    if nothing {
        return Ok(Shown { text: text + "Nothing is to be deleted.\n", errors });
    }
    if !agree(&text)? {
        return Ok(Shown { text: String::new(), errors });
    }
    let (mut deleted, mut ended, mut stayed) = (0, 0, String::new());
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
        };
        let pruned = order.run();
        deleted += pruned.deleted;
        ended += pruned.ended;
        stayed.extend(pruned.stayed.iter().map(|line| plain(line) + "\n"));
        errors.extend(pruned.errors);
    }
    let ended = match ended {
        0 => String::new(),
        _ => format!(" Ended {}.", count(ended, "upload")),
    };
    Ok(Shown { text: format!("{stayed}Deleted {}.{ended}\n", count(deleted, "object")), errors })
}

/// Base backups that may be under way, and of which no object is whole yet.
fn attempts(uploads: &[Uploads], holdings: &Holdings<'_>) -> Vec<Attempt> {
    let known = |it: &Uploads| {
        let backups = holdings.backups.iter().map(|one| (one.repository, &one.id));
        let unfinished = holdings.unfinished.iter().map(|one| (one.repository, &one.id));
        backups.chain(unfinished).any(|one| one == (it.repository, &it.id))
    };
    let new = uploads.iter().filter(|it| it.verdict.keep && !known(it));
    new.map(|it| Attempt { repository: it.repository, id: it.id.clone() }).collect()
}

fn described(
    system: SystemIdentifier,
    holdings: &Holdings<'_>,
    plan: &Plan,
    uploads: &[Uploads],
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
    let uploads = uploads.iter().map(|it| row(&it.verdict, it.repository, it.id.clone()));
    let wal = plan.wal.iter().map(|line| row(&line.verdict, line.repository, wal(line)));
    let backups = backups.chain(unfinished).chain(uploads).collect();
    let wal = wal.collect();
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
