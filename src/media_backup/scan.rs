//! What there is: the files of a set in byte order of their paths. No link is followed, memory is needed for the names
//! in the folders that are open, and what can't be read is told while all else goes on.
//!
//! [`Scan`] goes through folders ([`ScanFolder`]); above the paths of the set are folders that are not of the set
//! ([`SetNode::Implied`]), which a snapshot notes so that every entry has its folder before it. `look` tells what a name is.

mod look;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rustix::fs::statat;

use super::entry::{FileMetadata, InodeState, modified};
use super::open_places::Places;
use super::path::{EntryPath, join, shown};
use super::problems::Problems;
use super::selection::Exclude;
use crate::accounts::Accounts;
use crate::config::MediaSet;
use crate::durable::{DirCursor, is_temporary, split};
use crate::error::{Error, Result};

pub(super) use look::{FoundEntry, FoundKind};

/// Walks through the paths of a set.
pub(crate) struct Scan<'a> {
    places: &'a Places,
    cursors: Vec<DirCursor<'a>>,
    exclude: Exclude,
    accounts: Accounts,
    one_file_system: bool,
    /// Device and inode of folders that are not entered.
    closed: Vec<(u64, u64)>,
    frames: Vec<ScanFolder>,
}

impl<'a> Scan<'a> {
    /// `leave_out`: folders that are not entered, such as a repository that lies below a path of the set.
    pub(crate) fn begin(set: &MediaSet, places: &'a Places, leave_out: &[&Path]) -> Result<Self> {
        let closed = |path: &&Path| {
            let stat = statat(rustix::fs::CWD, *path, rustix::fs::AtFlags::empty()).ok()?;
            Some((stat.st_dev, stat.st_ino))
        };
        let mut scan = Self {
            places,
            cursors: places.all().iter().map(|place| place.root.cursor()).collect(),
            exclude: Exclude::new(&set.exclude)?,
            accounts: Accounts::of_host(),
            one_file_system: set.one_file_system,
            closed: leave_out.iter().filter_map(closed).collect(),
            frames: Vec::new(),
        };
        let prefixes = places.all().iter().map(|place| &place.prefix[..]);
        let first = match SetNode::tree(prefixes) {
            SetNode::Implied(children) => ScanFolder::implied(Vec::new(), children),
            SetNode::Place(place) => scan.enter(Vec::new(), place, Vec::new(), None)?,
        };
        scan.frames.push(first);
        Ok(scan)
    }

    /// The next one in order. Fails only where the way to the paths of the set does.
    pub(crate) fn next_found(&mut self, problems: &mut Problems) -> Result<Option<FoundEntry>> {
        loop {
            let Some(frame) = self.frames.last_mut() else { return Ok(None) };
            match frame.items.next() {
                None => {
                    self.frames.pop();
                }
                Some(ScanStep::Look(name)) => {
                    if let Some(found) = self.look(&name, problems)? {
                        return Ok(Some(found));
                    }
                }
                Some(ScanStep::Enter(name)) => self.enter_below(&name, problems),
            }
        }
    }

    /// Opens the folder that was found under this name in the last frame.
    fn enter_below(&mut self, name: &[u8], problems: &mut Problems) {
        let Some(frame) = self.frames.last_mut() else { return };
        let path = join(&frame.path, name);
        let (place, below, seen) = match &mut frame.at {
            ScanPlace::Implied(children) => match children.remove(name) {
                Some(SetNode::Implied(children)) => {
                    return self.frames.push(ScanFolder::implied(path, children));
                }
                Some(SetNode::Place(place)) if self.places.all()[place].name.is_none() => {
                    (place, Vec::new(), None)
                }
                _ => return,
            },
            ScanPlace::Folder { place, below, found, .. } => match found.remove(name) {
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
    ) -> Result<ScanFolder> {
        let failed = |error| {
            Error::file("read folder", &self.places.all()[place].root.shown(&below), &error)
        };
        let folder = self.cursors[place].open_folder(&below).map_err(failed)?;
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
                    self.cursors[place].stat(&below).is_ok_and(|stat| look::is_directory(&stat))
                }
                kind => kind == rustix::fs::FileType::Directory,
            };
            let temporary = is_temporary(shown(split(&below).1).as_os_str());
            if temporary || self.exclude.matches(&below, is_directory) {
                continue;
            }
            if is_directory {
                items.push(ScanStep::Enter(name.clone()));
            }
            items.push(ScanStep::Look(name));
        }
        let at = ScanPlace::Folder { place, below, found: Default::default(), device: now.0 };
        Ok(ScanFolder::new(path, at, items))
    }

    fn tell(&self, problems: &mut Problems, verb: &str, path: &[u8], error: &Error) {
        let path = Path::new("/").join(shown(path));
        // The reason alone: the path stands before it.
        let text = error.to_string();
        let reason = text.rsplit_once("\": ").map_or(text.as_str(), |(_, reason)| reason);
        problems.failed(verb, &path, &reason);
    }

    fn metadata(&self, stat: &rustix::fs::Stat) -> FileMetadata {
        FileMetadata {
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            user: self.accounts.user(stat.st_uid).map(str::to_owned),
            group: self.accounts.group(stat.st_gid).map(str::to_owned),
            mtime: modified(stat),
            xattrs: Vec::new(),
        }
    }

    fn found(
        &self,
        path: Vec<u8>,
        kind: FoundKind,
        stat: &rustix::fs::Stat,
    ) -> Result<FoundEntry, String> {
        let path = EntryPath::new(path)?;
        Ok(FoundEntry { path, kind, metadata: self.metadata(stat), seen: InodeState::of(stat) })
    }
}

