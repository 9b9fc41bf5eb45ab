//! What there is: the files of a set in byte order of their paths. No link is followed, memory is needed for the names
//! in the folders that are open, and what can't be read is told while all else goes on.
//!
//! `frame` is one folder on the way, `look` tells what a name is, and `implied` leads down to the paths of the set.

mod frame;
mod implied;
mod look;

use std::path::Path;

use rustix::fs::statat;

use self::frame::{Frame, Item, Where};
use self::implied::Node;
use super::entry::{Metadata, Seen};
use super::exclude::Exclude;
use super::names::Names;
use super::path::{EntryPath, join};
use super::places::Places;
use super::problems::Problems;
use crate::config::MediaSet;
use crate::durable::{DirCursor, is_temporary, split};
use crate::error::{Error, Result};

pub use look::{Found, FoundKind};

/// Walks through the paths of a set.
pub struct Scan<'a> {
    places: &'a Places,
    hands: Vec<DirCursor<'a>>,
    exclude: Exclude,
    names: Names,
    one_file_system: bool,
    /// Device and inode of folders that are not entered.
    closed: Vec<(u64, u64)>,
    frames: Vec<Frame>,
}

impl<'a> Scan<'a> {
    /// `leave_out`: folders that are not entered, such as a repository that lies below a path of the set.
    pub fn begin(set: &MediaSet, places: &'a Places, leave_out: &[&Path]) -> Result<Self> {
        let closed = |path: &&Path| {
            let stat = statat(rustix::fs::CWD, *path, rustix::fs::AtFlags::empty()).ok()?;
            Some((stat.st_dev, stat.st_ino))
        };
        let mut scan = Self {
            places,
            hands: places.all().iter().map(|place| place.root.cursor()).collect(),
            exclude: Exclude::new(&set.exclude)?,
            names: Names::of_host(),
            one_file_system: set.one_file_system,
            closed: leave_out.iter().filter_map(closed).collect(),
            frames: Vec::new(),
        };
        let prefixes = places.all().iter().map(|place| &place.prefix[..]);
        let first = match Node::tree(prefixes) {
            Node::Implied(children) => Frame::implied(Vec::new(), children),
            Node::Place(place) => scan.enter(Vec::new(), place, Vec::new(), None)?,
        };
        scan.frames.push(first);
        Ok(scan)
    }

    /// The next one in order. Fails only where the way to the paths of the set does.
    pub fn next_found(&mut self, problems: &mut Problems) -> Result<Option<Found>> {
        loop {
            let Some(frame) = self.frames.last_mut() else { return Ok(None) };
            match frame.items.next() {
                None => {
                    self.frames.pop();
                }
                Some(Item::Look(name)) => {
                    if let Some(found) = self.look(&name, problems)? {
                        return Ok(Some(found));
                    }
                }
                Some(Item::Enter(name)) => self.enter_below(&name, problems),
            }
        }
    }

    /// Opens the folder that was found under this name in the last frame.
    fn enter_below(&mut self, name: &[u8], problems: &mut Problems) {
        let Some(frame) = self.frames.last_mut() else { return };
        let path = join(&frame.path, name);
        let (place, below, seen) = match &mut frame.at {
            Where::Implied(children) => match children.remove(name) {
                Some(Node::Implied(children)) => {
                    return self.frames.push(Frame::implied(path, children));
                }
                Some(Node::Place(place)) if self.places.all()[place].name.is_none() => {
                    (place, Vec::new(), None)
                }
                _ => return,
            },
            Where::Folder { place, below, found, .. } => match found.remove(name) {
                Some(seen) => (*place, join(below, name), Some(seen)),
                None => return,
            },
        };
        match self.enter(path.clone(), place, below, seen) {
            Ok(frame) => self.frames.push(frame),
            Err(error) => self.tell(problems, "read folder", &path, &error),
        }
    }

    fn enter(
        &mut self,
        path: Vec<u8>,
        place: usize,
        below: Vec<u8>,
        seen: Option<(u64, u64)>,
    ) -> Result<Frame> {
        let failed = |error| {
            Error::file("read folder", &self.places.all()[place].root.shown(&below), &error)
        };
        let folder = self.hands[place].open_folder(&below).map_err(failed)?;
        let stat = rustix::fs::fstat(&folder).map_err(|error| failed(error.into()))?;
        let now = (stat.st_dev, stat.st_ino);
        if seen.is_some_and(|seen| seen != now) {
            return Err(failed(std::io::Error::other("it was replaced meanwhile")));
        }
        let mut items = Vec::new();
        for (name, kind) in crate::durable::names_in(&folder).map_err(failed)? {
            let below = join(&below, &name);
            let is_directory = match kind {
                rustix::fs::FileType::Unknown => {
                    self.hands[place].stat(&below).is_ok_and(|stat| look::is_directory(&stat))
                }
                kind => kind == rustix::fs::FileType::Directory,
            };
            let temporary = is_temporary(super::path::shown(split(&below).1).as_os_str());
            if temporary || self.exclude.matches(&below, is_directory) {
                continue;
            }
            if is_directory {
                items.push(Item::Enter(name.clone()));
            }
            items.push(Item::Look(name));
        }
        let at = Where::Folder { place, below, found: Default::default(), device: now.0 };
        Ok(Frame::new(path, at, items))
    }

    fn tell(&self, problems: &mut Problems, verb: &str, path: &[u8], error: &Error) {
        let path = Path::new("/").join(super::path::shown(path));
        // The reason alone: the path stands before it.
        let text = error.to_string();
        let reason = text.rsplit_once("\": ").map_or(text.as_str(), |(_, reason)| reason);
        problems.failed(verb, &path, &reason);
    }

    fn metadata(&self, stat: &rustix::fs::Stat) -> Metadata {
        Metadata {
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            user: self.names.user(stat.st_uid).map(str::to_owned),
            group: self.names.group(stat.st_gid).map(str::to_owned),
            mtime: super::entry::modified(stat),
            xattrs: Vec::new(),
        }
    }

    fn found(
        &self,
        path: Vec<u8>,
        kind: FoundKind,
        stat: &rustix::fs::Stat,
    ) -> Result<Found, String> {
        let path = EntryPath::new(path)?;
        Ok(Found { path, kind, metadata: self.metadata(stat), seen: Seen::of(stat) })
    }
}
