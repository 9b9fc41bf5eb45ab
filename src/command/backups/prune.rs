//! `prune`: the plan, then what it says.
//!
//! What all kinds do is here: look, ask for the time, plan, show, ask for consent, delete. What a kind has beside its
//! backups, such as WAL, it adds by `Prunes`.

use std::collections::BTreeSet;

use clap::{ArgMatches, Command};
use jiff::Timestamp;

use super::{Surveyed, name};
use crate::backup::deleting::{Deletions, Pruned};
use crate::backup::memory::{Memory, Shelf};
use crate::backup::{BackupFolder, Catalogue, PlanLine, SelfContained, Uploads, plan, uploads};
use crate::cli::text::table;
use crate::cli::verbs::Shown;
use crate::cli::{asked, flags};
use crate::command::pruning::{self, Amounts, Fate, Telling, clocks, remarks};
use crate::config::Config;
use crate::debts::Ledger;
use crate::error::{Error, Result};
use crate::repository::{self, Repository};

/// What was seen, and at what time.
pub struct Scene<'a, K: Surveyed> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub survey: &'a K::Survey,
    /// By the earliest of all clocks.
    pub now: Timestamp,
}

/// The plan for one system.
pub struct SystemPlan<S, B> {
    pub system: S,
    /// In the order in which they are shown.
    pub lines: Vec<PlanLine>,
    pub uploads: Vec<Uploads>,
    /// Repositories in which nothing is deleted.
    pub closed: BTreeSet<usize>,
    pub beside: B,
}

type PlanOf<'a, K> = SystemPlan<<K as crate::backup::Kind>::System, <K as Prunes>::Beside<'a>>;

/// A kind of backups, and what is pruned with them.
pub trait Prunes: Surveyed {
    /// What a plan has beside the backups.
    type Beside<'a>;

    /// A plan for each system. What keeps it from being whole is added to the errors.
    fn plans<'a>(scene: &Scene<'a, Self>, errors: &mut Vec<Error>)
    -> Result<Vec<PlanOf<'a, Self>>>;

    /// What becomes of each thing that goes with the backups.
    fn fates_beside(_: &Scene<'_, Self>, _: &PlanOf<'_, Self>) -> Vec<Fate> {
        Vec::new()
    }

    /// The plan as people are shown it.
    fn described(_: &PlanOf<'_, Self>, backups: &[Fate], _beside: &[Fate]) -> String {
        titled(&Self::WHAT.to_uppercase(), backups) + "\n"
    }

    /// How much goes.
    fn add_amounts(
        _: &Scene<'_, Self>,
        plan: &PlanOf<'_, Self>,
        amounts: &mut Amounts,
    ) -> Result<()> {
        let going = plan.lines.iter().filter(|it| !it.verdict.keep);
        going.for_each(|it| amounts.add(it.repository, it.bytes));
        Ok(())
    }

    /// Deletes what the plan does not keep, uploads excepted.
    fn carry_out(
        scene: &Scene<'_, Self>,
        plan: &PlanOf<'_, Self>,
        deletions: &mut Deletions<'_>,
    ) -> Result<()> {
        for line in &plan.lines {
            deletions.line(line, &scene.folder(plan.system, &line.id));
        }
        Ok(())
    }
}

impl<K: Surveyed> Scene<'_, K> {
    pub fn catalogue(&self) -> &Catalogue<K> {
        std::borrow::Borrow::borrow(self.survey)
    }

    pub fn folder(&self, system: K::System, id: &str) -> BackupFolder {
        self.catalogue().folder_of(system, id)
    }

    /// The uploads under way of one system, and what becomes of them.
    pub fn uploads(
        &self,
        system: K::System,
        closed: &BTreeSet<usize>,
        errors: &mut Vec<Error>,
    ) -> Vec<Uploads> {
        let (all, keep) = (self.catalogue().all_of(system), K::keep(self.config));
        let (uploads, more) = uploads(self.repositories, &all, closed, &keep, self.now);
        errors.extend(more);
        uploads
    }
}

/// The plan for backups that stand alone. `correct` may change the verdicts.
pub fn plan_alone<D: SelfContained + Surveyed<System = ()>>(
    scene: &Scene<'_, D>,
    errors: &mut Vec<Error>,
    correct: &mut dyn FnMut(&mut [PlanLine], &mut Vec<Error>),
) -> Result<Vec<SystemPlan<(), ()>>> {
    let mut lines = plan(scene.catalogue(), &D::keep(scene.config), scene.now)?;
    correct(&mut lines, errors);
    let closed = scene.catalogue().failures.iter().map(|it| it.repository).collect();
    let uploads = scene.uploads((), &closed, errors);
    Ok(vec![SystemPlan { system: (), lines, uploads, closed, beside: () }])
}

