//! `media-backup drill`: some files of the newest snapshot, chosen by chance, are restored and compared. Without `--set` every
//! configured set is rehearsed.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::snapshot::{Lay, StoredSnapshot, set_of};
use super::{of_set, show_progress, with_set};
use crate::cli::flags;
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, size};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::command::backups::{Presented as _, choose, read};
use crate::command::recording::Rehearsal;
use crate::config::{Config, MediaSet};
use crate::drill::{Deadline, Scratch};
use crate::error::{Class, Error, Result};
use crate::media_backup::{
    ContentSource, Destination, EntryPath, Existing, IndexReader, MediaProgress, MediaRestore,
    MediaRestored, Selection, SnapshotDescription,
};
use crate::repository::{self, Repository};

const ABOUT: &str = "Restores some files of the newest snapshot, compares them, and records the result

It restores drill.media_sample files, chosen at random, into a folder below drill.directory, and compares them
with length and BLAKE3 of the index. Then it removes the folder, and leaves a record in every repository.";

pub fn command() -> Command {
    let command = Command::new("drill")
        .about("Restores some files of the newest snapshot, compares them, and records the result")
        .long_about(ABOUT)
        .after_help(
            "Without --set it does this for every set. Exit status 5: a file differs from the index.",
        )
        .arg(
            Arg::new("id")
                .value_name("ID")
                .requires("set")
                .help("Id of the backup, or its beginning; default: the newest whole one"),
        )
        .arg(
            Arg::new("keep")
                .long("keep")
                .action(ArgAction::SetTrue)
                .help("Keep the folder with the files"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the result as JSON, one text for each set"),
        );
    with_set(flags::with_settings(command, &["media_backup", "drill", "objectives"]))
}

/// One set that fails keeps the others from nothing; the first error decides the exit status.
pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let all = match matches.get_one::<String>("set") {
        None if !config.media.is_empty() => {
            config.media.iter().map(|set| of(config, set)).collect()
        }
        _ => vec![of_set(config, matches)?],
    };
    let mut failure = Ok(());
    for config in &all {
        let done = drill_one(config, matches);
        match (&failure, done) {
            (Ok(()), done) => failure = done,
            (Err(_), Err(error)) => tracing::error!("{error}"),
            (Err(_), Ok(())) => {}
        }
    }
    failure
}

fn of(config: &Config, set: &MediaSet) -> Config {
    Config { media: vec![set.clone()], ..config.clone() }
}

fn drill_one(config: &Config, matches: &ArgMatches) -> Result<()> {
    let bar = SharedBar::new("restore");
    let progress = |at: MediaProgress| show_progress(&bar, &at);
    let shown = drill(&MediaDrillOptions {
        config,
        id: matches.get_one::<String>("id").cloned(),
        keep: matches.get_flag("keep"),
        as_json: matches.get_flag("json"),
        progress: &progress,
    });
    drop(bar);
    print(shown?)
}

/// How many problems are named.
const NAMED: usize = 3;

struct MediaDrillOptions<'a> {
    /// With one set.
    config: &'a Config,
    /// The beginning of an id; the newest whole one without it.
    id: Option<String>,
    /// Whether the folder is left.
    keep: bool,
    as_json: bool,
    progress: &'a (dyn Fn(MediaProgress) + Sync),
}

/// Whatever comes of it is shown, and recorded if it says something of the backups.
fn drill(options: &MediaDrillOptions<'_>) -> Result<Shown> {
    let config = options.config;
    let deadline = Deadline::after(config.drill.timeout);
    let repositories = deadline.guard(repository::open_all(config, None)?);
    let mut rehearsal = Rehearsal::begin(&set_of(config)?.name);
    let failure = rehearse(options, &repositories, deadline, &mut rehearsal).err();
    rehearsal.store(&repositories, &SnapshotDescription::subject(config), failure.as_ref());
    rehearsal.shown(options.as_json, config.objectives.rto, failure.into_iter().collect())
}

fn rehearse(
    options: &MediaDrillOptions<'_>,
    repositories: &[Repository],
    deadline: Deadline,
    rehearsal: &mut Rehearsal,
) -> Result<()> {
    let (config, begun) = (options.config, Instant::now());
    let series = read::<SnapshotDescription>(config, repositories);
    let backup = choose(&series, repositories, options.id.as_deref())?;
    rehearsal.is_of(&backup.id, backup.began);
    let totals = &backup.facts.totals;
    rehearsal.fact("in all", format!("{}, {}", count(totals.files, "file"), size(totals.size)));
    let mut scratch = Scratch::create_in(&config.drill.directory)?;
    let mut failure: Option<Error> = None;
    for copy in backup.copies.iter().filter(|copy| copy.fault.is_none()) {
        let Some(repository) = repositories.get(copy.repository) else { continue };
        if let Some(error) = failure.take() {
            tracing::warn!("going on with repository {}: {error}", repository.name());
        }
        let (id, at) = (backup.id.as_str(), copy.repository);
        let stored = StoredSnapshot { config, series: &series, id, at, repository };
        let sample = Sample { options, scratch: &scratch, folder: folder(&scratch, at) };
        match stored.read(scratch.path(), &sample) {
            Ok(restored) => {
                let written = size(restored.written_size);
                rehearsal.phase("fetch", begun, Some(written));
                rehearsal.comes_from(repository);
                if options.keep {
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
fn judge(restored: &MediaRestored) -> Result<String> {
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
    options: &'a MediaDrillOptions<'a>,
    scratch: &'a Scratch,
    folder: PathBuf,
}

impl Lay for Sample<'_> {
    fn lay<R: Read>(
        &self,
        _: &SnapshotDescription,
        index: &dyn Fn() -> Result<IndexReader<R>>,
        content: &dyn ContentSource,
    ) -> Result<MediaRestored> {
        let (paths, bytes) = sample(&mut index()?, self.options.config.drill.media_sample)?;
        self.scratch.check_room(bytes)?;
        MediaRestore {
            index,
            content,
            destination: Destination::Folder(&self.folder as &Path),
            selection: &Selection::These(paths),
            existing: Existing::Refuse,
            delete: false,
            leave_out: &[],
            numeric_owner: false,
            threads: self.options.config.basebackup.parallel,
            progress: self.options.progress,
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
