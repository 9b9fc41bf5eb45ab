//! `media-backup drill`: some files of the newest snapshot, chosen by chance, are restored and compared.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::places::set_of;
use super::stored::{Lay, Stored};
use crate::command::recording::Rehearsal;
use crate::command::series::{Kind, choose, read};
use crate::command::shown::{Shown, count, size};
use crate::config::Config;
use crate::drill::{Deadline, Scratch};
use crate::error::{Class, Error, Result};
use crate::media_backup::{
    ContentSource, Description, Destination, EntryPath, Existing, IndexReader, Progress, Restore,
    Restored, Selection,
};
use crate::repository::{self, Repository};

/// How many problems are named.
const NAMED: usize = 3;

pub struct Request<'a> {
    /// With one set.
    pub config: &'a Config,
    /// The beginning of an id; the newest whole one without it.
    pub id: Option<String>,
    /// Whether the folder is left.
    pub keep: bool,
    pub as_json: bool,
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// Whatever comes of it is shown, and recorded if it says something of the backups.
pub fn run(request: &Request<'_>) -> Result<Shown> {
    let config = request.config;
    let deadline = Deadline::after(config.drill.timeout);
    let repositories = deadline.guard(repository::open_all(config, None)?);
    let mut rehearsal = Rehearsal::begin(&set_of(config)?.name);
    let failure = rehearse(request, &repositories, deadline, &mut rehearsal).err();
    rehearsal.store(&repositories, &Description::subject(config), failure.as_ref());
    rehearsal.shown(request.as_json, config.objectives.rto, failure.into_iter().collect())
}

fn rehearse(
    request: &Request<'_>,
    repositories: &[Repository],
    deadline: Deadline,
    rehearsal: &mut Rehearsal,
) -> Result<()> {
    let (config, begun) = (request.config, Instant::now());
    let series = read::<Description>(config, repositories);
    let backup = choose(&series, repositories, request.id.as_deref())?;
    rehearsal.is_of(&backup.id, backup.began);
    let totals = &backup.description.totals;
    rehearsal.fact("in all", format!("{}, {}", count(totals.files, "file"), size(totals.size)));
    let mut scratch = Scratch::create_in(&config.drill.directory)?;
    let mut failure: Option<Error> = None;
    for copy in backup.copies.iter().filter(|copy| copy.fault.is_none()) {
        let Some(repository) = repositories.get(copy.repository) else { continue };
        if let Some(error) = failure.take() {
            tracing::warn!("going on with repository {}: {error}", repository.name());
        }
        let (id, at) = (backup.id.as_str(), copy.repository);
        let stored = Stored { config, series: &series, id, at, repository };
        let sample = Sample { request, scratch: &scratch, folder: folder(&scratch, at) };
        match stored.read(scratch.path(), &sample) {
            Ok(restored) => {
                let written = size(restored.written_size);
                rehearsal.phase("fetch", begun, Some(written));
                rehearsal.comes_from(repository);
                if request.keep {
                    let folder = folder(&scratch, at);
                    rehearsal
                        .keep(&mut scratch, format!("the files are in {}", folder.display()))?;
                }
                deadline.left()?;
                return rehearsal.check("files", judge(&restored));
            }
            Err(error) => {
                let name = repository.name();
                let what = format!("could not restore from repository {name}");
                failure = Some(error.while_doing(what));
            }
        }
    }
    rehearsal.phase("fetch", begun, None);
    Err(failure.unwrap_or_else(|| {
        Error::new(Class::Gap, format!("no repository has all of snapshot {}", backup.id))
    }))
}

/// Each file was compared with the length and the BLAKE3 of the index while it was written.
fn judge(restored: &Restored) -> Result<String> {
    let problems = &restored.problems;
    if problems.failures == 0 {
        return Ok(format!("{} as in the index", count(restored.written_files, "file")));
    }
    let told: Vec<&str> =
        problems.told.iter().take(NAMED).map(|problem| problem.message.as_str()).collect();
    let failed = count(problems.failures, "file");
    let message = format!("{failed} not as in the index: {}", told.join("; "));
    Err(Error::new(Class::Damaged, message))
}

/// Some files, into a folder below that of the drill.
struct Sample<'a> {
    request: &'a Request<'a>,
    scratch: &'a Scratch,
    folder: PathBuf,
}

impl Lay for Sample<'_> {
    fn lay<R: Read>(
        &self,
        _: &Description,
        index: &dyn Fn() -> Result<IndexReader<R>>,
        content: &dyn ContentSource,
    ) -> Result<Restored> {
        let (paths, bytes) = sample(&mut index()?, self.request.config.drill.media_sample)?;
        self.scratch.check_room(bytes)?;
        Restore {
            index,
            content,
            destination: Destination::Folder(&self.folder as &Path),
            selection: &Selection::These(paths),
            existing: Existing::Refuse,
            delete: false,
            leave_out: &[],
            numeric_owner: false,
            threads: self.request.config.basebackup.parallel,
            progress: self.request.progress,
        }
        .run()
    }
}

/// Each repository has one of its own, so that what one gave does not count for another.
fn folder(scratch: &Scratch, repository: usize) -> PathBuf {
    scratch.path().join(format!("files-{repository}"))
}

/// So many files, each as likely as any other, and their length in bytes. In memory there are never more of
/// them.
fn sample<R: Read>(
    index: &mut IndexReader<R>,
    wanted: usize,
) -> Result<(BTreeSet<EntryPath>, u64)> {
    let seed = jiff::Timestamp::now().as_nanosecond().to_le_bytes();
    // Those with the smallest hashes; the largest of them is on top.
    let mut chosen: BinaryHeap<([u8; 32], Reverse<EntryPath>, u64)> = BinaryHeap::new();
    while let Some(entry) = index.next_entry()? {
        let Some(content) = entry.content() else { continue };
        let hash = blake3::Hasher::new().update(&seed).update(entry.path.as_bytes()).finalize();
        chosen.push((*hash.as_bytes(), Reverse(entry.path.clone()), content.size));
        if chosen.len() > wanted {
            chosen.pop();
        }
    }
    let bytes = chosen.iter().map(|(_, _, size)| size).sum();
    Ok((chosen.into_iter().map(|(_, path, _)| path.0).collect(), bytes))
}
