//! Backups that a repository is owed: their notes, and the question whether a repository can have a base backup now, which is not
//! worth anything there without its WAL.
//!
//! A backup is called by the beginning of its keys without the last slash: `postgres/main/7/basebackups/20261122T203000Z-4f2a`.

use std::ops::ControlFlow;

use super::note::{Debt, ROOT, creditor_of, visit, write};
use crate::codec::Digest;
use crate::error::Result;
use crate::postgres::{WalFileName, WalSegment};
use crate::repository::{Repository, WalFolder};

/// Writes down, durably and beside the good copy, that a repository lacks a backup. `size` and `digest` are those of the
/// description that the good copy has.
pub fn owe_backup(
    holder: &Repository,
    creditor: &Repository,
    backup: &str,
    size: u64,
    digest: &Digest,
) -> Result<()> {
    let debt = Debt { creditor: creditor_of(creditor), what: backup.to_owned() };
    write(holder, creditor, &debt, size, digest.to_string())
}

/// Whether a repository notes that any other one is owed a backup. One request, and one for each creditor.
pub fn is_backup_owed(holder: &Repository, backup: &str) -> Result<bool> {
    let own = creditor_of(holder);
    for creditor in holder.folders(ROOT)?.into_iter().filter(|creditor| *creditor != own) {
        let debt = Debt { creditor, what: backup.to_owned() };
        if holder.storage().head(&debt.key())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a repository notes that another one is owed WAL of a cluster, of whatever system. One listing request for each
/// 1,000 notes of backups, and one more.
pub fn is_owed_any_wal(holder: &Repository, creditor: &str, cluster: &str) -> Result<bool> {
    let mut any = false;
    visit(holder, &format!("{ROOT}{creditor}/postgres/{cluster}/"), &mut |debt, _| {
        any = debt.wal(cluster).is_some();
        if any { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(any)
}

/// Whether a repository notes that another one is owed this segment. One request.
pub fn is_owed_segment(
    holder: &Repository,
    creditor: &str,
    folder: &WalFolder,
    segment: WalSegment,
) -> Result<bool> {
    let debt = Debt::of_wal(creditor, folder, WalFileName::Segment(segment));
    Ok(holder.storage().head(&debt.key())?.is_some())
}
