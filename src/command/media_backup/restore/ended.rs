//! What `media-backup restore` says of its plan and of its end: the plan as JSON, the result in words and as JSON.
//!
//! What several repositories gave is added up: where one of them has damaged files the next one gives these.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::MediaRestoreOptions;
use crate::backup::Backup;
use crate::cli::text::{count, plain, size, tenths};
use crate::command::media_backup::snapshot::set_of;
use crate::command::restored::RestoreDone;
use crate::error::Result;
use crate::media_backup::{Existing, MediaRestored, Selection, SnapshotDescription};
use crate::repository::Repository;
use crate::words::two_units;

/// What several repositories gave, one after the other: the last one says how it stands.
pub fn in_all(before: Option<MediaRestored>, last: MediaRestored) -> MediaRestored {
    let Some(before) = before else { return last };
    MediaRestored {
        written_files: before.written_files + last.written_files,
        written_size: before.written_size + last.written_size,
        removed: before.removed + last.removed,
        ..last
    }
}

/// The plan, for programs.
pub fn told(
    options: &MediaRestoreOptions<'_>,
    backup: &Backup<SnapshotDescription>,
    repositories: &[Repository],
    words: &str,
) -> Result<Value> {
    let whole = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let places = whole.filter_map(|copy| repositories.get(copy.repository)).map(Repository::name);
    let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
    let into: Vec<String> = match &options.to {
        Some(folder) => vec![shown(folder)],
        None => set_of(options.config)?.paths.iter().map(shown).collect(),
    };
    let existing = match options.existing {
        Existing::Refuse => "refuse",
        Existing::Replace => "replace",
        Existing::Delta { .. } => "delta",
    };
    Ok(json!({
        "id": backup.id,
        "began": backup.began.to_string(),
        "repositories": places.collect::<Vec<_>>(),
        "what": options.selected,
        "files": backup.facts.totals.files,
        "bytes": backup.facts.totals.size,
        "into": into,
        "existing": existing,
        "delete": options.delete,
        "words": words,
    }))
}

pub fn done(
    options: &MediaRestoreOptions<'_>,
    id: &str,
    restored: &MediaRestored,
    started: Instant,
) -> RestoreDone {
    let took = started.elapsed();
    let result = json!({
        "entries": restored.entries,
        "written_files": restored.written_files,
        "written_bytes": restored.written_size,
        "removed": restored.removed,
        "failures": restored.problems.failures,
        "owners_not_set": restored.owners_not_set,
        "xattrs_not_set": restored.xattrs_not_set,
        "seconds": tenths(took),
    });
    let removed = match restored.removed {
        0 => String::new(),
        removed => format!(", {} removed", count(removed, "name")),
    };
    let written = (count(restored.written_files, "file"), size(restored.written_size));
    let (took, id) = (two_units(took.as_secs()), plain(id));
    let what = match &options.selection {
        Selection::All => "all of it".to_owned(),
        _ => options.selected.clone(),
    };
    let next = match &options.to {
        Some(folder) => {
            format!(
                "The files lie below {} under their full paths.",
                plain(&folder.display().to_string())
            )
        }
        None => format!("`media-backup diff {id}` shows what has changed in the snapshots since."),
    };
    let words = format!(
        "Snapshot {id} is restored, {}: {} with {} written{removed}, in {took}.\n{next}\n",
        plain(&what),
        written.0,
        written.1
    );
    RestoreDone { words, result }
}
