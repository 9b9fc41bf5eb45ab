//! Which base backups there are, and what they and the WAL behind them can bring back.
//!
//! `kind` says what `backup::Catalogue` has to know of base backups, with their `facts`; `survey` adds the WAL, with
//! `histories`; `lives` tells which system is in use.

mod facts;
mod histories;
mod kind;
mod lives;
mod survey;

pub use crate::backup::{Failure, StoredBackup};
pub use facts::{Facts, Moment};
pub use lives::{Life, Succession, noted};
pub use survey::{Restorable, Survey, SystemWal};

use jiff::Timestamp;

use super::windows::{Point, Span};
use crate::backup::{self, BackupFolder};
use crate::basebackup::Description;
use crate::error::Result;
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;
use crate::retention::{CLOCKS_APART, believable};

/// All base backups of a cluster, in all repositories.
pub type Catalogue = backup::Catalogue<Description>;

/// A base backup, wherever it lies.
pub type Backup = backup::Backup<Description>;

/// A base backup in one repository, looked at in full.
pub type Contents = backup::Contents<Description>;

pub type Unfinished = backup::Unfinished<SystemIdentifier>;
pub type Broken = backup::Broken<SystemIdentifier>;
pub type NotDescribed = backup::NotDescribed<SystemIdentifier>;

impl Backup {
    /// The WAL that it needs.
    pub fn span(&self) -> Span {
        let point = |at: &Moment| Point { timeline: at.timeline, lsn: at.lsn };
        let (start, stop) = (point(&self.facts.start), point(&self.facts.stop));
        Span { start, stop, carries_wal: self.facts.standalone }
    }

    /// Reads what it is and what there is of it in one repository; `None` when it is not there.
    pub fn contents(&self, repository: &Repository, cluster: &str) -> Result<Option<Contents>> {
        let folder = BackupFolder::new(cluster, self.system, &self.id);
        backup::contents(repository, &folder, self.system)
    }

    /// When its description was stored first, by the clock of a store, where one says.
    pub fn stored(&self) -> Option<Timestamp> {
        self.copies.iter().filter_map(|copy| believable(copy.stored)).min()
    }

    /// Why nobody believes that it ended when it says so: the store had it before. Such a one is no newest.
    pub fn ahead(&self) -> Option<String> {
        let stored = self.stored()?;
        let ended = self.facts.stop.time;
        (ended > stored + CLOCKS_APART)
            .then(|| format!("says that it ended at {ended:.0}, and was stored at {stored:.0}"))
    }
}
