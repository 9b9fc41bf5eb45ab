//! `media-backup restore`: the plan, then the files.
//!
//! `ended` is what programs read of the plan, and all that is said at the end.

mod ended;

use std::path::{Path, PathBuf};
use std::time::Instant;

use self::ended::in_all;
use super::places::{repository_folders, set_of};
use super::stored::{Lay, Stored};
use crate::backup::series::Backup;
use crate::command::restored::{Asking, Ending};
use crate::command::series::{choose, is_latest, read, refuse_fallen};
use crate::command::shown::{at_seconds, count, plain, size};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::{
    ContentSource, Description, Destination, Existing, IndexReader, Progress, Restore, Restored,
    Selection,
};
use crate::repository::{self, Repository};

pub struct Request<'a> {
    pub config: &'a Config,
    /// The beginning of an id; the newest whole one without it.
    pub id: Option<String>,
    /// Where to; to where the files were without it.
    pub to: Option<PathBuf>,
    pub selection: Selection,
    /// How the selection was said.
    pub selected: String,
    pub existing: Existing,
    pub delete: bool,
    pub numeric_owner: bool,
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// Makes a plan, has it agreed to, and carries it out.
pub fn restore(request: &Request<'_>, asking: &mut Asking<'_>) -> Result<Ending> {
    let config = request.config;
    let repositories = repository::open_all(config, None)?;
    let series = read::<Description>(config, &repositories);
    let backup = choose(&series, &repositories, request.id.as_deref())?;
    if is_latest(request.id.as_deref()) {
        refuse_fallen(&series)?;
    }
    if request.delete {
        refuse_incomplete(&backup.description)?;
    }
    let words = plan(request, backup, &repositories)?;
    let told = ended::told(request, backup, &repositories, &words)?;
    if !asking.agreed(&words)? {
        return Ok(Ending::planned(told));
    }
    let (started, mut all) = (Instant::now(), None);
    let mut failure: Option<Error> = None;
    let mut existing = request.existing;
    let mut begun: Option<String> = None;
    for copy in backup.copies.iter().filter(|copy| copy.fault.is_none()) {
        let Some(repository) = repositories.get(copy.repository) else { continue };
        let (id, at) = (backup.id.as_str(), copy.repository);
        let sum = series.contents(id, repository).ok().flatten().and_then(|it| it.description.sum);
        if begun.is_some() && begun != sum {
            let name = repository.name();
            let message = format!(
                "the rest is not taken from repository {name}: there {id} is of another moment"
            );
            failure = failure.map(|error| error.while_doing(message));
            continue;
        }
        if let Some(error) = failure.take() {
            tracing::warn!("going on with repository {}: {error}", repository.name());
        }
        let stored = Stored { config, series: &series, id, at, repository };
        match stored.read(&std::env::temp_dir(), &Laying { request, existing }) {
            Ok(restored) => match judged(&restored) {
                Ok(()) => {
                    let restored = in_all(all, restored);
                    let done = ended::done(request, &backup.id, &restored, started);
                    if !asking.in_words && !asking.as_json {
                        said(&backup.id, &restored);
                    }
                    return Ok(Ending { plan: told, done: Some(done), error: None });
                }
                Err(error) => {
                    all = Some(in_all(all, restored));
                    // What is there by now is what the snapshot has; the next repository gives the rest.
                    if !matches!(existing, Existing::Delta { .. }) {
                        existing = Existing::Delta { checksum: false };
                    }
                    failure = Some(error);
                    begun = sum;
                }
            },
            Err(error)
                if matches!(error.class(), Class::LocalFile | Class::Input | Class::Usage) =>
            {
                return Err(error);
            }
            Err(error) => {
                let name = repository.name();
                failure =
                    Some(error.while_doing(format!("could not restore from repository {name}")));
            }
        }
    }
    let failure = failure.unwrap_or_else(|| {
        Error::new(Class::Gap, format!("no repository has all of snapshot {}", backup.id))
            .hint("`media-backup list` shows what is wrong with it; restore another one.")
    });
    let restored = all.ok_or_else(|| failure.clone())?;
    if !asking.in_words && !asking.as_json {
        said(&backup.id, &restored);
    }
    let done = ended::done(request, &backup.id, &restored, started);
    Ok(Ending { plan: told, done: Some(done), error: Some(failure) })
}