pub fn command<D: SelfContained>() -> Command {
    let about = format!("Deletes each {} that no rule keeps any more", D::WHAT);
    let command = asked::with_plan(Command::new("prune").about(about)).after_help(
        "It never deletes the newest good backup in each repository, pinned backups, and backups \
         that are being taken now. In a repository that can't be read completely it deletes \
         nothing. If it is interrupted, run it again: it continues.",
    );
    flags::with_settings(command, D::TABLES)
}

pub fn run<K: Prunes>(config: &Config, matches: &ArgMatches) -> Result<()> {
    pruning::asked(K::PROGRAM, matches, |telling| prune::<K>(config, telling))
}

/// Shows its plan, has it agreed to, and carries it out.
fn prune<K: Prunes>(config: &Config, telling: &mut Telling<'_>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let mut survey = K::survey(&repositories, config);
    let mut memory = Memory::of(config.state_directory.as_deref(), K::NOTES);
    let catalogue: &mut Catalogue<K> = std::borrow::BorrowMut::borrow_mut(&mut survey);
    memory.recall(catalogue, &repositories);
    catalogue.learn_debts(&Ledger::read(&repositories, &config.cluster));
    let mut failed: Vec<usize> = catalogue.failures.iter().map(|it| it.repository).collect();
    let newest = catalogue.newest_sure().map(|it| it.ended);
    let clocks = clocks(&repositories, &|at| failed.contains(&at), newest);
    catalogue.close(&clocks);
    let mut errors = K::errors(&survey);
    let scene = Scene { config, repositories: &repositories, survey: &survey, now: clocks.now };
    let plans = K::plans(&scene, &mut errors)?;
    let (mut text, mut all_fates) = (String::new(), Vec::new());
    for plan in &plans {
        let shelves = Shelf::each(scene.catalogue(), plan.system, &repositories, &plan.closed);
        memory.note(&shelves, &clocks);
        let (backups, beside) = (fates(&repositories, plan), K::fates_beside(&scene, plan));
        text += &K::described(plan, &backups, &beside);
        all_fates.extend(backups.into_iter().chain(beside));
        failed.extend(&plan.closed);
    }
    text += &pruning::remarks_on_dates(scene.catalogue().copies(), &repositories);
    text += &remarks(&repositories, &clocks, &failed);
    let nothing = all_fates.iter().all(|it| it.keep);
    if nothing || telling.dry_run {
        memory.end(!telling.dry_run);
    }
    let mut amounts = Amounts::default();
    if nothing {
        let text = text + "Nothing is to be deleted.\n";
        return telling.shown(text, (&all_fates, &amounts), &repositories, None, errors);
    }
    for plan in &plans {
        K::add_amounts(&scene, plan, &mut amounts)?;
    }
    let planned = (&all_fates[..], &amounts);
    if !telling.agreed(&(text + &amounts.told(&repositories)))? {
        return telling.shown(String::new(), planned, &repositories, None, errors);
    }
    memory.end(true);
    let mut all = Pruned::default();
    for plan in &plans {
        let mut deletions = Deletions::new(&repositories);
        deletions.uploads(&plan.uploads);
        K::carry_out(&scene, plan, &mut deletions)?;
        all.add(deletions.end());
    }
    errors.append(&mut all.errors);
    telling.shown(String::new(), planned, &repositories, Some(&all), errors)
}

/// What becomes of each backup, and of what is left of some, with why.
fn fates<S, B>(repositories: &[Repository], plan: &SystemPlan<S, B>) -> Vec<Fate> {
    let lines = plan.lines.iter().map(|it| (it.repository, &it.id, &it.verdict));
    let uploads = plan.uploads.iter().map(|it| (it.repository, &it.id, &it.verdict));
    let fate = |(repository, id, verdict): (usize, &String, _)| {
        Fate::new("backup", id.clone(), name(repositories, repository), verdict)
    };
    lines.chain(uploads).map(fate).collect()
}

/// A table of fates.
pub fn titled(head: &str, fates: &[Fate]) -> String {
    let heads = ["", "IN", head, "WHY"].map(str::to_owned).into();
    let rows = std::iter::once(heads).chain(fates.iter().map(Fate::row));
    table(&rows.collect::<Vec<_>>(), &[])
}
