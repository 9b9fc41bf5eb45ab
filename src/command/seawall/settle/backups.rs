//! The backups that a repository is owed: copied from one that has them whole, oldest first, in which the WAL of a base backup
//! has to be there already. One process copies them at a time.
//!
//! A debt is paid when the repository shows the backup whole. A debt of a backup that nobody has any more is dropped, and so is
//! one of a snapshot that can't come: the next snapshot has what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use super::SettledRow;
use crate::backup::DESCRIPTION;
use crate::cli::progress::SharedBar;
use crate::codec::Identities;
use crate::config::Config;
use crate::debts::{Debt, OwedTo, settled};
use crate::durable::lock_folder;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::repository::{self, Repository};
use crate::transfer::{CopiedId, CopiedKind, CopyScope, RepositoryCopy, Transferred};

/// How backups are paid.
pub(super) struct BackupPayments<'a> {
    config: &'a Config,
    repositories: &'a [Repository],
    identities: &'a Identities,
}

/// What one repository is owed, and is not yet known to have.
struct OpenDebts<'a> {
    account: &'a OwedTo,
    /// By what they are called in the keys of notes.
    open: BTreeMap<CopiedId, &'a str>,
    /// Those that no copy can bring.
    never: BTreeSet<CopiedId>,
    /// What went wrong on the way.
    errors: Vec<Error>,
}

impl<'a> BackupPayments<'a> {
    pub(super) fn new(
        config: &'a Config,
        repositories: &'a [Repository],
        identities: &'a Identities,
    ) -> Self {
        Self { config, repositories, identities }
    }

    /// Pays all accounts, each of which has its row. Does nothing while another process does.
    pub(super) fn pay(
        &self,
        accounts: &[OwedTo],
        rows: &mut [SettledRow],
        errors: &mut Vec<Error>,
    ) {
        if accounts.iter().all(|account| account.backups.is_empty()) {
            return;
        }
        let _lock = match self.lock() {
            Ok(Some(lock)) => lock,
            Ok(None) => {
                tracing::info!("another `seawall settle` copies the backups that are owed");
                return;
            }
            Err(error) => return errors.push(error),
        };
        for (account, row) in accounts.iter().zip(rows) {
            let payee = account.payee(self.repositories);
            if let Some(creditor) = payee.filter(|_| !account.backups.is_empty()) {
                let mut debts = OpenDebts::of(account);
                self.pay_one(creditor, &mut debts, row);
                errors.append(&mut debts.errors);
            }
        }
    }

    /// Without a folder for notes nobody is kept out: two copies of one backup cost time, and no more.
    fn lock(&self) -> Result<Option<Option<File>>> {
        let state = self.config.state_directory.as_deref().filter(|state| state.is_dir());
        match state {
            Some(state) => Ok(lock_folder(state)?.map(Some)),
            None => Ok(Some(None)),
        }
    }

    /// From those that note the debts first, and then from whoever else may have a backup.
    fn pay_one(&self, creditor: usize, debts: &mut OpenDebts<'_>, row: &mut SettledRow) {
        let noted = debts.account.backups.values().flat_map(|noted| &noted.holders);
        let noted: BTreeSet<usize> = noted.copied().collect();
        let others = (0..self.repositories.len()).filter(|place| !noted.contains(place));
        for holder in noted.iter().copied().chain(others) {
            if holder == creditor || debts.open.is_empty() {
                continue;
            }
            match self.copy(holder, creditor, debts) {
                Ok(Transferred { lines, left_out, there, never, errors }) => {
                    row.stored_bytes += lines.iter().map(|line| line.stored.bytes).sum::<u64>();
                    for id in &there {
                        self.paid(debts, id, row);
                    }
                    debts.never.extend(never);
                    debts.errors.extend(errors);
                    debts.errors.extend(left_out.into_iter().map(left));
                }
                Err(error) => debts.errors.push(error),
            }
        }
        self.drop_what_is_gone(creditor, debts, row);
        // What was brought by another one, or is owed no more, stands in nobody's way.
        if debts.open.is_empty() {
            debts.errors.clear();
        } else if debts.errors.is_empty() {
            debts.errors.push(self.nobody_has(creditor, debts));
        }
    }

