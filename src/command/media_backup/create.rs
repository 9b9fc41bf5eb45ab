//! `media-backup create`: a tree in folders, packs everywhere else.

use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;

use super::places::{repository_folders, root_of, set_of};
use crate::backup::series::{Backup, SelfContained, Series};
use crate::backup::{BackupFolder, DESCRIPTION, Fell, Known, make_exist, new_id};
use crate::command::series::Kind;
use crate::command::shown::count;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::local::{LocalSnapshot, Taken};
use crate::media_backup::packed::{Listing, PackedSnapshot};
use crate::media_backup::{Damage, Description, Kept, Places, Progress, SnapshotKind, Sums};
use crate::repository::{self, Repository};

pub struct Request<'a> {
    pub config: &'a Config,
    pub label: String,
    /// Read all files, whatever their times say.
    pub checksum: bool,
    /// That it holds far less than the one before is as it should be.
    pub accept_fewer: bool,
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// The snapshot as it is in each repository that has it, and what went wrong.
pub struct Done {
    pub descriptions: Vec<(String, Description)>,
    pub errors: Vec<Error>,
}

pub fn create(request: &Request<'_>) -> Result<Done> {
    let config = request.config;
    let set = set_of(config)?;
    // A path that is not there is no repository's fault, and none is touched for it.
    Places::of_set(&set.paths)?;
    let repositories = repository::open_all(config, None)?;
    let identities = repository::identities(config)?;
    let began = Timestamp::now();
    let id = new_id(began);
    let folders = repository_folders(config);
    let leave_out: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
    let (mut done, mut failed_files) = (Done { descriptions: vec![], errors: vec![] }, 0);
    let (mut packed, mut kept) = (Vec::new(), None::<Kept>);
    let known = Known::of(config.state_directory.as_deref(), "media");
    let folder = BackupFolder::below(&Description::all(config), &id);
    for (at, repository) in repositories.iter().enumerate() {
        if let Err(error) = known.check(repository, folder.all()) {
            done.errors.push(not_stored(repository, error));
            continue;
        }
        let Some(root) = root_of(config, at).filter(|_| !repository.encrypts()) else {
            packed.push(repository);
            continue;
        };
        let previous = newest_tree(repository, config);
        let of = previous.as_ref().map(|it| (it.totals.entries, it.totals.size));
        let progress = |at: Progress| (request.progress)(Progress { of, ..at });
        let snapshot = LocalSnapshot {
            root,
            set,
            id: &id,
            began,
            previous: previous.as_ref().map(|it| it.id.as_str()),
            checksum: request.checksum,
            damage: previous
                .as_ref()
                .map_or_else(Damage::default, |it| damage(config, repository, it)),
            leave_out: &leave_out,
            copy_of: kept.as_ref(),
            is_copied: kept.is_none() && repositories.len() > 1,
            threads: config.basebackup.parallel,
            progress: &progress,
        };
        let mut described = None;
        let taken = snapshot.take(|taken| {
            let reference = previous.as_ref().map(Fell::reference);
            described = Some(describe(request, repository, &id, began, (taken, reference))?);
            Ok(())
        });
        match taken {
            Ok(taken) => {
                failed_files = failed_files.max(taken.problems.failures);
                kept = kept.take().or(taken.kept);
            }
            Err(error) => done.errors.push(not_stored(repository, error)),
        }
        done.descriptions.extend(described.map(|it| (repository.name().to_owned(), it)));
    }
    if !packed.is_empty() {
        let snapshot = PackedSnapshot {
            repositories: &packed,
            set,
            id: &id,
            label: &request.label,
            began,
            checksum: request.checksum,
            accept_fewer: request.accept_fewer,
            leave_out: &leave_out,
            copy_of: kept.as_ref(),
            level: config.media_backup.compression_level,
            threads: config.basebackup.parallel,
            identities: &identities,
            state: config.media_backup.state_directory.as_deref(),
            attempts: config.limits.attempts,
            progress: request.progress,
        };
        match snapshot.take() {
            Ok(taken) => {
                failed_files = failed_files.max(taken.problems.failures);
                done.descriptions.extend(taken.descriptions);
                done.errors.extend(taken.failures);
            }
            Err(error) => done.errors.push(error),
        }
    }
    let has_it = |repository: &&Repository| {
        done.descriptions.iter().any(|(name, _)| name == repository.name())
    };
    repositories.iter().filter(has_it).for_each(|repository| known.keep(repository, &folder));
    let fallen = done.descriptions.iter().find_map(|(_, it)| fell(it));
    done.errors.extend(fallen);
    done.errors.extend((failed_files > 0).then(|| incomplete(failed_files)));
    Ok(done)
}

fn not_stored(repository: &Repository, error: Error) -> Error {
    error.while_doing(format!("could not store the snapshot in repository {}", repository.name()))
}

/// A disk that is not mounted looks like an empty folder.
fn fell(description: &Description) -> Option<Error> {
    let before = description.fell.as_ref()?;
    let (id, since) = (&description.id, &before.since);
    let fell = before.said(&description.measures())?;
    let message = format!("snapshot {id} has far less than {since}: {fell}");
    Some(Error::new(Class::Incomplete, message).hint(
        "Is everything mounted, and nothing deleted by mistake? `prune` keeps those before it. If it is right so, say it \
         once: `media-backup create --accept-fewer`.",
    ))
}

fn incomplete(failures: u64) -> Error {
    let message = format!("{} could not be backed up", count(failures, "file or folder"));
    Error::new(Class::Incomplete, message)
        .hint("The lines above name them; the snapshot has everything else.")
}

/// The newest whole one to share files with. What can't be seen now is not shared.
fn newest_tree(repository: &Repository, config: &Config) -> Option<Description> {
    let series =
        Series::<Description>::read(std::slice::from_ref(repository), &Description::all(config));
    let newest = series.backups.into_iter().rfind(Backup::is_whole).map(|it| it.description);
    newest.filter(|it| it.kind == SnapshotKind::LocalTree)
}

/// What must not be shared with the newest one.
fn damage(config: &Config, repository: &Repository, newest: &Description) -> Damage {
    let all = Description::all(config);
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
    request: &Request<'_>,
    repository: &Repository,
    id: &str,
    began: Timestamp,
    (taken, reference): (&Taken, Option<Fell>),
) -> Result<Description> {
    let description = Description {
        seawall: Description::FORMAT,
        id: id.to_owned(),
        label: request.label.clone(),
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
    let description = description.judged(reference.as_ref(), request.accept_fewer);
    let json = serde_json::to_vec_pretty(&description).map_err(|error| {
        Error::new(Class::Internal, format!("could not write {DESCRIPTION}: {error}"))
    })?;
    let folder = crate::backup::BackupFolder::below(&Description::all(request.config), id);
    make_exist(repository, &folder, &description.objects, Bytes::from(json))?;
    Ok(description)
}
