//! Second contents of segments: what a server had behind the place where its timeline was left. No recovery reads them,
//! and somebody may look for transactions in them some day.

use super::session::{Judged, Meter, Session};
use super::{Fault, Report};
use crate::basebackup::catalogue::SystemWal;
use crate::repository::{Repository, Source, StoredBeyond, WalFolder};

pub(super) struct BeyondToRead {
    repository: usize,
    pub(super) contents: Vec<StoredBeyond>,
}

pub(super) fn shelves(session: &Session<'_>, system: &SystemWal) -> Vec<BeyondToRead> {
    let verify = session.verify;
    let folder = WalFolder::new(&verify.config.cluster, system.system);
    let mut shelves = Vec::new();
    for (repository, it) in verify.repositories.iter().enumerate() {
        let inventory = system.inventories.get(repository).and_then(Option::as_ref);
        if !session.is_up(repository) || inventory.is_none_or(|it| it.beyond.is_empty()) {
            continue;
        }
        match it.stored_beyond(&folder) {
            Ok(contents) => shelves.push(BeyondToRead { repository, contents }),
            Err(error) => drop(session.judge::<()>(repository, error)),
        }
    }
    shelves
}

pub(super) fn prove(
    session: &Session<'_>,
    system: &SystemWal,
    shelves: Vec<BeyondToRead>,
    report: &mut Report,
) {
    let verify = session.verify;
    let folder = WalFolder::new(&verify.config.cluster, system.system);
    for BeyondToRead { repository, contents } in shelves {
        let outcomes = session.in_threads(&contents, |stored| {
            let _meter = (!verify.quick).then(|| Meter::new(session, 1, stored.size));
            prove_one(session, repository, &folder, stored)
        });
        for (stored, outcome) in contents.iter().zip(outcomes) {
            match outcome {
                Judged::Good(_) => {
                    report.read.wal_files += 1;
                    report.read.wal_bytes += stored.size;
                }
                Judged::Fault(found) if is_there(&verify.repositories[repository], stored) => {
                    report.faults.push(fault(
                        verify.repositories[repository].name(),
                        stored,
                        found,
                    ));
                }
                Judged::Fault(_) | Judged::Unknown => {}
            }
        }
    }
}

fn prove_one(
    session: &Session<'_>,
    repository: usize,
    folder: &WalFolder,
    stored: &StoredBeyond,
) -> Judged<bool> {
    let verify = session.verify;
    if !session.is_up(repository) {
        return Judged::Unknown;
    }
    if verify.quick {
        return match stored.size {
            0 => Judged::Fault("expected a WAL segment, found an empty object".to_owned()),
            _ => Judged::Good(true),
        };
    }
    let source = Source { folder, identities: verify.identities, limits: verify.config.limits };
    let proved = verify.repositories[repository].prove_beyond(&source, stored);
    proved.map_or_else(|error| session.judge(repository, error), Judged::Good)
}

/// It goes with its segment when that is pruned.
fn is_there(repository: &Repository, stored: &StoredBeyond) -> bool {
    !matches!(repository.storage().head(&stored.key), Ok(None))
}

fn fault(repository: &str, stored: &StoredBeyond, found: String) -> Fault {
    let (segment, timeline) = (stored.segment, stored.segment.timeline.number());
    Fault {
        repository: Some(repository.to_owned()),
        object: stored.key.clone(),
        found,
        spoils: format!(
            "no look at what a server had of {segment} behind the place where timeline {timeline} was left"
        ),
        elsewhere: Vec::new(),
        past: false,
    }
}
