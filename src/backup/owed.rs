//! Which backups other repositories are owed: a good copy of one stays as long as a note beside it says so.

use super::catalogue::Failure;
use super::{BackupFolder, Catalogue, Kind, PlanLine, PlanSubject};
use crate::debts::{Ledger, is_backup_owed};
use crate::error::Result;
use crate::repository::Repository;

impl<K: Kind> Catalogue<K> {
    /// Gives each copy the names of those that are owed it. A repository that can't say what others are owed was not seen whole.
    pub fn learn_debts(&mut self, ledger: &Ledger) {
        for backup in &mut self.backups {
            let what = format!("{}{}", K::all(&self.name, backup.system), backup.id);
            for account in &ledger.accounts {
                let Some(noted) = account.backups.get(&what) else { continue };
                let noted_here = backup.copies.iter_mut();
                noted_here
                    .filter(|copy| noted.holders.contains(&copy.repository))
                    .for_each(|copy| copy.owed_to.push(account.name.clone()));
            }
        }
        for (repository, error) in &ledger.failures {
            if !self.failures.iter().any(|it| it.repository == *repository) {
                self.failures.push(Failure { repository: *repository, error: error.clone() });
            }
        }
    }
}

/// Whether a line would delete what another repository is owed by now.
pub fn is_owed_now(
    repository: &Repository,
    line: &PlanLine,
    folder: &BackupFolder,
) -> Result<bool> {
    let goes = line.what == PlanSubject::Backup && !line.verdict.keep;
    Ok(goes && is_backup_owed(repository, folder.key("").trim_end_matches('/'))?)
}
