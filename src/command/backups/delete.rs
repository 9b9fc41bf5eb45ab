//! `delete`: one backup, whatever retention says. What every kind refuses, shows before it deletes, and says of what it
//! leaves.

use std::borrow::Borrow as _;

use clap::{ArgMatches, Command};

use super::{Surveyed, find, id, id_of, name, verb};
use crate::backup::deleting::{Pruned, delete};
use crate::backup::{Backup, Catalogue, StoredBackup};
use crate::cli::asked;
use crate::cli::flags::switch;
use crate::cli::text::{plain, table};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::command::pruning::{Amounts, done};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::repository::{self, Repository};
use crate::retention::Condition;

const AFTER: &str = "\
It does not delete a pinned backup. It deletes the only good backup of a repository only with --even-the-last.
With --repository NAME it deletes the backup only in that repository. If it is interrupted, `prune` removes the
rest.";

pub fn command<K: Deletes>() -> Command {
    let about = format!("Deletes one {}, in every repository or in one", K::WHAT);
    let words = vec![
        id(),
        switch("even-the-last", "Also delete the last good backup"),
        switch("dry-run", "Show the plan and stop"),
        switch("yes", "Do not ask"),
    ];
    let leaves = match K::delete_leaves() {
        "" => String::new(),
        leaves => format!("\n\n{leaves}"),
    };
    verb::<K>("delete", about, words).after_help(format!("{AFTER}{leaves}"))
}

pub fn run<K: Deletes>(config: &Config, matches: &ArgMatches) -> Result<()> {
    let (id, even_the_last) = (id_of(matches), matches.get_flag("even-the-last"));
    let agree = &mut |plan: &str| asked::agreed(matches, plan);
    print(delete_one::<K>(config, Order { id, even_the_last, agree })?)
}

/// What was asked for.
struct Order<'a> {
    /// The beginning of an id.
    id: String,
    /// Also the only good one in a repository.
    even_the_last: bool,
    agree: &'a mut dyn FnMut(&str) -> Result<bool>,
}

/// The backup that is to go, and where it lies.
pub struct Doomed<'a, K: Surveyed> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub survey: &'a K::Survey,
    pub system: K::System,
    pub id: String,
    pub copies: Vec<DoomedCopy>,
}

/// The one that is to go, in one repository.
pub struct DoomedCopy {
    pub repository: usize,
    bytes: u64,
    pinned: bool,
    /// Why it can't be restored; `None` where it can, or nobody knows.
    fault: Option<String>,
    /// Whether there is another good one in this repository.
    others: bool,
}

/// A kind of backups, and what is deleted with one.
pub trait Deletes: Surveyed {
    /// How much goes.
    fn amounts(doomed: &Doomed<'_, Self>) -> Result<Amounts> {
        let mut amounts = Amounts::default();
        doomed.copies.iter().for_each(|copy| amounts.add(copy.repository, copy.bytes));
        Ok(amounts)
    }

    /// Goes on with the other repositories where one fails.
    fn carry_out(doomed: &Doomed<'_, Self>) -> Result<Pruned> {
        let places = doomed.copies.iter().filter_map(|it| doomed.repositories.get(it.repository));
        let folder = doomed.catalogue().folder_of(doomed.system, &doomed.id);
        Ok(delete(&places.collect::<Vec<_>>(), &folder))
    }
}

/// Shows its plan, has it agreed to, and carries it out.
fn delete_one<K: Deletes>(config: &Config, order: Order<'_>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = K::survey(&repositories, config);
    let doomed = Doomed::<K>::found(config, &repositories, &survey, &order.id)?;
    let text = doomed.plan(order.even_the_last, &K::amounts(&doomed)?)?;
    let failures = doomed.catalogue().failures.iter();
    let mut errors: Vec<Error> = failures.map(|it| it.error.clone()).collect();
    if !(order.agree)(&text)? {
        return Ok(Shown { text: String::new(), errors });
    }
    let mut deleted = K::carry_out(&doomed)?;
    errors.append(&mut deleted.errors);
    Ok(Shown { text: done(&deleted), errors })
}

