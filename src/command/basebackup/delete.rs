//! `basebackup delete`: one base backup, whatever retention says.

use super::show::find;
use crate::backup::deleting::delete;
use crate::backup::{BackupFolder, StoredBackup};
use crate::basebackup::catalogue::{Backup, Survey};
use crate::basebackup::prune::condition;
use crate::command::deletion::{About, Copy, Order, amounts};
use crate::command::pruning::done;
use crate::command::shown::Shown;
use crate::config::Config;
use crate::error::Result;
use crate::postgres::SystemIdentifier;
use crate::repository;
use crate::retention::Condition;

const WHAT: &str = "base backup";

/// Shows its plan, has it agreed to, and carries it out. Its WAL is for `prune` to judge.
pub fn run(config: &Config, order: Order<'_>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    let (system, id, copies) = found(&survey, &repositories, &order.id)?;
    let about = About { id: &id, what: WHAT, program: "basebackup", repositories: &repositories };
    let text = about.plan(&copies, order.even_the_last, &amounts(&copies))?;
    let failures = survey.catalogue.failures.iter().map(|it| it.error.clone());
    let mut errors: Vec<_> = failures.collect();
    if !(order.agree)(&text)? {
        return Ok(Shown { text: String::new(), errors });
    }
    let folder = BackupFolder::new(&config.cluster, system, &id);
    let mut deleted = delete(&about.places(&copies), &folder);
    errors.append(&mut deleted.errors);
    Ok(Shown { text: done(&deleted), errors })
}

/// Where it lies. One whose description can't be read can be deleted as well.
fn found(
    survey: &Survey,
    repositories: &[repository::Repository],
    id: &str,
) -> Result<(SystemIdentifier, String, Vec<Copy>)> {
    let catalogue = &survey.catalogue;
    let described = match find(survey, repositories, id) {
        Ok(backup) => Some(backup),
        Err(error) if !catalogue.broken.iter().any(|it| it.id.starts_with(id)) => {
            return Err(error);
        }
        Err(_) => None,
    };
    let whole = described.map(|it| (it.system, it.id.clone()));
    let unread = || catalogue.broken.iter().find(|it| it.id.starts_with(id));
    let Some((system, id)) = whole.or_else(|| unread().map(|it| (it.system, it.id.clone()))) else {
        return find(survey, repositories, id).map(|it| (it.system, it.id.clone(), Vec::new()));
    };
    let stored = described.into_iter().flat_map(|it| it.copies.iter().map(move |copy| (it, copy)));
    let copies = stored.map(|(it, copy)| Copy {
        repository: copy.repository,
        bytes: copy.occupied,
        pinned: copy.pinned,
        fault: fault(survey, it, copy),
        others: others(survey, it, copy.repository),
    });
    let broken = catalogue.broken.iter().filter(|it| it.system == system && it.id == id);
    let broken = broken.map(|it| Copy {
        repository: it.repository,
        bytes: 0,
        pinned: false,
        fault: Some("its description can't be read".to_owned()),
        others: true,
    });
    let copies = copies.chain(broken).collect();
    Ok((system, id, copies))
}

fn fault(survey: &Survey, backup: &Backup, copy: &StoredBackup) -> Option<String> {
    match condition(survey.system(backup.system)?, backup, copy) {
        Condition::Bad(fault) => Some(fault),
        Condition::Good | Condition::Unknown(_) => None,
    }
}

/// Whether the repository can restore another one of the same system.
fn others(survey: &Survey, than: &Backup, repository: usize) -> bool {
    let Some(system) = survey.system(than.system) else { return false };
    let all = survey.catalogue.backups.iter();
    let all = all.filter(|it| it.system == than.system && it.id != than.id);
    let copies = all.flat_map(|it| it.copies.iter().map(move |copy| (it, copy)));
    let mut here = copies.filter(|(_, copy)| copy.repository == repository);
    here.any(|(it, copy)| condition(system, it, copy) == Condition::Good)
}
