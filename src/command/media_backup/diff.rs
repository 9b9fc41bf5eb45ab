//! `media-backup diff`: what differs between two snapshots. Both are read side by side, in the order of paths.
//! `change` compares the two entries of one path.

mod change;

use std::cmp::Ordering;
use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use self::change::{Change, change};
use super::entries::{Entries, Snapshots};
use super::lines::{length, path};
use crate::backup::series::Backup;
use crate::check::State;
use crate::command::shown::{Paper, at_seconds, plain, size, write};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::{Description, Entry, Kind, Selection};

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

pub struct Request<'a> {
    pub config: &'a Config,
    /// Beginnings of ids. Without the second the newest whole one; without both that and the one before it.
    pub ids: [Option<&'a str>; 2],
    pub selection: &'a Selection,
    /// Also where owners, modes, times and attributes alone differ.
    pub metadata: bool,
    pub json: bool,
    pub paper: Paper,
}

/// How many there are of one kind of change.
#[derive(Default, Serialize)]
struct Number {
    entries: u64,
    files: u64,
    /// Bytes of the files, before and after.
    before: u64,
    after: u64,
}

#[derive(Default, Serialize)]
struct Totals {
    added: Number,
    removed: Number,
    changed: Number,
    metadata: Number,
}

/// Shows it, as it is found.
pub fn diff(request: &Request<'_>, out: &mut dyn Write) -> Result<()> {
    let snapshots = Snapshots::open(request.config)?;
    let (before, after) = both(&snapshots, request.ids)?;
    write(out, &head(request, before, after))?;
    let mut totals = Totals::default();
    let mut pairs = Pairs::new(snapshots.entries(before), snapshots.entries(after), request)?;
    while let Some((old, new)) = pairs.next()? {
        let Some(change) = change(old.as_ref(), new.as_ref(), request.metadata) else { continue };
        totals.add(&change, old.as_ref(), new.as_ref());
        write(out, &(line(request, &change, old.as_ref(), new.as_ref())? + "\n"))?;
    }
    write(out, &end(request, &totals))
}

fn both<'s>(
    snapshots: &'s Snapshots<'_>,
    ids: [Option<&str>; 2],
) -> Result<(&'s Backup<Description>, &'s Backup<Description>)> {
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
    request: &Request<'_>,
    before: &Backup<Description>,
    after: &Backup<Description>,
) -> String {
    if request.json {
        return json!({ "version": VERSION, "before": before.id, "after": after.id }).to_string()
            + "\n";
    }
    let of = |it: &Backup<Description>| format!("{}, of {}", plain(&it.id), at_seconds(it.began));
    format!("from {}\nto   {}\n", of(before), of(after))
}

/// Two snapshots side by side.
struct Pairs<'a> {
    sides: [(Entries<'a>, Option<Entry>); 2],
    selection: &'a Selection,
}

impl<'a> Pairs<'a> {
    fn new(before: Entries<'a>, after: Entries<'a>, request: &Request<'a>) -> Result<Self> {
        let sides = [(before, None), (after, None)];
        let mut pairs = Self { sides, selection: request.selection };
        pairs.advance(0)?;
        pairs.advance(1)?;
        Ok(pairs)
    }

    fn advance(&mut self, side: usize) -> Result<Option<Entry>> {
        let (entries, waiting) = &mut self.sides[side];
        let next = loop {
            let Some(entry) = entries.next()? else { break None };
            // It is there because something in it is.
            let implied = matches!(entry.kind, Kind::Directory { implied: true });
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
    request: &Request<'_>,
    change: &Change,
    old: Option<&Entry>,
    new: Option<&Entry>,
) -> Result<String> {
    let entry = new.or(old).ok_or_else(|| Error::new(Class::Internal, "expected an entry"))?;
    if request.json {
        let value = |it: Option<&Entry>| it.map_or(Ok(Value::Null), Entry::to_value);
        let change = json!({
            "change": change.name(),
            "what": change.what(),
            "before": value(old)?,
            "after": value(new)?,
        });
        return Ok(change.to_string());
    }
    let (mark, state) = match change {
        Change::Added => ("+", State::Ok),
        Change::Removed => ("-", State::Critical),
        Change::Content(_) => ("M", State::Warning),
        Change::Kind(_) => ("T", State::Warning),
        Change::Metadata(_) => ("U", State::Unknown),
    };
    let mark = request.paper.painted_end(mark, mark, state);
    let slash = if entry.is_directory() { "/" } else { "" };
    let more = match change.what() {
        [] => String::new(),
        what => format!(" ({})", what.join(", ")),
    };
    Ok(format!("{mark} {:>10}  {}{slash}{more}", length(entry), path(entry)))
}

impl Totals {
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

fn end(request: &Request<'_>, totals: &Totals) -> String {
    if request.json {
        return json!({ "end": totals }).to_string() + "\n";
    }
    let Totals { added, removed, changed, metadata } = totals;
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
    if request.metadata {
        text += &format!(", {} with other metadata", metadata.entries);
    }
    text + "\n"
}
