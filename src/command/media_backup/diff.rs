//! `media-backup diff`: what differs between two snapshots. Both indexes are read side by side, in the order of paths, and tell
//! it by kind, target of a link, length, digest and metadata: no content is read.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgMatches, Command};
use serde::Serialize;
use serde_json::{Value, json};

use super::entries::{Entries, Snapshots, length, owners, path, time};
use super::{of_set, with_set};
use crate::backup::Backup;
use crate::cli::flags::switch;
use crate::cli::text::{Paper, Tone, at_seconds, plain, plain_bytes, size, write};
use crate::cli::{flags, guard, screen};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::{Entry, FileKind, Selection, SnapshotDescription};

const AFTER: &str = "\
  +  is only in the second one        M  has other content
  -  is only in the first one         T  is of another kind, such as a folder in place of a file
  U  with --metadata: has another owner, mode, time or other attributes

Sizes are those in the second snapshot; sizes of removed files are those in the first. Without an ID \
it shows what the newest snapshot has changed. With one ID it shows what has changed since that \
snapshot.";

pub fn command() -> Command {
    let id = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).value_name(value).help(help)
    };
    let command = Command::new("diff")
        .about("Shows what differs between two snapshots")
        .arg(id(
            "first",
            "ID1",
            "Id of the older snapshot, or its beginning; default: the one before ID2",
        ))
        .arg(id("second", "ID2", "The newer one. Default: latest, the newest whole one"))
        .arg(
            Arg::new("path")
                .long("path")
                .value_name("PATH")
                .value_parser(clap::value_parser!(OsString))
                .help("Only this file, or this folder with all that is in it"),
        )
        .arg(switch("metadata", "Also show files that differ only in owner, mode or time"))
        .arg(switch("json", "Print one JSON object a line"))
        .after_help(AFTER);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let config = of_set(config, matches)?;
    let id = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let selection = match matches.get_one::<OsString>("path") {
        Some(path) => Selection::path(path.as_bytes())?,
        None => Selection::All,
    };
    let options = DiffOptions {
        config: &config,
        ids: [id("first"), id("second")],
        selection: &selection,
        metadata: matches.get_flag("metadata"),
        json: matches.get_flag("json"),
        paper: screen::paper(),
    };
    guard::stream(|out| diff(&options, out))
}

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

struct DiffOptions<'a> {
    config: &'a Config,
    /// Beginnings of ids. Without the second the newest whole one; without both that and the one before it.
    ids: [Option<&'a str>; 2],
    selection: &'a Selection,
    /// Also where owners, modes, times and attributes alone differ.
    metadata: bool,
    json: bool,
    paper: Paper,
}

/// How many there are of one kind of change.
#[derive(Default, Serialize)]
struct ChangeCount {
    entries: u64,
    files: u64,
    /// Bytes of the files, before and after.
    before: u64,
    after: u64,
}

#[derive(Default, Serialize)]
struct DiffTotals {
    added: ChangeCount,
    removed: ChangeCount,
    changed: ChangeCount,
    metadata: ChangeCount,
}

/// Shows it, as it is found.
fn diff(options: &DiffOptions<'_>, out: &mut dyn Write) -> Result<()> {
    let snapshots = Snapshots::open(options.config)?;
    let (before, after) = both(&snapshots, options.ids)?;
    write(out, &head(options, before, after))?;
    let mut totals = DiffTotals::default();
    let mut pairs = Pairs::new(snapshots.entries(before), snapshots.entries(after), options)?;
    while let Some((old, new)) = pairs.next()? {
        let Some(change) = change(old.as_ref(), new.as_ref(), options.metadata) else { continue };
        totals.add(&change, old.as_ref(), new.as_ref());
        write(out, &(line(options, &change, old.as_ref(), new.as_ref())? + "\n"))?;
    }
    write(out, &end(options, &totals))
}

