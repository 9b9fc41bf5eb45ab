//! `media-backup restore`: the plan, then the files. With `--dry-run` and a part chosen, the plan is followed by a list of what
//! would come back.
//!
//! `ended` is what programs read of the plan, and all that is said at the end.

mod ended;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{ArgMatches, Command};

use self::ended::in_all;
use super::ls::{self, ListForm, ListPart, selection_flags, selection_of};
use super::snapshot::{Lay, StoredSnapshot, repository_folders, set_of};
use super::{of_set, show_progress, with_set};
use crate::backup::Backup;
use crate::cli::flags::{path, switch};
use crate::cli::progress::SharedBar;
use crate::cli::text::{at_seconds, count, plain, size};
use crate::cli::{asked, flags, guard};
use crate::command::backups::id_or_newest;
use crate::command::backups::{choose, is_latest, read, refuse_fallen};
use crate::command::restored::{self, Asking, Ending};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::{
    ContentSource, Destination, Existing, IndexReader, MediaProgress, MediaRestore, MediaRestored,
    Selection, SnapshotDescription,
};
use crate::repository::{self, Repository};

const SHORT: &str = "Restores files: all of a set, one path, or the files that match a pattern";

const ABOUT: &str = "Restores files: all of a set, one path, or the files that match a pattern

Without --to files go to their original places. Every file is checked while it is written. Nothing is removed
without --delete. Nothing is written outside the target folders.";

pub fn command() -> Command {
    let command = Command::new("restore")
        .about(SHORT)
        .long_about(ABOUT)
        .arg(id_or_newest())
        .arg(path("to", "DIRECTORY", "Put the files below this folder, under their full paths"))
        .args(selection_flags())
        .arg(switch("replace", "Replace existing files").conflicts_with("delta"))
        .arg(switch("delta", "Write only files that differ, by size and time"))
        .arg(switch("checksum", "With --delta: compare by content").requires("delta"))
        .arg(
            switch("delete", "With --delta: remove files that the snapshot does not have")
                .requires("delta"),
        )
        .arg(switch(
            "numeric-owner",
            "Give files to owners by number, whatever their names are here",
        ));
    let command = asked::with_plan(command).mut_arg("dry-run", |arg| {
        arg.help("Show the plan, and the files that --path or --pattern chooses, and stop")
    });
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let (selection, selected) = selection_of(matches)?;
    let existing = match (matches.get_flag("delta"), matches.get_flag("replace")) {
        (true, _) => Existing::Delta { checksum: matches.get_flag("checksum") },
        (_, true) => Existing::Replace,
        _ => Existing::Refuse,
    };
    let bar = SharedBar::new("restore");
    let progress = |at: MediaProgress| show_progress(&bar, &at);
    let options = MediaRestoreOptions {
        config: &config,
        id: matches.get_one::<String>("id").cloned(),
        to: path("to"),
        selection,
        selected,
        existing,
        delete: matches.get_flag("delete"),
        numeric_owner: matches.get_flag("numeric-owner"),
        progress: &progress,
    };
    let ending = restored::asking(matches, |asking| restore(&options, asking));
    let (id, selection) = (options.id, options.selection);
    drop(bar);
    let only_shown = matches.get_flag("dry-run") && !matches.get_flag("json");
    let part = only_shown && !matches!(selection, Selection::All);
    let ending = ending.and_then(|ending| match part {
        true => list_part(&config, id.as_deref(), &selection).map(|()| ending),
        false => Ok(ending),
    });
    restored::end(matches, ending, "could not restore")
}

/// What would come back of a snapshot.
fn list_part(config: &Config, id: Option<&str>, selection: &Selection) -> Result<()> {
    let part = ListPart::Selected(selection);
    let options = ls::ListOptions { config, id, part, form: ListForm::Long, heading: false };
    guard::stream(|out| ls::list(&options, out))
}

struct MediaRestoreOptions<'a> {
    config: &'a Config,
    /// The beginning of an id; the newest whole one without it.
    id: Option<String>,
    /// Where to; to where the files were without it.
    to: Option<PathBuf>,
    selection: Selection,
    /// How the selection was said.
    selected: String,
    existing: Existing,
    delete: bool,
    numeric_owner: bool,
    progress: &'a (dyn Fn(MediaProgress) + Sync),
}

