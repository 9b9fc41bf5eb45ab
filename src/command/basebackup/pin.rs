//! `basebackup pin` and `basebackup unpin`.

use jiff::Timestamp;

use super::Shown;
use super::show::find;
use crate::base_backup::catalogue::Survey;
use crate::base_backup::prune;
use crate::config::Config;
use crate::error::Result;
use crate::repository;

/// `id` may be the beginning of one.
pub fn run(config: &Config, id: &str, pin: bool) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    let backup = find(&survey, &repositories, id)?;
    let mut errors = match pin {
        true => prune::pin(&repositories, &config.cluster, backup, Timestamp::now()),
        false => prune::unpin(&repositories, &config.cluster, backup),
    };
    let done = backup.copies.len() - errors.len();
    let word = if pin { "pinned" } else { "not pinned any more" };
    let text = if done > 0 { format!("{} is {word}.\n", backup.id) } else { String::new() };
    // There may be one in a repository that did not answer.
    errors.extend(survey.catalogue.failures.iter().map(|failure| failure.error.clone()));
    Ok(Shown { text, errors })
}
