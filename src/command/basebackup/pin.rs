//! `basebackup pin` and `basebackup unpin`.

use jiff::Timestamp;

use super::show::find;
use crate::backup::{BackupFolder, pin};
use crate::basebackup::catalogue::Survey;
use crate::command::created;
use crate::command::shown::Shown;
use crate::config::Config;
use crate::error::Result;
use crate::repository::{self, Repository};

/// `id` may be the beginning of one.
pub fn run(config: &Config, id: &str, pinned: bool, as_json: bool) -> Result<Shown> {
    let repositories = repository::open_all(config, None)?;
    let survey = Survey::read(&repositories, config);
    let backup = find(&survey, &repositories, id)?;
    let copies = backup.copies.iter().filter_map(|copy| repositories.get(copy.repository));
    let copies: Vec<&Repository> = copies.collect();
    let folder = BackupFolder::new(&config.cluster, backup.system, &backup.id);
    let mut errors = match pinned {
        true => pin::pin(&copies, &folder, Timestamp::now()),
        false => pin::unpin(&copies, &folder),
    };
    let done = copies.len() - errors.len();
    let word = if pinned { "pinned" } else { "not pinned any more" };
    // There may be one in a repository that did not answer.
    errors.extend(survey.catalogue.failures.iter().map(|failure| failure.error.clone()));
    let text = match (as_json, done) {
        (true, _) => {
            let names = copies.iter().map(|it| it.name()).collect();
            created::pinned(&backup.id, pinned, names, &errors)?
        }
        (false, 0) => String::new(),
        (false, _) => format!("{} is {word}.\n", backup.id),
    };
    Ok(Shown { text, errors })
}