    fn copy(&self, holder: usize, creditor: usize, debts: &OpenDebts<'_>) -> Result<Transferred> {
        let ends = [holder, creditor].map(|place| self.config.repositories[place].clone());
        let config = Config { repositories: ends.into(), ..self.config.clone() };
        let opened = repository::open_all_limited(&config)?;
        let ends = <[Repository; 2]>::try_from(opened)
            .map_err(|_| Error::new(Class::Internal, "expected two repositories"))?;
        let bar = SharedBar::new("backups that are owed");
        let wanted = CopyScope {
            cluster: Some(config.cluster.clone()),
            kinds: debts.open.keys().map(|id| id.kind).collect(),
            since: None,
            backups: Some(debts.open.keys().cloned().collect()),
        };
        let copy = RepositoryCopy {
            ends: &ends,
            config: &config,
            identities: self.identities,
            wanted: &wanted,
            anew: false,
            progress: &|done, of| bar.at(done, of),
        };
        copy.run()
    }

    fn paid(&self, debts: &mut OpenDebts<'_>, id: &CopiedId, row: &mut SettledRow) {
        let Some(what) = debts.open.remove(id) else { return };
        failpoint::reach("settle.backup-copied");
        self.forget(debts.account, what);
        row.paid_backups += 1;
        row.left_backups = row.left_backups.saturating_sub(1);
        tracing::info!(backup = what, repository = debts.account.name, "paid");
    }

    fn forget(&self, account: &OwedTo, what: &str) {
        let debt = Debt { creditor: account.id.clone(), what: what.to_owned() };
        let noted = account.backups.get(what).into_iter().flat_map(|noted| &noted.holders);
        noted.for_each(|holder| settled(&self.repositories[*holder], &debt));
    }

    fn drop_what_is_gone(&self, creditor: usize, debts: &mut OpenDebts<'_>, row: &mut SettledRow) {
        let name = self.repositories[creditor].name();
        let open: Vec<(CopiedId, &str)> =
            debts.open.iter().map(|(id, what)| (id.clone(), *what)).collect();
        for (id, what) in open {
            let never = id.kind == CopiedKind::Media && debts.never.contains(&id);
            if never {
                tracing::warn!(
                    "repository {name} is owed {what} no more: that snapshot can't be copied into it. The next `media-backup create` takes one there"
                );
            } else if self.is_gone(what) {
                tracing::warn!(
                    "repository {name} is owed {what} no more: no repository has that backup"
                );
            } else {
                continue;
            }
            debts.open.remove(&id);
            self.forget(debts.account, what);
            row.left_backups = row.left_backups.saturating_sub(1);
        }
    }

    /// Only where each repository says so.
    fn is_gone(&self, what: &str) -> bool {
        let key = format!("{what}/{DESCRIPTION}");
        self.repositories.iter().all(|it| it.storage().head(&key).is_ok_and(|it| it.is_none()))
    }

    fn nobody_has(&self, creditor: usize, debts: &OpenDebts<'_>) -> Error {
        let (name, first) = (self.repositories[creditor].name(), debts.open.values().next());
        let message = format!(
            "repository {name} is owed {}, which no repository that answers has whole",
            first.unwrap_or(&"a backup")
        );
        Error::new(Class::Incomplete, message)
    }
}

impl<'a> OpenDebts<'a> {
    fn of(account: &'a OwedTo) -> Self {
        let open = account.backups.keys().filter_map(|what| Some((id_of(what)?, what.as_str())));
        let (never, errors) = Default::default();
        Self { account, open: open.collect(), never, errors }
    }
}

/// Which backup is called that in the keys of notes.
fn id_of(what: &str) -> Option<CopiedId> {
    let words: Vec<&str> = what.split('/').collect();
    let (kind, name, id) = match words[..] {
        ["postgres", cluster, _, "basebackups", id] => (CopiedKind::BaseBackups, cluster, id),
        ["redis", name, id] => (CopiedKind::Redis, name, id),
        ["media", set, id] => (CopiedKind::Media, set, id),
        _ => return None,
    };
    Some(CopiedId { kind, name: name.to_owned(), id: id.to_owned() })
}

fn left(why: String) -> Error {
    Error::new(Class::Incomplete, format!("not all that is owed was copied: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debt_says_which_backup_it_is_of() {
        let id = |what: &str| id_of(what).map(|it| (it.kind, it.name, it.id));
        let (name, one) = ("main".to_owned(), "one".to_owned());
        assert_eq!(
            id("postgres/main/7/basebackups/one"),
            Some((CopiedKind::BaseBackups, name.clone(), one.clone()))
        );
        assert_eq!(id("redis/main/one"), Some((CopiedKind::Redis, name.clone(), one.clone())));
        assert_eq!(id("media/main/one"), Some((CopiedKind::Media, name, one)));
        assert_eq!(id("postgres/main/7/wal/000000010000000000000001"), None);
    }
}
