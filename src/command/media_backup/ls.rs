//! `media-backup ls`: what is in a snapshot. So do `show --files`, and the plan of a restore of a part.
//!
//! A single word that begins with a slash is a path in the newest snapshot.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use super::entries::{Snapshots, long, short};
use super::{of_set, with_set};
use crate::backup::Backup;
use crate::cli::flags::switch;
use crate::cli::text::{at_seconds, plain_bytes, write};
use crate::cli::{flags, guard, screen};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::{
    Entry, EntryPath, Exclude, FileKind, IndexEnd, Selection, SnapshotDescription,
};

const AFTER: &str = "\
  media-backup ls                             all that is in the newest snapshot
  media-backup ls latest /srv/uploads         what lies in a folder
  media-backup ls 20261122 '*.jpg' --long     all pictures of an older one, with owners, sizes and times

If only a PATH that begins with / is given, it is a path in the newest snapshot. Characters of a name that can't be printed are \
escaped (\\xff, \\u{1b}) in every kind of output; --json has the names as they are (docs/json.md).";

pub fn command() -> Command {
    let word = |name: &'static str, value: &'static str| {
        Arg::new(name).value_name(value).value_parser(clap::value_parser!(OsString))
    };
    let command = Command::new("ls")
        .about("Shows the files, folders and links that are in a snapshot")
        .arg(word("id", "ID").help(super::WHICH))
        .arg(word("path", "PATH").help(
            "A folder, a file, or a pattern such as '*.jpg' or '/srv/uploads/2026/*'. Default: all",
        ))
        .arg(switch("recursive", "With everything in the folders below PATH").short('R'))
        .arg(switch("long", "With mode, owners, size and time, as `ls -l` has it").short('l'))
        .arg(switch("json", "Print one JSON object a line").conflicts_with("long"))
        .after_help(AFTER);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let word = |name: &str| matches.get_one::<OsString>(name);
    let (id, path) = match (word("id"), word("path")) {
        (Some(path), None) if path.as_bytes().starts_with(b"/") => (None, Some(path)),
        words => words,
    };
    let id = id.map(|id| id.to_string_lossy());
    let recursive = matches.get_flag("recursive");
    let part = match path {
        Some(path) => ListPart::In(Inside::new(path.as_bytes(), recursive)?),
        None => ListPart::Selected(&Selection::All),
    };
    let form = match (matches.get_flag("json"), matches.get_flag("long")) {
        (true, _) => ListForm::Json,
        (_, true) => ListForm::Long,
        _ => ListForm::Short,
    };
    let heading = screen::is_terminal();
    guard::stream(|out| {
        list(&ListOptions { config: &config, id: id.as_deref(), part, form, heading }, out)
    })
}

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

pub struct ListOptions<'a> {
    pub config: &'a Config,
    /// The beginning of an id; the newest whole one without it.
    pub id: Option<&'a str>,
    pub part: ListPart<'a>,
    pub form: ListForm,
    /// Whether to say first which snapshot it is.
    pub heading: bool,
}

/// Which entries.
pub enum ListPart<'a> {
    /// As for a restore.
    Selected(&'a Selection),
    In(Inside),
}

/// Each entry is a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
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
pub fn list(options: &ListOptions<'_>, out: &mut dyn Write) -> Result<()> {
    let snapshots = Snapshots::open(options.config)?;
    let backup = snapshots.choose(options.id)?;
    let places = snapshots.places(backup);
    if options.form == ListForm::Json {
        let began = backup.began.to_string();
        let head =
            json!({ "version": VERSION, "id": backup.id, "began": began, "repositories": places });
        write(out, &format!("{head}\n"))?;
    } else if options.heading {
        write(out, &heading(backup, &places))?;
    }
    let mut entries = snapshots.entries(backup);
    let (mut any, mut shown) = (false, IndexEnd::default());
    while let Some(entry) = entries.next()? {
        let (is_in, is_shown) = options.part.sees(&entry);
        any |= is_in;
        if is_shown {
            let line = match options.form {
                ListForm::Short => short(&entry),
                ListForm::Long => long(&entry),
                ListForm::Index | ListForm::Json => entry.to_json()?,
            };
            write(out, &(line + "\n"))?;
            shown.add(&entry);
        }
    }
    if options.form == ListForm::Json {
        write(out, &format!("{}\n", json!({ "end": shown })))?;
    }
    if any { Ok(()) } else { options.part.missing(&backup.id) }
}

/// `Snapshot ID, of TIME, in local, s3:`
fn heading(backup: &Backup<SnapshotDescription>, places: &[&str]) -> String {
    format!("Snapshot {}, of {}, in {}:\n", backup.id, at_seconds(backup.began), places.join(", "))
}

impl ListPart<'_> {
    fn sees(&self, entry: &Entry) -> (bool, bool) {
        match self {
            Self::In(inside) => inside.sees(entry),
            Self::Selected(selection) => {
                let implied = matches!(entry.kind, FileKind::Directory { implied: true });
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

/// Which part of a snapshot.
pub fn selection_flags() -> [Arg; 2] {
    let path = Arg::new("path").long("path").value_name("PATH");
    let pattern = Arg::new("pattern").long("pattern").value_name("PATTERN");
    [
        path.value_parser(clap::value_parser!(PathBuf))
            .help("Only this file, or this folder with everything in it"),
        pattern
            .conflicts_with("path")
            .help("Only files that match a pattern of .gitignore: '*.jpg', '/srv/uploads/2026/'"),
    ]
}

/// The same, and how it was said.
pub fn selection_of(matches: &ArgMatches) -> Result<(Selection, String)> {
    let path = matches.get_one::<PathBuf>("path");
    Ok(match (path, matches.get_one::<String>("pattern")) {
        (Some(path), _) => {
            (Selection::path(path.as_os_str().as_bytes())?, path.display().to_string())
        }
        (None, Some(pattern)) => (Selection::pattern(pattern)?, format!("what matches {pattern}")),
        (None, None) => (Selection::All, "all of it".to_owned()),
    })
}
