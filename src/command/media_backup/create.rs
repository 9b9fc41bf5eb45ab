//! `media-backup create`: a tree in folders, packs everywhere else.
//!
//! The set has to be in the configuration. Only on a host without media sets do the other verbs take the name of a set
//! that is stored: a new host may know nothing but the name.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;

use super::snapshot::{repository_folders, root_of, set_of};
use super::{named, show_progress, with_set};
use crate::backup::{Backup, Catalogue, Configured as _, Kind as _, SelfContained};
use crate::backup::{BackupFolder, CreateFailure, DESCRIPTION, Fell, Known, make_exist, new_id};
use crate::cli::flags;
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, size};
use crate::codec::Identities;
use crate::command::created::{self, Attendance, CreatedBackup};
use crate::config::{BANDWIDTH, Config, MediaSet};
use crate::error::{Class, Error, Result};
use crate::media_backup::local::{LocalSnapshot, TreeTaken};
use crate::media_backup::packed::{Listing, PackedSnapshot};
use crate::media_backup::{
    Damage, KeptTree, MediaProgress, Places, SnapshotDescription, SnapshotKind, Sums,
};
use crate::repository::{self, Repository};

const SHORT: &str = "Takes a snapshot of a set of folders and files into every repository";

const ABOUT: &str = "Takes a snapshot of a set of folders and files into every repository

Each snapshot looks complete and takes only the space of what changed. In a folder a snapshot is a tree that you
can browse. In a bucket, and in every encrypted repository, contents are in packs, each uploaded once.";

const AFTER: &str = "Exit status 4: some files could not be read, or a path of the set does not \
     exist; each is a line, and the snapshot has the rest. Or the snapshot has far less than the \
     snapshot before (nothing in one of the paths, or at most half of the files), for example \
     because a disk is not mounted. Then `prune` keeps the earlier snapshots until a snapshot has \
     more again, or until --accept-fewer says that it is right.";

