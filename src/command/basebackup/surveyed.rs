//! What the verbs of all kinds of backups read of base backups: the survey, which has the WAL too, and in a
//! word whether one can be restored.

use std::borrow::{Borrow, BorrowMut};

use crate::backup::{Catalogue, StoredBackup};
use crate::basebackup::Description;
use crate::basebackup::catalogue::{Backup, Restorable, Survey};
use crate::basebackup::pruning::condition;
use crate::command::backups::Surveyed;
use crate::command::backups::delete::Deletes;
use crate::config::Config;
use crate::error::Error;
use crate::repository::Repository;
use crate::retention::Condition;

impl Surveyed for Description {
    type Survey = Survey;

    fn survey(repositories: &[Repository], config: &Config) -> Survey {
        Survey::read(repositories, config)
    }

    fn errors(survey: &Survey) -> Vec<Error> {
        survey.errors().cloned().collect()
    }

    fn pinning_helps() -> [String; 2] {
        [
            "Keeps a base backup, and the WAL that it needs, until it is unpinned".to_owned(),
            "Lets retention delete a base backup again".to_owned(),
        ]
    }

    fn delete_leaves() -> &'static str {
        "The next `basebackup prune` deletes the WAL that only this base backup needed."
    }

    fn condition(survey: &Survey, backup: &Backup, copy: &StoredBackup) -> Condition {
        match survey.system(backup.system) {
            // Whoever deletes one backup by name is told what it lacks now.
            Some(system) => condition(system, backup, copy, &|_, _| false),
            None => Condition::Unknown("its WAL is not known".to_owned()),
        }
    }
}

/// Its WAL is for `prune` to judge.
impl Deletes for Description {}

impl Borrow<Catalogue<Description>> for Survey {
    fn borrow(&self) -> &Catalogue<Description> {
        &self.catalogue
    }
}

impl BorrowMut<Catalogue<Description>> for Survey {
    fn borrow_mut(&mut self) -> &mut Catalogue<Description> {
        &mut self.catalogue
    }
}

/// Whether it can be restored, in a word, and why not.
pub fn restorable(restorable: &Restorable) -> (&'static str, Option<&str>) {
    match restorable {
        Restorable::Yes => ("yes", None),
        Restorable::No(reason) => ("no", Some(reason)),
        Restorable::Unknown(reason) => ("unknown", Some(reason)),
    }
}

/// Whether it can be restored, and why not.
pub fn condition_of(survey: &Survey, backup: &Backup) -> Condition {
    match survey.restorable(backup) {
        Restorable::Yes => Condition::Good,
        Restorable::No(reason) => Condition::Bad(reason),
        Restorable::Unknown(reason) => Condition::Unknown(reason),
    }
}
