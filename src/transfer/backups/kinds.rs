//! What differs from kind to kind when a backup is copied: base backups need WAL, and of snapshots of media files not each
//! form can be copied.

use super::super::objects::CopyForm;
use super::super::session::CopySession;
use super::super::{CopiedAmount, CopiedKind};
use super::trees::are_copied;
use crate::backup::{Backup, Kind, StoredBackup};
use crate::basebackup::Description;
use crate::media_backup::{SnapshotDescription, SnapshotKind};
use crate::postgres::{Lsn, SystemIdentifier, WalSegment};
use crate::redis_backup::RedisDescription;
use crate::repository::{WalFolder, WalRange};

/// A kind of backups that is copied.
pub(in crate::transfer) trait CopiedBackup: Kind {
    /// What a scope calls them.
    const COPIED: CopiedKind;
    /// What they are called together.
    const PLURAL: &'static str;

    /// Why a backup can't be copied.
    fn why_not(
        session: &CopySession<'_>,
        backup: &Backup<Self>,
        here: &StoredBackup,
    ) -> Option<String>;

    /// Whether it is a tree of files, which lie beside its objects.
    fn is_tree(_backup: &Backup<Self>) -> bool {
        false
    }

    /// How many files of its own a tree has, and their length in bytes: of all, or of those that the tree before lacks.
    fn files(_backup: &Backup<Self>, _alone: bool) -> CopiedAmount {
        CopiedAmount::default()
    }

    /// The WAL without which it can't be restored, and where that lies.
    fn wal(_name: &str, _backup: &Backup<Self>) -> Option<(WalFolder, WalRange)> {
        None
    }
}

impl CopiedBackup for Description {
    const COPIED: CopiedKind = CopiedKind::BaseBackups;
    const PLURAL: &'static str = "base backups";

    fn why_not(_: &CopySession<'_>, _: &Backup<Self>, _: &StoredBackup) -> Option<String> {
        None
    }

    fn wal(cluster: &str, backup: &Backup<Self>) -> Option<(WalFolder, WalRange)> {
        let (facts, system): (_, SystemIdentifier) = (&backup.facts, backup.system);
        if facts.standalone {
            return None;
        }
        let size = facts.segment_size;
        let first = WalSegment::at(facts.start.lsn, facts.start.timeline, size)?;
        let before_stop = Lsn(facts.stop.lsn.0.saturating_sub(1));
        let last = WalSegment::at(before_stop, facts.stop.timeline, size)?;
        Some((WalFolder::new(cluster, system), WalRange { first, last, size }))
    }
}

impl CopiedBackup for RedisDescription {
    const COPIED: CopiedKind = CopiedKind::Redis;
    const PLURAL: &'static str = "Redis backups";

    fn why_not(_: &CopySession<'_>, _: &Backup<Self>, _: &StoredBackup) -> Option<String> {
        None
    }
}

impl CopiedBackup for SnapshotDescription {
    const COPIED: CopiedKind = CopiedKind::Media;
    const PLURAL: &'static str = "snapshots";

    fn why_not(
        session: &CopySession<'_>,
        backup: &Backup<Self>,
        here: &StoredBackup,
    ) -> Option<String> {
        const ANEW: &str = "`media-backup create` takes a new snapshot there";
        if Self::is_tree(backup) {
            let why = format!("it is a tree of files, which only another folder can take; {ANEW}");
            return Some(why).filter(|_| !are_copied(session));
        }
        // Each content is encrypted by itself, and others refer to where it lies.
        match CopyForm::of(here.encrypted, session.to(), session.transfer.anew) {
            CopyForm::AsItIs => None,
            CopyForm::Recoded => {
                Some(format!("packs are not copied into another encryption; {ANEW}"))
            }
        }
    }

    fn is_tree(backup: &Backup<Self>) -> bool {
        backup.facts.kind == SnapshotKind::LocalTree
    }

    fn files(backup: &Backup<Self>, alone: bool) -> CopiedAmount {
        let totals = &backup.facts.totals;
        match alone {
            true => CopiedAmount { objects: totals.files, bytes: totals.size },
            false => CopiedAmount { objects: totals.new_files, bytes: totals.new_size },
        }
    }
}