pub fn command() -> Command {
    let command = Command::new("create")
        .about(SHORT)
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(
            Arg::new("label")
                .long("label")
                .value_name("TEXT")
                .default_value("seawall")
                .help("Label of the backup"),
        )
        .arg(
            Arg::new("checksum")
                .long("checksum")
                .action(ArgAction::SetTrue)
                .help("Read every file, also those whose size, times and inode did not change"),
        )
        .arg(
            Arg::new("accept-fewer")
                .long("accept-fewer")
                .action(ArgAction::SetTrue)
                .help("Accept that the snapshot holds far less than the snapshot before"),
        )
        .arg(created::json());
    with_set(flags::with_settings(command, &["media_backup", BANDWIDTH]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let begun = Instant::now();
    let set = MediaSet::choose(&config.media, named(matches))?.clone();
    let config = Config { media: vec![set], ..config.clone() };
    let bar = SharedBar::new("snapshot");
    let progress = |at: MediaProgress| show_progress(&bar, &at);
    let attendance = Attendance::of::<SnapshotDescription>(&config, false)?;
    let taking_part = attendance.config();
    let done = create(&SnapshotOptions {
        config: &taking_part,
        label: matches.get_one::<String>("label").cloned().unwrap_or_default(),
        checksum: matches.get_flag("checksum"),
        accept_fewer: matches.get_flag("accept-fewer"),
        progress: &progress,
    });
    drop(bar);
    let done = done.map_err(|error| error.while_doing("could not take a snapshot"))?;
    let first = done.descriptions.first().map(|(_, it)| it);
    let places = done.descriptions.iter().map(|(name, _)| name.as_str());
    let end = attendance.end(&done.folder, places, done.failures, &Attendance::snapshot_may_come);
    let errors: Vec<Error> = end.errors.into_iter().chain(done.errors).collect();
    let created = CreatedBackup {
        what: "Snapshot",
        id: first.map_or("", |it| it.id.as_str()),
        copies: &done.descriptions,
        amount: first.map_or_else(String::new, |it| {
            format!("{}, {}", count(it.totals.files, "file"), size(it.totals.size))
        }),
        more: first.map_or_else(String::new, |it| {
            let new = (count(it.totals.new_files, "file"), size(it.totals.new_size));
            format!("New in it: {}, {}.", new.0, new.1)
        }),
        took: begun.elapsed(),
        owed: &end.owed,
        errors: &errors,
    };
    created::end(matches, &created, |repository, it| {
        tracing::info!(
            snapshot = %it.id,
            repository,
            files = it.totals.files,
            bytes = it.totals.size,
            new_files = it.totals.new_files,
            new_bytes = it.totals.new_size,
            "snapshot done"
        );
    })
}

struct SnapshotOptions<'a> {
    config: &'a Config,
    label: String,
    /// Read all files, whatever their times say.
    checksum: bool,
    /// That it holds far less than the one before is as it should be.
    accept_fewer: bool,
    progress: &'a (dyn Fn(MediaProgress) + Sync),
}

/// The snapshot as it is in each repository that has it, and what went wrong.
struct TakenSnapshot {
    folder: BackupFolder,
    descriptions: Vec<(String, SnapshotDescription)>,
    /// Why the other repositories do not have it.
    failures: Vec<CreateFailure>,
    errors: Vec<Error>,
}

fn create(options: &SnapshotOptions<'_>) -> Result<TakenSnapshot> {
    let config = options.config;
    let set = set_of(config)?;
    // A path that is not there is no repository's fault, and none is touched for it.
    Places::of_set(&set.paths)?;
    let repositories = repository::open_all_limited(config)?;
    let identities = repository::identities(config)?;
    let began = Timestamp::now();
    let id = new_id(began);
    let folders = repository_folders(config);
    let leave_out: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
    let mut taking = SnapshotTaking {
        options,
        set,
        id: &id,
        began,
        leave_out: &leave_out,
        is_copied: repositories.len() > 1,
        descriptions: Vec::new(),
        failures: Vec::new(),
        failed_files: 0,
        kept: None,
    };
    let mut packed = Vec::new();
    let known = Known::of(config.state_directory.as_deref(), "media");
    let folder = BackupFolder::below(&all_of(config), &id);
    for (at, repository) in repositories.iter().enumerate() {
        if let Err(error) = known.check(repository, folder.all()) {
            taking.failures.push(not_stored(repository, error));
            continue;
        }
        match root_of(config, at).filter(|_| !repository.encrypts()) {
            Some(root) => taking.take_tree(root, repository),
            None => packed.push(repository),
        }
    }
    if !packed.is_empty() {
        taking.take_packs(&packed, &identities);
    }
    let SnapshotTaking { descriptions, failures, failed_files, .. } = taking;
    let has_it =
        |repository: &&Repository| descriptions.iter().any(|(name, _)| name == repository.name());
    repositories.iter().filter(has_it).for_each(|repository| known.keep(repository, &folder));
    let fell = descriptions.iter().find_map(|(_, it)| fell(it));
    let errors = fell.into_iter().chain((failed_files > 0).then(|| incomplete(failed_files)));
    let errors = errors.collect();
    Ok(TakenSnapshot { folder, descriptions, failures, errors })
}

/// A snapshot under way, and what became of it so far.
struct SnapshotTaking<'a> {
    options: &'a SnapshotOptions<'a>,
    set: &'a MediaSet,
    id: &'a str,
    began: Timestamp,
    leave_out: &'a [&'a Path],
    /// Whether there are several repositories: the next one copies what the first one took.
    is_copied: bool,
    descriptions: Vec<(String, SnapshotDescription)>,
    failures: Vec<CreateFailure>,
    failed_files: u64,
    kept: Option<KeptTree>,
}

impl SnapshotTaking<'_> {
    /// Into a folder in the clear, beside the trees that are there.
    fn take_tree(&mut self, root: &Path, repository: &Repository) {
        let (options, config) = (self.options, self.options.config);
        let previous = newest_tree(repository, config);
        let of = previous.as_ref().map(|it| (it.totals.entries, it.totals.size));
        let progress = |at: MediaProgress| (options.progress)(MediaProgress { of, ..at });
        let snapshot = LocalSnapshot {
            root,
            set: self.set,
            id: self.id,
            began: self.began,
            previous: previous.as_ref().map(|it| it.id.as_str()),
            checksum: options.checksum,
            damage: previous
                .as_ref()
                .map_or_else(Damage::default, |it| damage(config, repository, it)),
            leave_out: self.leave_out,
            copy_of: self.kept.as_ref(),
            is_copied: self.kept.is_none() && self.is_copied,
            threads: config.basebackup.parallel,
            progress: &progress,
        };
        let mut described = None;
        let taken = snapshot.take(|taken| {
            let reference = previous.as_ref().map(Fell::reference);
            let (id, began) = (self.id, self.began);
            described = Some(describe(options, repository, id, began, (taken, reference))?);
            Ok(())
        });
        match taken {
            Ok(taken) => {
                self.failed_files = self.failed_files.max(taken.problems.failures);
                self.kept = self.kept.take().or(taken.kept);
            }
            Err(error) => self.failures.push(not_stored(repository, error)),
        }
        self.descriptions.extend(described.map(|it| (repository.name().to_owned(), it)));
    }

    /// Into all that are no folder, or encrypt, at once.
    fn take_packs(&mut self, repositories: &[&Repository], identities: &Identities) {
        let (options, config) = (self.options, self.options.config);
        let snapshot = PackedSnapshot {
            repositories,
            set: self.set,
            id: self.id,
            label: &options.label,
            began: self.began,
            checksum: options.checksum,
            accept_fewer: options.accept_fewer,
            leave_out: self.leave_out,
            copy_of: self.kept.as_ref(),
            level: config.media_backup.compression_level,
            threads: config.basebackup.parallel,
            identities,
            state: config.media_backup.state_directory.as_deref(),
            attempts: config.limits.attempts,
            progress: options.progress,
        };
        match snapshot.take() {
            Ok(taken) => {
                self.failed_files = self.failed_files.max(taken.problems.failures);
                self.descriptions.extend(taken.descriptions);
                self.failures.extend(taken.failures);
            }
            Err(error) => {
                let all = repositories.iter();
                self.failures.extend(all.map(|it| CreateFailure::of(it, error.clone())));
            }
        }
    }
}

