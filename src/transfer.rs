//! A second copy: what one repository has and another one lacks comes over, of all kinds.
//!
//! Nothing is rewritten, so whatever ends a copy, the next one goes on. Each object is proved on the way. Histories come
//! before WAL, WAL in order, and the description of a backup last, when all that the backup needs is there.
//!
//! How the files go together: `wal` brings WAL over, `backups` the backups of any kind with `objects`, and `records` the
//! records of drills. All of them count in `session`. `since` says what an earliest moment leaves out.

mod backups;
mod objects;
mod records;
mod session;
mod since;
mod wal;

use std::collections::BTreeSet;

use jiff::Timestamp;

use self::backups::BackupPlan;
use self::records::RecordPlan;
use self::session::CopySession;
use self::wal::WalPlan;
use crate::basebackup;
use crate::codec::Identities;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::media_backup::SnapshotDescription;
use crate::redis_backup::RedisDescription;
use crate::repository::Repository;

/// What can be copied by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopiedKind {
    Wal,
    BaseBackups,
    Redis,
    Media,
    Records,
}

/// What of it.
pub struct CopyScope {
    /// WAL and base backups of this cluster; of all that there are where there is no name.
    pub cluster: Option<String>,
    pub kinds: BTreeSet<CopiedKind>,
    /// What restores that moment and all later ones.
    pub since: Option<Timestamp>,
    /// Of all backups only these; all where nothing is named.
    pub backups: Option<BTreeSet<CopiedId>>,
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CopiedId {
    pub kind: CopiedKind,
    /// Of which cluster, Redis or set.
    pub name: String,
    pub id: String,
}

/// From one repository into another.
pub struct RepositoryCopy<'a> {
    /// From where, and to where.
    pub ends: &'a [Repository; 2],
    pub config: &'a Config,
    pub identities: &'a Identities,
    pub wanted: &'a CopyScope,
    /// Whether what is encrypted is encrypted once more, to other keys.
    pub anew: bool,
    /// Gets how many bytes were read, and of how many.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// How much of something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopiedAmount {
    pub objects: u64,
    pub bytes: u64,
}

/// One kind of one thing, such as the WAL of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedLine {
    pub what: String,
    /// What the target lacked.
    pub lacked: CopiedAmount,
    /// What was stored there now.
    pub stored: CopiedAmount,
}

/// What is to be done, or was.
#[derive(Debug, Default)]
pub struct Transferred {
    pub lines: Vec<CopiedLine>,
    /// What is not copied, and why.
    pub left_out: Vec<String>,
    /// Of the backups that were named, those that are whole in the target now.
    pub there: BTreeSet<CopiedId>,
    /// Of the backups that were named, those that can't come: another copy would end alike.
    pub never: BTreeSet<CopiedId>,
    pub errors: Vec<Error>,
}

impl CopiedAmount {
    fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes += bytes;
    }
}

impl std::ops::AddAssign for CopiedAmount {
    fn add_assign(&mut self, more: Self) {
        self.objects += more.objects;
        self.bytes += more.bytes;
    }
}

/// All that is lacking.
#[derive(Default)]
struct CopyPlan {
    wal: Vec<WalPlan>,
    base_backups: Vec<BackupPlan<basebackup::Description>>,
    redis: Vec<BackupPlan<RedisDescription>>,
    media: Vec<BackupPlan<SnapshotDescription>>,
    records: Vec<RecordPlan>,
}

impl RepositoryCopy<'_> {
    /// Says what is lacking; copies nothing.
    pub fn look(&self) -> Result<Transferred> {
        let session = CopySession::new(self);
        let plan = self.plan(&session)?;
        Ok(session.ended(self.lines(&plan)))
    }

    /// Copies what is lacking. What could not be copied is an error of the result, and the rest was copied.
    pub fn run(&self) -> Result<Transferred> {
        let session = CopySession::new(self);
        let mut plan = self.plan(&session)?;
        session.announce(self.lines(&plan).iter().map(|line| line.lacked.bytes).sum());
        for wal in &mut plan.wal {
            wal.run(&session);
        }
        for backups in &mut plan.base_backups {
            backups.run(&session);
        }
        for backups in &mut plan.redis {
            backups.run(&session);
        }
        for backups in &mut plan.media {
            backups.run(&session);
        }
        for records in &mut plan.records {
            records.run(&session);
        }
        Ok(session.ended(self.lines(&plan)))
    }

    fn from(&self) -> &Repository {
        &self.ends[0]
    }

    fn wants(&self, kind: CopiedKind) -> bool {
        self.wanted.kinds.contains(&kind)
    }

    fn wants_backup(&self, kind: CopiedKind, name: &str, id: &str) -> bool {
        self.wanted.backups.as_ref().is_none_or(|backups| {
            backups.iter().any(|it| (it.kind, &*it.name, &*it.id) == (kind, name, id))
        })
    }

    /// Whether anything of that name is to be looked at.
    fn wants_name(&self, kind: CopiedKind, name: &str) -> bool {
        let backups = self.wanted.backups.as_ref();
        backups.is_none_or(|backups| backups.iter().any(|it| (it.kind, &*it.name) == (kind, name)))
    }

    fn plan(&self, session: &CopySession<'_>) -> Result<CopyPlan> {
        let mut plan = CopyPlan::default();
        for cluster in self.clusters()? {
            let mut backups = BackupPlan::of(session, &cluster)?;
            if self.wants(CopiedKind::Wal) {
                for system in self.from().systems(&cluster)? {
                    plan.wal.push(WalPlan::of(session, &cluster, system, &backups)?);
                }
            }
            if self.wants(CopiedKind::BaseBackups)
                && self.wants_name(CopiedKind::BaseBackups, &cluster)
            {
                backups.choose(session)?;
                plan.base_backups.push(backups);
            }
        }
        if self.wants(CopiedKind::Redis) {
            for name in self.names(CopiedKind::Redis, "redis/")? {
                plan.redis.push(BackupPlan::chosen(session, &name)?);
            }
        }
        if self.wants(CopiedKind::Media) {
            for set in self.names(CopiedKind::Media, "media/")? {
                plan.media.push(BackupPlan::chosen(session, &set)?);
            }
        }
        if self.wants(CopiedKind::Records) {
            plan.records.extend(RecordPlan::of(session)?);
        }
        session.check()?;
        Ok(plan)
    }

    fn names(&self, kind: CopiedKind, folder: &str) -> Result<Vec<String>> {
        let names = self.from().folders(folder)?.into_iter();
        Ok(names.filter(|name| self.wants_name(kind, name)).collect())
    }

    fn clusters(&self) -> Result<Vec<String>> {
        let asked = self.wants(CopiedKind::Wal) || self.wants(CopiedKind::BaseBackups);
        match &self.wanted.cluster {
            _ if !asked => Ok(Vec::new()),
            Some(cluster) => Ok(vec![cluster.clone()]),
            None => self.from().folders("postgres/"),
        }
    }

    fn lines(&self, plan: &CopyPlan) -> Vec<CopiedLine> {
        let wal = plan.wal.iter().map(|it| &it.line);
        let base_backups = plan.base_backups.iter().map(|it| &it.line);
        let redis = plan.redis.iter().map(|it| &it.line);
        let media = plan.media.iter().map(|it| &it.line);
        let records = plan.records.iter().map(|it| &it.line);
        wal.chain(base_backups).chain(redis).chain(media).chain(records).cloned().collect()
    }
}
