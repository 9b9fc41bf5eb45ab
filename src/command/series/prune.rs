//! `prune`: the plan, then what it says.

use std::collections::BTreeSet;

use super::{Kind, name};
use crate::backup::memory::Memory;
use crate::backup::series::{Line, Series, carry_out, newest, plan};
use crate::backup::{Uploads, uploads};
use crate::command::pruning::{Amounts, clocks, done, remarks};
use crate::command::remembering::{self, note, recall, shelves};
use crate::command::shown::{Shown, plain, table};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::repository::{self, Repository};
use crate::retention::Verdict;

/// Shows its plan, has it agreed to, and carries it out.
pub fn run<D: Kind>(
    config: &Config,
    dry_run: bool,
    agree: &mut dyn FnMut(&str) -> Result<bool>,
) -> Result<Shown> {
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
    let mut text = described::<D>(&repositories, &lines, &uploads);
    text += &remembering::remarks(series.copies(), &repositories);
    text += &remarks(&repositories, &clocks, &failed);
    let mut verdicts =
        lines.iter().map(|it| &it.verdict).chain(uploads.iter().map(|it| &it.verdict));
    let nothing = verdicts.all(|verdict| verdict.keep);
    if nothing || dry_run {
        memory.end(!dry_run);
    }
    if nothing {
        return Ok(Shown { text: text + "Nothing is to be deleted.\n", errors });
    }
    let mut amounts = Amounts::default();
    let going = lines.iter().filter(|it| !it.verdict.keep);
    going.for_each(|it| amounts.add(it.repository, it.bytes));
    if !agree(&(text + &amounts.told(&repositories)))? {
        return Ok(Shown { text: String::new(), errors });
    }
    memory.end(true);
    let mut pruned = carry_out(&repositories, &series.all, &lines, &uploads);
    errors.append(&mut pruned.errors);
    Ok(Shown { text: done(&pruned), errors })
}

/// The plan as people are shown it.
pub fn described<D: Kind>(
    repositories: &[Repository],
    lines: &[Line],
    uploads: &[Uploads],
) -> String {
    let row = |repository: usize, id: &str, verdict: &Verdict| {
        let word = if verdict.keep { "keep" } else { "delete" };
        let name = name(repositories, repository);
        vec![word.to_owned(), name.to_owned(), plain(id), plain(&verdict.reason)]
    };
    let uploads = uploads.iter().map(|it| row(it.repository, &it.id, &it.verdict));
    let lines = lines.iter().map(|line| row(line.repository, &line.id, &line.verdict));
    let what = D::WHAT.to_uppercase();
    let headings = ["", "IN", &what, "WHY"].map(str::to_owned).into();
    let rows: Vec<Vec<String>> = std::iter::once(headings).chain(lines).chain(uploads).collect();
    table(&rows, &[]) + "\n"
}
