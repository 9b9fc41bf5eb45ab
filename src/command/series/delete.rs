//! `delete`: one backup, whatever retention says.

use super::{Kind, find};
use crate::backup::deleting::delete;
use crate::backup::series::Series;
use crate::command::deletion::{About, Copy, Order, amounts};
use crate::command::pruning::done;
use crate::command::shown::Shown;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::repository::{self, Repository};

/// Shows its plan, has it agreed to, and carries it out.
pub fn run<D: Kind>(config: &Config, order: Order<'_>) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let series = Series::<D>::read(&repositories, &D::all(config));
    let (id, copies) = found(&series, &repositories, &order.id)?;
    let about = About { id: &id, what: D::WHAT, program: D::PROGRAM, repositories: &repositories };
    let text = about.plan(&copies, order.even_the_last, &amounts(&copies))?;
    let mut errors: Vec<Error> = series.failures.iter().map(|it| it.error.clone()).collect();
    if !(order.agree)(&text)? {
        return Ok(Shown { text: String::new(), errors });
    }
    let mut deleted = delete(&about.places(&copies), &series.folder(&id));
    errors.append(&mut deleted.errors);
    Ok(Shown { text: done(&deleted), errors })
}

/// Where it lies. One whose description can't be read can be deleted as well: it consists of its own objects.
fn found<D: Kind>(
    series: &Series<D>,
    repositories: &[Repository],
    id: &str,
) -> Result<(String, Vec<Copy>)> {
    let unread = series.broken.iter().find(|it| it.id.starts_with(id));
    let whole = match (find(series, repositories, id), unread) {
        (Ok(backup), _) => backup.id.clone(),
        (Err(_), Some(unread)) => unread.id.clone(),
        (Err(error), None) => return Err(error),
    };
    let broken = series.broken.iter().filter(|it| it.id == whole);
    let broken = broken.map(|it| Copy {
        repository: it.repository,
        bytes: 0,
        pinned: false,
        fault: Some("its description can't be read".to_owned()),
        others: true,
    });
    let copies = copies(series, &whole).into_iter().chain(broken).collect();
    Ok((whole, copies))
}

/// Of a backup whose description can be read.
pub fn copies<D: Kind>(series: &Series<D>, id: &str) -> Vec<Copy> {
    let others = |repository: usize| {
        let all = series.backups.iter().filter(|it| it.id != id).flat_map(|it| &it.copies);
        all.into_iter().any(|copy| copy.repository == repository && copy.fault.is_none())
    };
    let mine = series.backups.iter().filter(|it| it.id == id).flat_map(|it| &it.copies);
    let copy = |copy: &crate::backup::StoredBackup| Copy {
        repository: copy.repository,
        bytes: copy.occupied,
        pinned: copy.pinned,
        fault: copy.fault.clone(),
        others: others(copy.repository),
    };
    mine.map(copy).collect()
}
