//! What is in a snapshot: `show --files`, and the plan of a restore of a part.

use std::cell::RefCell;
use std::io::Read;

use jiff::Timestamp;

use super::stored::{Lay, Stored};
use crate::command::series::{choose, read};
use crate::command::shown::{at_seconds, plain, size};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media::{ContentSource, Description, Entry, IndexReader, Kind, Restored, Selection};
use crate::repository;

/// Text is handed over in pieces of about this length: a set may have millions of files.
const PIECE_BYTES: usize = 64 << 10;

pub struct Request<'a> {
    pub config: &'a Config,
    /// The beginning of an id; the newest whole one without it.
    pub id: Option<&'a str>,
    pub selection: &'a Selection,
    /// Each as a line of JSON, as it stands in the index.
    pub json: bool,
}

/// Shows them in the order of their paths.
pub fn list(request: &Request<'_>, show: &mut dyn FnMut(&str)) -> Result<()> {
    let config = request.config;
    let repositories = repository::open_all(config, None)?;
    let series = read::<Description>(config, &repositories);
    let backup = choose(&series, &repositories, request.id)?;
    let listing =
        Listing { request, out: RefCell::new(Out { show, text: String::new(), any: false }) };
    let mut failure = None;
    for copy in backup.copies.iter().filter(|copy| copy.fault.is_none()) {
        let Some(repository) = repositories.get(copy.repository) else { continue };
        let (id, at) = (backup.id.as_str(), copy.repository);
        let stored = Stored { config, series: &series, id, at, repository };
        match stored.read(&std::env::temp_dir(), &listing) {
            Ok(_) => return listing.end(id),
            // What another one has would come twice.
            Err(error) if listing.out.borrow().any => return Err(error),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| {
        Error::new(Class::Gap, format!("no repository has all of snapshot {}", backup.id))
    }))
}

struct Out<'a> {
    show: &'a mut dyn FnMut(&str),
    text: String,
    any: bool,
}

struct Listing<'a> {
    request: &'a Request<'a>,
    out: RefCell<Out<'a>>,
}

impl Listing<'_> {
    fn end(&self, id: &str) -> Result<()> {
        let mut out = self.out.borrow_mut();
        let text = std::mem::take(&mut out.text);
        (out.show)(&text);
        if out.any || matches!(self.request.selection, Selection::All) {
            return Ok(());
        }
        let message = format!("snapshot {id} has nothing of that name");
        Err(Error::new(Class::Usage, message)
            .hint("Paths are those that the files had, from / on; patterns are as in .gitignore."))
    }
}

impl Lay for Listing<'_> {
    fn lay<R: Read>(
        &self,
        _: &Description,
        index: &dyn Fn() -> Result<IndexReader<R>>,
        _: &dyn ContentSource,
    ) -> Result<Restored> {
        let mut index = index()?;
        while let Some(entry) = index.next_entry()? {
            let implied = matches!(entry.kind, Kind::Directory { implied: true });
            if implied || !self.request.selection.selects(&entry.path, entry.is_directory()) {
                continue;
            }
            let mut out = self.out.borrow_mut();
            out.text += &if self.request.json { entry.to_json()? } else { line(&entry) };
            out.text.push('\n');
            if out.text.len() >= PIECE_BYTES {
                out.any = true;
                let text = std::mem::take(&mut out.text);
                (out.show)(&text);
            }
        }
        let mut out = self.out.borrow_mut();
        out.any |= !out.text.is_empty();
        Ok(Restored::default())
    }
}

/// As `ls -l` has it.
fn line(entry: &Entry) -> String {
    let it = &entry.metadata;
    let owner = |name: &Option<String>, number: u32| name.clone().unwrap_or(number.to_string());
    let (user, group) = (owner(&it.user, it.uid), owner(&it.group, it.gid));
    let length = entry.content().map(|content| size(content.size)).unwrap_or_default();
    let time = Timestamp::from_second(it.mtime.second());
    let time = time.map_or_else(|_| it.mtime.to_string(), at_seconds);
    let path = format!("/{}", entry.path.as_path().display());
    let more = match &entry.kind {
        Kind::Symlink { target } => format!(" -> {}", String::from_utf8_lossy(target)),
        Kind::HardLink { to, .. } => format!(" = /{}", to.as_path().display()),
        Kind::File(_) | Kind::Directory { .. } => String::new(),
    };
    let owners = plain(&format!("{user}:{group}"));
    format!("{} {owners:17} {length:>10} {time} {}", mode(entry), plain(&(path + &more)))
}

fn mode(entry: &Entry) -> String {
    let kind = match entry.kind {
        Kind::Directory { .. } => 'd',
        Kind::Symlink { .. } => 'l',
        Kind::File(_) | Kind::HardLink { .. } => '-',
    };
    let bits = entry.metadata.mode;
    let all = "rwxrwxrwx".chars().enumerate();
    let all = all.map(|(at, letter)| if bits >> (8 - at) & 1 == 1 { letter } else { '-' });
    std::iter::once(kind).chain(all).collect()
}
