//! Looks in the WAL for a transaction or a restore point: where it lies, nobody knows beforehand. With its place the right base
//! backup is chosen, as for a time.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::choice::{candidate, choose, is_usable, newest_first};
use super::recovery_target::{RecoveryTarget, RestoreTarget};
use crate::basebackup::catalogue::{Backup, Survey};
use crate::basebackup::windows::Piece;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::postgres::{
    Landmark, LandmarkScan, Lsn, SystemIdentifier, WalFileName, WalSegment, WalSegmentSize,
};
use crate::repository::{self, Repository, Source, WalFolder};

/// For so long at most the WAL is read. Somebody waits.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// The newest base backup behind whose end it lies, and its record.
    At { backup: String, lsn: Lsn },
    /// In none of the WAL that a recovery could read.
    Nowhere,
}

/// Looks through the WAL behind the newest base backup first. `None` where the target is of another kind, a backup was named, or
/// the WAL could not be looked through in time: the recovery shows it then.
pub fn locate(
    survey: &Survey,
    system: Option<SystemIdentifier>,
    wanted: &RestoreTarget<'_>,
    repositories: &[Repository],
    config: &Config,
) -> Option<Located> {
    let landmark = match wanted.target {
        RecoveryTarget::Xid(xid) => Landmark::Transaction(*xid),
        RecoveryTarget::Name(name) => Landmark::RestorePoint(name.clone()),
        _ => return None,
    };
    if wanted.backup.is_some() || survey.errors().next().is_some() {
        return None;
    }
    let system = survey.system(system?)?;
    let folder = WalFolder::new(&config.cluster, system.system);
    let identities = repository::identities(config).ok()?;
    let source = Source { folder: &folder, identities: &identities, limits: config.limits };
    let until = Instant::now() + LIMIT;
    tracing::info!("looking for the target in the WAL, for {} s at most", LIMIT.as_secs());
    let mut search = |segment| {
        if Instant::now() > until {
            return Err(Error::new(Class::Unreachable, "it takes too long"));
        }
        in_segment(repositories, &source, segment, &landmark)
    };
    let backups: Vec<&Backup> =
        survey.catalogue.backups.iter().filter(|it| is_usable(it, system)).collect();
    let candidates: Vec<_> = backups.iter().map(|backup| candidate(backup)).collect();
    let newest_first = newest_first(&candidates, (0..candidates.len()).collect());
    let (mut walked, mut found) = (BTreeSet::new(), None);
    for candidate in newest_first.into_iter().map(|at| &candidates[at]) {
        let one = RestoreTarget { backup: Some(&candidate.id), ..wanted.clone() };
        let Ok(choice) = choose(&candidates, &system.timelines, &one) else { continue };
        let recoveries = system.timelines.recoveries(&candidate.span);
        let recovery = recoveries.into_iter().find(|it| it.timeline == choice.timeline)?;
        // What was looked through for a newer one comes behind.
        let pieces = &recovery.pieces;
        let earlier = in_pieces(pieces, system.segment_size, &mut walked, &mut search);
        let said =
            |error: &Error| tracing::info!("the search for the target was not completed: {error}");
        found = earlier.inspect_err(said).ok()?.or(found);
        if let Some(lsn) = found.filter(|lsn| *lsn >= candidate.span.stop.lsn) {
            return Some(Located::At { backup: candidate.id.clone(), lsn });
        }
    }
    found.is_none().then_some(Located::Nowhere)
}

/// The first place in these pieces, segments that were looked through before left out.
fn in_pieces(
    pieces: &[Piece],
    size: WalSegmentSize,
    walked: &mut BTreeSet<WalSegment>,
    search: &mut dyn FnMut(WalSegment) -> Result<Option<u64>>,
) -> Result<Option<Lsn>> {
    for piece in pieces {
        let mut next = WalSegment::at(piece.wal.start, piece.timeline, size);
        while let Some(segment) = next {
            let Ok(begin) = segment.start(size) else { break };
            if begin >= piece.wal.end {
                break;
            }
            if walked.insert(segment)
                && let Some(offset) = search(segment)?
                && Lsn(begin.0 + offset) < piece.wal.end
            {
                return Ok(Some(Lsn(begin.0 + offset)));
            }
            next = segment.next(size);
        }
    }
    Ok(None)
}

fn in_segment(
    repositories: &[Repository],
    source: &Source<'_>,
    segment: WalSegment,
    landmark: &Landmark,
) -> Result<Option<u64>> {
    for repository in repositories {
        let mut scan = LandmarkScan::new(landmark.clone());
        let mut visit = |piece: &[u8]| {
            scan.feed(piece);
            if scan.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        if repository.show_wal(source, WalFileName::Segment(segment), &mut visit)? {
            return Ok(scan.found());
        }
    }
    Ok(None)
}
