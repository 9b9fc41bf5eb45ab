//! `media-backup delete`: one snapshot, whatever retention says. Files and packs that other snapshots need stay.

use jiff::Timestamp;

use super::prune::{Pruning, amounts};
use crate::backup::Described;
use crate::backup::deleting::Pruned;
use crate::backup::series::{Series, plan};
use crate::command::deletion::{About, Order};
use crate::command::pruning::done;
use crate::command::series::delete::copies;
use crate::command::series::{Kind, find};
use crate::command::shown::Shown;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::media_backup::SnapshotDescription;
use crate::repository;
use crate::retention::RetentionVerdict;

/// Shows its plan, has it agreed to, and carries it out. Of one whose description can't be read nobody knows what it needs
/// of others, so that is refused.
pub fn run(config: &Config, order: Order<'_>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let series =
        Series::<SnapshotDescription>::read(&repositories, &SnapshotDescription::all(config));
    let id = find(&series, &repositories, &order.id)?.id.clone();
    let copies = copies(&series, &id);
    let (now, keep) = (Timestamp::now(), SnapshotDescription::keep(config));
    let mut lines = plan(&series, &keep, now)?;
    for line in &mut lines {
        let here = copies.iter().any(|copy| copy.repository == line.repository);
        line.verdict = match line.id == id && here {
            true => RetentionVerdict::delete("asked for"),
            false => RetentionVerdict::keep("not asked for"),
        };
    }
    let about = About {
        id: &id,
        what: SnapshotDescription::WHAT,
        program: SnapshotDescription::PROGRAM,
        repositories: &repositories,
    };
    let text = about.plan(&copies, order.even_the_last, &amounts(config, &lines)?)?;
    let mut errors: Vec<Error> = series.failures.iter().map(|it| it.error.clone()).collect();
    if !(order.agree)(&text)? {
        return Ok(Shown { text: String::new(), errors });
    }
    let mut all = Pruned::default();
    for copy in &copies {
        let repository = &repositories[copy.repository];
        let pruning = Pruning { config, keep: &keep, now, all: &series.all };
        all.add(pruning.run(copy.repository, repository, &lines, &[])?);
    }
    errors.append(&mut all.errors);
    Ok(Shown { text: done(&all), errors })
}