fn both<'s>(
    snapshots: &'s Snapshots<'_>,
    ids: [Option<&str>; 2],
) -> Result<(&'s Backup<SnapshotDescription>, &'s Backup<SnapshotDescription>)> {
    let after = snapshots.choose(ids[1])?;
    if ids[0].is_some() {
        return Ok((snapshots.choose(ids[0])?, after));
    }
    let older = snapshots.series.backups.iter().take_while(|it| it.id != after.id);
    let before = older.filter(|it| it.is_whole()).last().ok_or_else(|| {
        let message = format!("there is no whole snapshot before {}", after.id);
        Error::new(Class::Usage, message).hint("`media-backup list` shows what there is.")
    })?;
    Ok((before, after))
}

fn head(
    options: &DiffOptions<'_>,
    before: &Backup<SnapshotDescription>,
    after: &Backup<SnapshotDescription>,
) -> String {
    if options.json {
        return json!({ "version": VERSION, "before": before.id, "after": after.id }).to_string()
            + "\n";
    }
    let of = |it: &Backup<SnapshotDescription>| {
        format!("{}, of {}", plain(&it.id), at_seconds(it.began))
    };
    format!("from {}\nto   {}\n", of(before), of(after))
}

/// Two snapshots side by side.
struct Pairs<'a> {
    sides: [(Entries<'a>, Option<Entry>); 2],
    selection: &'a Selection,
}

impl<'a> Pairs<'a> {
    fn new(before: Entries<'a>, after: Entries<'a>, options: &DiffOptions<'a>) -> Result<Self> {
        let sides = [(before, None), (after, None)];
        let mut pairs = Self { sides, selection: options.selection };
        pairs.advance(0)?;
        pairs.advance(1)?;
        Ok(pairs)
    }

    fn advance(&mut self, side: usize) -> Result<Option<Entry>> {
        let (entries, waiting) = &mut self.sides[side];
        let next = loop {
            let Some(entry) = entries.next()? else { break None };
            // It is there because something in it is.
            let implied = matches!(entry.kind, FileKind::Directory { implied: true });
            if !implied && self.selection.selects(&entry.path, entry.is_directory()) {
                break Some(entry);
            }
        };
        Ok(std::mem::replace(waiting, next))
    }

    /// What both have under the next path.
    fn next(&mut self) -> Result<Option<(Option<Entry>, Option<Entry>)>> {
        let order = match [&self.sides[0].1, &self.sides[1].1] {
            [None, None] => return Ok(None),
            [Some(_), None] => Ordering::Less,
            [None, Some(_)] => Ordering::Greater,
            [Some(old), Some(new)] => old.path.cmp(&new.path),
        };
        let old = if order.is_le() { self.advance(0)? } else { None };
        let new = if order.is_ge() { self.advance(1)? } else { None };
        Ok(Some((old, new)))
    }
}

fn line(
    options: &DiffOptions<'_>,
    change: &Change,
    old: Option<&Entry>,
    new: Option<&Entry>,
) -> Result<String> {
    let entry = new.or(old).ok_or_else(|| Error::new(Class::Internal, "expected an entry"))?;
    if options.json {
        let value = |it: Option<&Entry>| it.map_or(Ok(Value::Null), Entry::to_value);
        let change = json!({
            "change": change.name(),
            "what": change.what(),
            "before": value(old)?,
            "after": value(new)?,
        });
        return Ok(change.to_string());
    }
    let (mark, tone) = match change {
        Change::Added => ("+", Tone::Good),
        Change::Removed => ("-", Tone::Bad),
        Change::Content(_) => ("M", Tone::Warning),
        Change::Kind(_) => ("T", Tone::Warning),
        Change::Metadata(_) => ("U", Tone::Unclear),
    };
    let mark = options.paper.painted_end(mark, mark, tone);
    let slash = if entry.is_directory() { "/" } else { "" };
    let more = match change.what() {
        [] => String::new(),
        what => format!(" ({})", what.join(", ")),
    };
    Ok(format!("{mark} {:>10}  {}{slash}{more}", length(entry), path(entry)))
}

impl DiffTotals {
    fn add(&mut self, change: &Change, old: Option<&Entry>, new: Option<&Entry>) {
        let number = match change {
            Change::Added => &mut self.added,
            Change::Removed => &mut self.removed,
            Change::Content(_) | Change::Kind(_) => &mut self.changed,
            Change::Metadata(_) => &mut self.metadata,
        };
        let length = |it: Option<&Entry>| it.and_then(Entry::content).map(|content| content.size);
        number.entries += 1;
        number.files += u64::from(length(old).or(length(new)).is_some());
        number.before += length(old).unwrap_or(0);
        number.after += length(new).unwrap_or(0);
    }
}

fn end(options: &DiffOptions<'_>, totals: &DiffTotals) -> String {
    if options.json {
        return json!({ "end": totals }).to_string() + "\n";
    }
    let DiffTotals { added, removed, changed, metadata } = totals;
    let mut text = format!(
        "{} added ({}), {} removed ({}), {} changed ({} before, {} after)",
        added.entries,
        size(added.after),
        removed.entries,
        size(removed.before),
        changed.entries,
        size(changed.before),
        size(changed.after)
    );
    if options.metadata {
        text += &format!(", {} with other metadata", metadata.entries);
    }
    text + "\n"
}

/// How one path differs. Texts say what was and what is, where that is worth a word.
enum Change {
    Added,
    Removed,
    /// Content of a file, or where a link leads.
    Content(Vec<String>),
    /// A folder in place of a file, or the like.
    Kind(Vec<String>),
    /// Owners, mode, times or attributes, and nothing else.
    Metadata(Vec<String>),
}

impl Change {
    fn name(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Content(_) => "content",
            Self::Kind(_) => "kind",
            Self::Metadata(_) => "metadata",
        }
    }

    fn what(&self) -> &[String] {
        match self {
            Self::Added | Self::Removed => &[],
            Self::Content(what) | Self::Kind(what) | Self::Metadata(what) => what,
        }
    }
}