fn plan(
    request: &Request<'_>,
    backup: &Backup<Description>,
    repositories: &[Repository],
) -> Result<String> {
    let places = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let places = places.filter_map(|copy| repositories.get(copy.repository));
    let places: Vec<&str> = places.map(Repository::name).collect();
    let into = match &request.to {
        Some(folder) => folder.display().to_string(),
        None => {
            let paths = &set_of(request.config)?.paths;
            if paths.is_empty() {
                return Err(nowhere_to_put_it());
            }
            paths.iter().map(|path| where_it_leads(path)).collect::<Vec<_>>().join(", ")
        }
    };
    let there = match request.existing {
        Existing::Refuse => "nothing may be in the way",
        Existing::Replace => "what is in the way is replaced",
        Existing::Delta { .. } => "what differs is replaced",
    };
    let strays = if request.delete { "; what the snapshot lacks is REMOVED" } else { "" };
    let totals = &backup.description.totals;
    let lines = [
        ("snapshot", format!("{}, of {}", backup.id, at_seconds(backup.began))),
        ("from", places.join(", then ")),
        ("what", request.selected.clone()),
        ("in all", format!("{} with {}", count(totals.files, "file"), size(totals.size))),
        ("into", into),
        ("there", format!("{there}{strays}")),
    ];
    Ok(lines.map(|(key, value)| format!("{key:<12}{}\n", plain(&value))).concat())
}

/// A path of a set may be a link, which may lead elsewhere by now.
fn where_it_leads(path: &Path) -> String {
    match std::fs::canonicalize(path) {
        Ok(real) if real != path => format!("{} (it leads to {})", path.display(), real.display()),
        _ => path.display().to_string(),
    }
}

/// What could not be read is not in it, and was there all the same.
fn refuse_incomplete(description: &Description) -> Result<()> {
    let (id, failures) = (&description.id, description.totals.failures);
    if failures == 0 {
        return Ok(());
    }
    let message =
        format!("snapshot {id} lacks {} that could not be read", count(failures, "file or folder"));
    Err(Error::new(Class::Input, message).hint("--delete would remove them: leave it out."))
}

/// What a snapshot says of its paths is not believed: it may be anybody's.
fn nowhere_to_put_it() -> Error {
    Error::new(Class::Usage, "this set is not configured, and --to is missing").hint(
        "Files get their full paths below --to DIRECTORY: with --to / they go where they were.",
    )
}

/// A restore into its target.
struct Laying<'a> {
    request: &'a Request<'a>,
    existing: Existing,
}

impl Lay for Laying<'_> {
    fn lay<R: std::io::Read>(
        &self,
        description: &Description,
        index: &dyn Fn() -> Result<IndexReader<R>>,
        content: &dyn ContentSource,
    ) -> Result<Restored> {
        let Self { request, existing } = *self;
        let destination = match &request.to {
            Some(folder) => Destination::Folder(folder as &Path),
            None => Destination::Original(&set_of(request.config)?.paths),
        };
        // How much of it is chosen, or differs, nobody knows before.
        let is_all = matches!(request.selection, Selection::All);
        let all = (description.totals.entries, description.totals.size);
        let of = (is_all && !matches!(existing, Existing::Delta { .. })).then_some(all);
        let folders = repository_folders(request.config);
        let leave_out: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
        Restore {
            index,
            content,
            destination,
            selection: &request.selection,
            existing,
            delete: request.delete,
            leave_out: &leave_out,
            numeric_owner: request.numeric_owner,
            threads: request.config.basebackup.parallel,
            progress: &|at| (request.progress)(Progress { of, ..at }),
        }
        .run()
    }
}

fn said(id: &str, restored: &Restored) {
    tracing::info!(
        snapshot = id,
        entries = restored.entries,
        written_files = restored.written_files,
        written_bytes = restored.written_size,
        removed = restored.removed,
        "restored"
    );
}

/// What is not as it was.
fn judged(restored: &Restored) -> Result<()> {
    for (number, what) in [
        (restored.owners_not_set, "could not be given to its owner: only root may do that"),
        (restored.xattrs_not_set, "extended attribute could not be set"),
    ] {
        if number > 0 {
            tracing::warn!("{number} {what}");
        }
    }
    match restored.problems.failures {
        0 => Ok(()),
        failures => {
            let message = format!("{} could not be restored", count(failures, "file or folder"));
            Err(Error::new(Class::Incomplete, message)
                .hint("The lines above name them; everything else is there."))
        }
    }
}