/// A folder whose names are being gone through.
struct ScanFolder {
    /// Its path as an entry; empty at the top.
    path: Vec<u8>,
    at: ScanPlace,
    items: std::vec::IntoIter<ScanStep>,
}

enum ScanPlace {
    /// On the way to paths of the set.
    Implied(BTreeMap<Vec<u8>, SetNode>),
    Folder {
        place: usize,
        /// Its path below that place.
        below: Vec<u8>,
        /// Folders that are still to be entered: device and inode of each name.
        found: HashMap<Vec<u8>, (u64, u64)>,
        device: u64,
    },
}

/// What is done with a name.
#[derive(Debug, PartialEq, Eq)]
enum ScanStep {
    Look(Vec<u8>),
    /// Go through the folder of this name: that comes later, where `name/` sorts.
    Enter(Vec<u8>),
}

impl ScanStep {
    fn key(&self) -> impl Iterator<Item = u8> + '_ {
        let (name, end) = match self {
            Self::Look(name) => (name, None),
            Self::Enter(name) => (name, Some(b'/')),
        };
        name.iter().copied().chain(end)
    }
}

impl ScanFolder {
    fn new(path: Vec<u8>, at: ScanPlace, mut items: Vec<ScanStep>) -> Self {
        items.sort_unstable_by(|one, other| one.key().cmp(other.key()));
        Self { path, at, items: items.into_iter() }
    }

    fn implied(path: Vec<u8>, children: BTreeMap<Vec<u8>, SetNode>) -> Self {
        let both = |name: &Vec<u8>| [ScanStep::Look(name.clone()), ScanStep::Enter(name.clone())];
        let items = children.keys().flat_map(both).collect();
        Self::new(path, ScanPlace::Implied(children), items)
    }
}

/// A folder on the way, or a path of the set by its number.
#[derive(Debug, PartialEq, Eq)]
enum SetNode {
    Implied(BTreeMap<Vec<u8>, SetNode>),
    Place(usize),
}

impl SetNode {
    /// No path is within another one.
    fn tree<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut top = Self::Implied(BTreeMap::new());
        for (number, path) in paths.enumerate() {
            let mut here = &mut top;
            for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
                if let Self::Place(_) = here {
                    *here = Self::Implied(BTreeMap::new());
                }
                if let Self::Implied(children) = here {
                    let new = || Self::Implied(BTreeMap::new());
                    here = children.entry(name.to_vec()).or_insert_with(new);
                }
            }
            *here = Self::Place(number);
        }
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_folder_sorts_as_paths_do() {
        let look = |name: &str| ScanStep::Look(name.into());
        let enter = |name: &str| ScanStep::Enter(name.into());
        let items = vec![enter("a"), look("a0"), look("a-"), enter("a-"), look("a")];
        let frame = ScanFolder::new(Vec::new(), ScanPlace::Implied(BTreeMap::new()), items);
        let expected = [look("a"), look("a-"), enter("a-"), enter("a"), look("a0")];
        assert_eq!(frame.items.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn paths_make_a_tree() {
        let paths: [&[u8]; 3] = [b"srv/a", b"etc/redis.conf", b"srv/b"];
        let SetNode::Implied(top) = SetNode::tree(paths.into_iter()) else { panic!("no tree") };
        let SetNode::Implied(srv) = &top[&b"srv"[..]] else { panic!("no folder") };
        assert_eq!((&srv[&b"a"[..]], &srv[&b"b"[..]]), (&SetNode::Place(0), &SetNode::Place(2)));
        assert_eq!(top.len(), 2);
        assert_eq!(SetNode::tree([&b""[..]].into_iter()), SetNode::Place(0));
    }
}