/// Makes a plan, has it agreed to, and carries it out.
fn restore(options: &MediaRestoreOptions<'_>, asking: &mut Asking<'_>) -> Result<Ending> {
    let config = options.config;
    let repositories = repository::open_all(config, None)?;
    let series = read::<SnapshotDescription>(config, &repositories);
    let backup = choose(&series, &repositories, options.id.as_deref())?;
    if is_latest(options.id.as_deref()) {
        refuse_fallen(&series)?;
    }
    if options.delete {
        refuse_incomplete(&backup.facts)?;
    }
    let words = plan(options, backup, &repositories)?;
    let told = ended::told(options, backup, &repositories, &words)?;
    if !asking.agreed(&words)? {
        return Ok(Ending::planned(told));
    }
    let (started, mut all) = (Instant::now(), None);
    let mut failure: Option<Error> = None;
    let mut existing = options.existing;
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
        let stored = StoredSnapshot { config, series: &series, id, at, repository };
        match stored.read(&std::env::temp_dir(), &Laying { options, existing }) {
            Ok(restored) => match judged(&restored) {
                Ok(()) => {
                    let restored = in_all(all, restored);
                    let done = ended::done(options, &backup.id, &restored, started);
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
    let done = ended::done(options, &backup.id, &restored, started);
    Ok(Ending { plan: told, done: Some(done), error: Some(failure) })
}

fn plan(
    options: &MediaRestoreOptions<'_>,
    backup: &Backup<SnapshotDescription>,
    repositories: &[Repository],
) -> Result<String> {
    let places = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let places = places.filter_map(|copy| repositories.get(copy.repository));
    let places: Vec<&str> = places.map(Repository::name).collect();
    let into = match &options.to {
        Some(folder) => folder.display().to_string(),
        None => {
            let paths = &set_of(options.config)?.paths;
            if paths.is_empty() {
                return Err(nowhere_to_put_it());
            }
            paths.iter().map(|path| where_it_leads(path)).collect::<Vec<_>>().join(", ")
        }
    };
    let there = match options.existing {
        Existing::Refuse => "existing files are an error",
        Existing::Replace => "existing files are replaced",
        Existing::Delta { .. } => "files that differ are replaced",
    };
    let strays = if options.delete { "; files that the snapshot lacks are REMOVED" } else { "" };
    let totals = &backup.facts.totals;
    let lines = [
        ("snapshot", format!("{}, of {}", backup.id, at_seconds(backup.began))),
        ("from", places.join(", then ")),
        ("what", options.selected.clone()),
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
fn refuse_incomplete(description: &SnapshotDescription) -> Result<()> {
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
    options: &'a MediaRestoreOptions<'a>,
    existing: Existing,
}

impl Lay for Laying<'_> {
    fn lay<R: std::io::Read>(
        &self,
        description: &SnapshotDescription,
        index: &dyn Fn() -> Result<IndexReader<R>>,
        content: &dyn ContentSource,
    ) -> Result<MediaRestored> {
        let Self { options, existing } = *self;
        let destination = match &options.to {
            Some(folder) => Destination::Folder(folder as &Path),
            None => Destination::Original(&set_of(options.config)?.paths),
        };
        // How much of it is chosen, or differs, nobody knows before.
        let is_all = matches!(options.selection, Selection::All);
        let all = (description.totals.entries, description.totals.size);
        let of = (is_all && !matches!(existing, Existing::Delta { .. })).then_some(all);
        let folders = repository_folders(options.config);
        let leave_out: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
        MediaRestore {
            index,
            content,
            destination,
            selection: &options.selection,
            existing,
            delete: options.delete,
            leave_out: &leave_out,
            numeric_owner: options.numeric_owner,
            threads: options.config.basebackup.parallel,
            progress: &|at| (options.progress)(MediaProgress { of, ..at }),
        }
        .run()
    }
}

fn said(id: &str, restored: &MediaRestored) {
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
fn judged(restored: &MediaRestored) -> Result<()> {
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