/// `None` where nothing differs that is asked for.
fn change(old: Option<&Entry>, new: Option<&Entry>, metadata: bool) -> Option<Change> {
    let (old, new) = match (old, new) {
        (None, None) => return None,
        (None, Some(_)) => return Some(Change::Added),
        (Some(_), None) => return Some(Change::Removed),
        (Some(old), Some(new)) => (old, new),
    };
    if kind(old) != kind(new) {
        return Some(Change::Kind(vec![from_to(kind(old), kind(new))]));
    }
    if let (FileKind::Symlink { target: before }, FileKind::Symlink { target: after }) =
        (&old.kind, &new.kind)
        && before != after
    {
        return Some(Change::Content(vec![from_to(&plain_bytes(before), &plain_bytes(after))]));
    }
    if let (Some(before), Some(after)) = (old.content(), new.content())
        && (before.size, before.digest) != (after.size, after.digest)
    {
        let was = (before.size != after.size).then(|| format!("was {}", size(before.size)));
        return Some(Change::Content(was.into_iter().collect()));
    }
    let what = if metadata { other_metadata(old, new) } else { Vec::new() };
    if what.is_empty() { None } else { Some(Change::Metadata(what)) }
}

/// Which of the names of a file comes first makes it no other thing.
fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        FileKind::File(_) | FileKind::HardLink { .. } => "file",
        FileKind::Directory { .. } => "directory",
        FileKind::Symlink { .. } => "symlink",
    }
}

fn other_metadata(old: &Entry, new: &Entry) -> Vec<String> {
    let (before, after) = (&old.metadata, &new.metadata);
    let mode = (before.mode != after.mode)
        .then(|| from_to(&format!("mode {:04o}", before.mode), &format!("{:04o}", after.mode)));
    let same_owners = (before.uid, before.gid) == (after.uid, after.gid);
    let owner = (!same_owners).then(|| from_to(&plain(&owners(old)), &plain(&owners(new))));
    let mtime = (before.mtime != after.mtime).then(|| from_to(&time(old), &time(new)));
    let xattrs = (before.xattrs != after.xattrs).then(|| "extended attributes".to_owned());
    [mode, owner, mtime, xattrs].into_iter().flatten().collect()
}

fn from_to(old: &str, new: &str) -> String {
    format!("{old} -> {new}")
}
