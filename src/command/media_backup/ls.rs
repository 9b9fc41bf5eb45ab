//! What is in a snapshot: `ls`, `show --files`, and the plan of a restore of a part.

use std::io::Write;

use serde_json::json;

use super::entries::Snapshots;
use super::lines::{long, short};
use crate::backup::series::Backup;
use crate::command::shown::{at_seconds, plain_bytes, write};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::{Description, End, Entry, EntryPath, Exclude, Kind, Selection};

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

pub struct Request<'a> {
    pub config: &'a Config,
    /// The beginning of an id; the newest whole one without it.
    pub id: Option<&'a str>,
    pub part: Part<'a>,
    pub form: Form,
    /// Whether to say first which snapshot it is.
    pub heading: bool,
}

/// Which entries.
pub enum Part<'a> {
    /// As for a restore.
    Selected(&'a Selection),
    In(Inside),
}

/// Each entry is a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Short,
    Long,
    /// JSON as in the index.
    Index,
    /// The same between a first and a last line.
    Json,
}

/// What lies in a folder, a file, or what matches a pattern.
pub struct Inside {
    /// Without the slash in front; empty at the top.
    path: Vec<u8>,
    pattern: Option<Exclude>,
    recursive: bool,
}

impl Inside {
    /// `recursive`: with all that lies in the folders of it.
    pub fn new(path: &[u8], recursive: bool) -> Result<Self> {
        let text = std::str::from_utf8(path).ok().filter(|it| it.contains(['*', '?', '[', '{']));
        // What is no pattern may be a name.
        let pattern = text.and_then(|text| Exclude::glob(text, false).ok());
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
        if pattern.is_none() && !path.is_empty() {
            EntryPath::new(path.clone()).map_err(|error| Error::new(Class::Usage, error))?;
        }
        Ok(Self { path, pattern, recursive })
    }

    /// Whether the entry is it or lies in it, and whether it is shown.
    fn sees(&self, entry: &Entry) -> (bool, bool) {
        let path = &entry.path;
        let matches = self.pattern.as_ref().is_some_and(|pattern| match self.recursive {
            true => pattern.matches_or_parent(path.as_bytes(), entry.is_directory()),
            false => pattern.matches(path.as_bytes(), entry.is_directory()),
        });
        let is_it = path.as_bytes() == self.path;
        let shown = match is_it {
            true => !entry.is_directory(),
            false => self.recursive || path.parent() == self.path,
        };
        let within = path.is_within(&self.path);
        (matches || within, matches || (within && shown))
    }
}

/// Shows them in the order of their paths, as they are read.
pub fn list(request: &Request<'_>, out: &mut dyn Write) -> Result<()> {
    let snapshots = Snapshots::open(request.config)?;
    let backup = snapshots.choose(request.id)?;
    let places = snapshots.places(backup);
    if request.form == Form::Json {
        let began = backup.began.to_string();
        let head =
            json!({ "version": VERSION, "id": backup.id, "began": began, "repositories": places });
        write(out, &format!("{head}\n"))?;
    } else if request.heading {
        write(out, &heading(backup, &places))?;
    }
    let mut entries = snapshots.entries(backup);
    let (mut any, mut shown) = (false, End::default());
    while let Some(entry) = entries.next()? {
        let (is_in, is_shown) = request.part.sees(&entry);
        any |= is_in;
        if is_shown {
            let line = match request.form {
                Form::Short => short(&entry),
                Form::Long => long(&entry),
                Form::Index | Form::Json => entry.to_json()?,
            };
            write(out, &(line + "\n"))?;
            shown.add(&entry);
        }
    }
    if request.form == Form::Json {
        write(out, &format!("{}\n", json!({ "end": shown })))?;
    }
    if any { Ok(()) } else { request.part.missing(&backup.id) }
}

/// `Snapshot ID, of TIME, in local, s3:`
fn heading(backup: &Backup<Description>, places: &[&str]) -> String {
    format!("Snapshot {}, of {}, in {}:\n", backup.id, at_seconds(backup.began), places.join(", "))
}

impl Part<'_> {
    fn sees(&self, entry: &Entry) -> (bool, bool) {
        match self {
            Self::In(inside) => inside.sees(entry),
            Self::Selected(selection) => {
                let implied = matches!(entry.kind, Kind::Directory { implied: true });
                let selected = !implied && selection.selects(&entry.path, entry.is_directory());
                (selected, selected)
            }
        }
    }

    fn missing(&self, id: &str) -> Result<()> {
        let message = match self {
            Self::Selected(Selection::All) => return Ok(()),
            Self::In(inside) if inside.path.is_empty() => return Ok(()),
            Self::In(inside) => {
                format!("snapshot {id} has nothing at /{}", plain_bytes(&inside.path))
            }
            Self::Selected(_) => format!("snapshot {id} has nothing of that name"),
        };
        Err(Error::new(Class::Usage, message).hint(
            "Paths are those that the files had, from / on; patterns are as in .gitignore. `media-backup find NAME` \
             looks into all snapshots.",
        ))
    }
}