fn not_stored(repository: &Repository, error: Error) -> CreateFailure {
    let name = repository.name();
    let error = error.while_doing(format!("could not store the snapshot in repository {name}"));
    CreateFailure::of(repository, error)
}

/// A disk that is not mounted looks like an empty folder.
fn fell(description: &SnapshotDescription) -> Option<Error> {
    let before = description.fell.as_ref()?;
    let (id, since) = (&description.id, &before.since);
    let fell = before.said(&description.measures())?;
    let message = format!("snapshot {id} has far less than {since}: {fell}");
    Some(Error::new(Class::Incomplete, message).hint(
        "Is everything mounted, and nothing deleted by mistake? `prune` keeps the earlier snapshots. \
         If this snapshot is right, run once: `media-backup create --accept-fewer`.",
    ))
}

fn incomplete(failures: u64) -> Error {
    let message = format!("{} could not be backed up", count(failures, "file or folder"));
    Error::new(Class::Incomplete, message)
        .hint("The lines above name them; the snapshot has everything else.")
}

/// What the keys of all snapshots of the set begin with.
fn all_of(config: &Config) -> String {
    SnapshotDescription::all(SnapshotDescription::name(config), ())
}

/// The newest whole one to share files with. What can't be seen now is not shared.
fn newest_tree(repository: &Repository, config: &Config) -> Option<SnapshotDescription> {
    let series = Catalogue::<SnapshotDescription>::read(
        std::slice::from_ref(repository),
        SnapshotDescription::name(config),
    );
    let newest = series.backups.into_iter().rfind(Backup::is_whole).map(|it| it.facts);
    newest.filter(|it| it.kind == SnapshotKind::LocalTree)
}

/// What must not be shared with the newest one.
fn damage(config: &Config, repository: &Repository, newest: &SnapshotDescription) -> Damage {
    let all = all_of(config);
    let began = newest.began.parse().unwrap_or(Timestamp::MIN);
    match Listing::read(repository, &all) {
        Ok(listing) => Damage::noted(repository, &all, listing.objects(), began),
        Err(error) => {
            tracing::warn!("nothing is shared with {}: {error}", newest.id);
            Damage { all: true, ..Damage::default() }
        }
    }
}

fn describe(
    options: &SnapshotOptions<'_>,
    repository: &Repository,
    id: &str,
    began: Timestamp,
    (taken, reference): (&TreeTaken, Option<Fell>),
) -> Result<SnapshotDescription> {
    let description = SnapshotDescription {
        seawall: SnapshotDescription::FORMAT,
        id: id.to_owned(),
        label: options.label.clone(),
        kind: SnapshotKind::LocalTree,
        began: began.to_string(),
        ended: Timestamp::now().to_string(),
        encrypted: false,
        totals: Sums::of(&taken.totals, &taken.problems),
        objects: vec![taken.index.clone()],
        earlier: Vec::new(),
        recipients: None,
        paths: taken.totals.paths.clone(),
        sum: Some(taken.totals.sum.clone()),
        fell: None,
        accepted: false,
    };
    let description = description.judged(reference.as_ref(), options.accept_fewer);
    let json = serde_json::to_vec_pretty(&description).map_err(|error| {
        Error::new(Class::Internal, format!("could not write {DESCRIPTION}: {error}"))
    })?;
    let folder = BackupFolder::below(&all_of(options.config), id);
    make_exist(repository, &folder, &description.objects, Bytes::from(json))?;
    Ok(description)
}
