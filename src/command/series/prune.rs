//! `prune`: the plan, then what it says.

use std::collections::BTreeSet;

use super::{Kind, name};
use crate::backup::memory::Memory;
use crate::backup::series::{Line, Series, carry_out, newest, plan};
use crate::backup::{Uploads, uploads};
use crate::command::pruning::{Amounts, Fate, Telling, clocks, remarks};
use crate::command::remembering::{self, note, recall, shelves};
use crate::command::shown::{Shown, table};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::repository::{self, Repository};
use crate::retention::RetentionVerdict;

/// Shows its plan, has it agreed to, and carries it out.
pub fn run<D: Kind>(config: &Config, telling: &mut Telling<'_>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let mut series = Series::<D>::read(&repositories, &D::all(config));
    let mut memory = Memory::of(config.state_directory.as_deref(), D::NOTES);
    recall(&mut memory, &mut series, &repositories);
    let failed: Vec<usize> = series.failures.iter().map(|it| it.repository).collect();
    let ended = newest(&series).map(|it| it.ended);
    let clocks = clocks(&repositories, &|at| failed.contains(&at), ended);
    series.close(&clocks);
    let mut errors: Vec<Error> = series.errors().cloned().collect();
    let (now, keep) = (clocks.now, D::keep(config));
    let lines = plan(&series, &keep, now)?;
    note(&mut memory, &shelves(&series, &repositories), &clocks);
    let closed: BTreeSet<usize> = series.failures.iter().map(|it| it.repository).collect();
    let (uploads, more) = uploads(&repositories, &series.all, &closed, &keep, now);
    errors.extend(more);
    let fates = fates(&repositories, &lines, &uploads);
    let mut text = described::<D>(&fates);
    text += &remembering::remarks(series.copies(), &repositories);
    text += &remarks(&repositories, &clocks, &failed);
    let mut verdicts =
        lines.iter().map(|it| &it.verdict).chain(uploads.iter().map(|it| &it.verdict));
    let nothing = verdicts.all(|verdict| verdict.keep);
    if nothing || telling.dry_run {
        memory.end(!telling.dry_run);
    }
    let mut amounts = Amounts::default();
    if nothing {
        let text = text + "Nothing is to be deleted.\n";
        return telling.shown(text, (&fates, &amounts), &repositories, None, errors);
    }
    let going = lines.iter().filter(|it| !it.verdict.keep);
    going.for_each(|it| amounts.add(it.repository, it.bytes));
    if !telling.agreed(&(text + &amounts.told(&repositories)))? {
        return telling.shown(String::new(), (&fates, &amounts), &repositories, None, errors);
    }
    memory.end(true);
    let mut pruned = carry_out(&repositories, &series.all, &lines, &uploads);
    errors.append(&mut pruned.errors);
    telling.shown(String::new(), (&fates, &amounts), &repositories, Some(&pruned), errors)
}

/// What becomes of each, with why.
pub fn fates(repositories: &[Repository], lines: &[Line], uploads: &[Uploads]) -> Vec<Fate> {
    let fate = |repository: usize, id: &str, verdict: &RetentionVerdict| {
        Fate::new("backup", id.to_owned(), name(repositories, repository), verdict)
    };
    let uploads = uploads.iter().map(|it| fate(it.repository, &it.id, &it.verdict));
    let lines = lines.iter().map(|line| fate(line.repository, &line.id, &line.verdict));
    lines.chain(uploads).collect()
}

/// The plan as people are shown it.
pub fn described<D: Kind>(fates: &[Fate]) -> String {
    let what = D::WHAT.to_uppercase();
    let headings = ["", "IN", &what, "WHY"].map(str::to_owned).into();
    let rows = std::iter::once(headings).chain(fates.iter().map(Fate::row));
    table(&rows.collect::<Vec<_>>(), &[]) + "\n"
}