impl<'a, K: Surveyed> Doomed<'a, K> {
    /// Where it lies. One whose description can't be read can be deleted as well, unless it may need objects of others.
    fn found(
        config: &'a Config,
        repositories: &'a [Repository],
        survey: &'a K::Survey,
        id: &str,
    ) -> Result<Self> {
        let catalogue: &Catalogue<K> = survey.borrow();
        let unread = catalogue.broken.iter().find(|it| !K::SHARES && it.id.starts_with(id));
        let (system, id, described) = match (find(catalogue, repositories, id), unread) {
            (Ok(backup), _) => (backup.system, backup.id.clone(), Some(backup)),
            (Err(_), Some(unread)) => (unread.system, unread.id.clone(), None),
            (Err(error), None) => return Err(error),
        };
        let stored =
            described.into_iter().flat_map(|it| it.copies.iter().map(move |copy| (it, copy)));
        let copies = stored.map(|(it, copy)| DoomedCopy {
            repository: copy.repository,
            bytes: copy.occupied,
            pinned: copy.pinned,
            fault: fault::<K>(survey, it, copy),
            others: others::<K>(survey, it, copy.repository),
        });
        let broken = catalogue.broken.iter();
        let broken = broken.filter(|it| !K::SHARES && it.system == system && it.id == id);
        let broken = broken.map(|it| DoomedCopy {
            repository: it.repository,
            bytes: 0,
            pinned: false,
            fault: Some("its description can't be read".to_owned()),
            others: true,
        });
        let copies = copies.chain(broken).collect();
        Ok(Self { config, repositories, survey, system, id, copies })
    }

    pub fn catalogue(&self) -> &'a Catalogue<K> {
        self.survey.borrow()
    }

    /// The plan as people are shown it. Fails where something must stay.
    fn plan(&self, even_the_last: bool, amounts: &Amounts) -> Result<String> {
        for copy in &self.copies {
            self.refuse(copy, even_the_last)?;
        }
        let row = |copy: &DoomedCopy| {
            let fault = copy.fault.as_ref().map(|fault| format!(", damaged: {}", plain(fault)));
            let last = (copy.fault.is_none() && !copy.others).then_some(", the last good one");
            let why = format!("asked for{}{}", fault.unwrap_or_default(), last.unwrap_or_default());
            vec!["delete".to_owned(), self.name(copy).to_owned(), plain(&self.id), why]
        };
        let heads = ["", "IN", &K::WHAT.to_uppercase(), "WHY"].map(str::to_owned).into();
        let rows = std::iter::once(heads).chain(self.copies.iter().map(row));
        Ok(table(&rows.collect::<Vec<_>>(), &[]) + "\n" + &amounts.told(self.repositories))
    }

    fn refuse(&self, copy: &DoomedCopy, even_the_last: bool) -> Result<()> {
        let (id, name) = (&self.id, self.name(copy));
        if copy.pinned {
            let message = format!("{id} is pinned in repository {name}, so it is not deleted");
            return Err(Error::new(Class::Usage, message)
                .hint(format!("`{} unpin {id}` leaves it to be deleted.", K::PROGRAM)));
        }
        if copy.fault.is_none() && !copy.others && !even_the_last {
            let what = K::WHAT;
            let message =
                format!("{id} is the only {what} in repository {name} that can be restored");
            return Err(Error::new(Class::Usage, message).hint(format!(
                "Take a new one first (`{} create`), name with --repository where it is to be deleted, or add --even-the-last.",
                K::PROGRAM
            )));
        }
        Ok(())
    }

    fn name(&self, copy: &DoomedCopy) -> &str {
        name(self.repositories, copy.repository)
    }
}

fn fault<K: Surveyed>(
    survey: &K::Survey,
    backup: &Backup<K>,
    copy: &StoredBackup,
) -> Option<String> {
    match K::condition(survey, backup, copy) {
        Condition::Bad(fault) => Some(fault),
        Condition::Good | Condition::Unknown(_) => None,
    }
}

/// Whether the repository can restore another one of the same system.
fn others<K: Surveyed>(survey: &K::Survey, than: &Backup<K>, repository: usize) -> bool {
    let all = survey.borrow().backups.iter();
    let all = all.filter(|it| it.system == than.system && it.id != than.id);
    let copies = all.flat_map(|it| it.copies.iter().map(move |copy| (it, copy)));
    let mut here = copies.filter(|(_, copy)| copy.repository == repository);
    here.any(|(it, copy)| K::condition(survey, it, copy) == Condition::Good)
}
