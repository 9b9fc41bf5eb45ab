//! Where entries lie in the file system: for each path of a set a folder is open, and all work is done below that
//! folder. A path of the set may lead through a symbolic link, for the administrator wrote it; a link below it is never
//! followed, for anybody may have made it.
//!
//! A restore writes below one folder or at the paths of the set: what is to be written to is opened here
//! ([`WritablePlaces`]), and entries that lie anywhere else are refused.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::index::IndexHeader;
use super::path::{EntryPath, join, rest_below, shown};
use crate::backup::damaged;
use crate::durable::{self, Beneath, DirCursor};
use crate::error::{Error, Result};

/// One folder for all entries, or a place of its own for each path of a set.
pub struct Places(Vec<OpenPlace>);

pub(super) struct OpenPlace {
    /// The entry of this path is the place itself; empty where all entries lie below it.
    pub prefix: Vec<u8>,
    pub root: Beneath,
    /// The name in `root`, where the place is no folder.
    pub name: Option<Vec<u8>>,
    /// Nothing was there when it was looked for.
    pub is_missing: bool,
}

impl Places {
    /// The paths of a set as they are now; one that is a symbolic link means what it leads to. One that is not there
    /// keeps nobody from taking the others: looking at it fails, and that is told. Fails where none is there.
    pub fn of_set(paths: &[PathBuf]) -> Result<Self> {
        let place = |path: &PathBuf| {
            let metadata = fs::metadata(path).map_err(|error| not_there(path, &error))?;
            if metadata.is_dir() {
                return Ok(OpenPlace::of_folder(prefix(path), Beneath::open(path)?));
            }
            let real = fs::canonicalize(path).map_err(|error| not_there(path, &error))?;
            OpenPlace::of_file(prefix(path), &real)
        };
        let mut first = None;
        let mut places = Vec::new();
        for path in paths {
            places.push(match place(path) {
                Ok(place) => place,
                Err(error) => {
                    first.get_or_insert(error);
                    OpenPlace::of_none(path)?
                }
            });
        }
        match first {
            Some(error) if places.iter().all(|place| place.is_missing) => Err(error),
            _ => Ok(Self(places)),
        }
    }

    /// All entries below one folder.
    pub fn below(folder: &Path) -> Result<Self> {
        let root = Beneath::open(folder)?;
        Ok(Self(vec![OpenPlace::of_folder(Vec::new(), root)]))
    }

    fn from_places(places: Vec<OpenPlace>) -> Self {
        Self(places)
    }

    pub(super) fn all(&self) -> &[OpenPlace] {
        &self.0
    }

    /// Work in them.
    pub fn cursors(&self) -> PlaceCursors<'_> {
        PlaceCursors {
            places: self,
            cursors: self.0.iter().map(|place| place.root.cursor()).collect(),
        }
    }

    /// Which of the paths an entry lies below.
    pub fn number_of(&self, path: &[u8]) -> Option<usize> {
        self.find(path).map(|(number, _)| number)
    }

    /// The place of an entry and its path there.
    fn find<'p>(&self, path: &'p [u8]) -> Option<(usize, Cow<'p, [u8]>)> {
        self.0.iter().enumerate().find_map(|(number, place)| {
            let rest = rest_below(path, &place.prefix)?;
            Some(match &place.name {
                None => (number, Cow::Borrowed(rest)),
                Some(name) if rest.is_empty() => (number, Cow::Owned(name.clone())),
                Some(name) => (number, Cow::Owned(join(name, rest))),
            })
        })
    }
}

impl OpenPlace {
    fn of_file(prefix: Vec<u8>, real: &Path) -> Result<Self> {
        let folder = real.parent().unwrap_or(Path::new("/"));
        let name = real.file_name().map(|name| name.as_bytes().to_vec());
        Ok(Self { prefix, root: Beneath::open(folder)?, name, is_missing: false })
    }

    fn of_folder(prefix: Vec<u8>, root: Beneath) -> Self {
        Self { prefix, root, name: None, is_missing: false }
    }

    /// A path that is not there, or can't be looked at: below the nearest folder that is.
    fn of_none(path: &Path) -> Result<Self> {
        let (root, name) = nearest(path);
        Ok(Self {
            prefix: prefix(path),
            root: Beneath::open(root)?,
            name: Some(name),
            is_missing: true,
        })
    }
}

/// The nearest folder above a path that is there, and the way from it.
fn nearest(path: &Path) -> (&Path, Vec<u8>) {
    let root = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let name = path.strip_prefix(root).unwrap_or(path).as_os_str().as_bytes().to_vec();
    (root, name)
}

/// The path of an entry for an absolute path.
fn prefix(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_bytes();
    bytes.strip_prefix(b"/").unwrap_or(bytes).to_vec()
}

fn not_there(path: &Path, error: &io::Error) -> Error {
    let failure = Error::file("look at", path, error);
    match error.kind() {
        io::ErrorKind::NotFound => {
            failure.hint("Is the disk mounted? No path of the set is there.")
        }
        _ => failure,
    }
}

/// One open folder for each place.
pub struct PlaceCursors<'a> {
    places: &'a Places,
    cursors: Vec<DirCursor<'a>>,
}

impl<'a> PlaceCursors<'a> {
    /// Whoever works where this entry lies, and its path there.
    pub fn at<'p>(&mut self, path: &'p [u8]) -> io::Result<(&mut DirCursor<'a>, Cow<'p, [u8]>)> {
        let found = self.places.find(path);
        let (number, path) = found
            .ok_or_else(|| io::Error::other("it is in none of the paths that may be written to"))?;
        Ok((&mut self.cursors[number], path))
    }

    /// The same for a folder on the way to a place that is not there yet: one between it and the nearest folder
    /// that is.
    pub fn above(&mut self, path: &[u8]) -> Option<(&mut DirCursor<'a>, Vec<u8>)> {
        let mut places = self.places.0.iter().zip(&mut self.cursors);
        places.find_map(|(place, cursor)| {
            let name = place.name.as_deref()?;
            let rest = path.strip_prefix(place.prefix.strip_suffix(name)?)?;
            let is_above = name.strip_prefix(rest)?.starts_with(b"/");
            is_above.then(|| (cursor, rest.to_vec()))
        })
    }

    /// The path of an entry, for messages.
    pub fn shown(&self, path: &[u8]) -> PathBuf {
        match self.places.find(path) {
            Some((number, path)) => self.places.0[number].root.shown(&path),
            None => shown(path).to_owned(),
        }
    }
}

/// Where files go.
#[derive(Debug, Clone, Copy)]
pub enum Destination<'a> {
    /// Under their full paths below this folder, which is created if need be.
    Folder(&'a Path),
    /// To where they were: below these paths, those of the set, and nowhere else.
    Original(&'a [PathBuf]),
}

/// What is open for writing.
pub(crate) struct WritablePlaces {
    places: Places,
    /// Paths of the folders that are open, for syncing.
    roots: Vec<PathBuf>,
    /// Paths of the set as entries have them.
    set: Vec<EntryPath>,
}

impl WritablePlaces {
    /// Creates a folder that is not there; its parent must exist.
    pub(crate) fn open(destination: Destination<'_>, header: &IndexHeader) -> Result<Self> {
        if let Destination::Folder(folder) = destination {
            durable::create_folder(folder)?;
        }
        let target = Self::there(destination, header)?;
        target.ok_or_else(|| {
            let Destination::Folder(folder) = destination else { return damaged(String::new()) };
            Error::file("open folder", folder, &std::io::ErrorKind::NotFound.into())
        })
    }

    /// `None` when there is no such folder.
    pub(crate) fn there(
        destination: Destination<'_>,
        header: &IndexHeader,
    ) -> Result<Option<Self>> {
        let set = set_paths(header)?;
        match destination {
            Destination::Folder(folder) if !folder.exists() => Ok(None),
            Destination::Folder(folder) => {
                let roots = vec![absolute(folder)?];
                Ok(Some(Self { places: Places::below(&roots[0])?, roots, set }))
            }
            Destination::Original(paths) => {
                let places: Vec<(OpenPlace, PathBuf)> =
                    paths.iter().map(|path| original(path)).collect::<Result<_>>()?;
                let (places, roots) = places.into_iter().unzip();
                Ok(Some(Self { places: Places::from_places(places), roots, set }))
            }
        }
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        self.roots.clone()
    }

    /// The paths of the set that are folders in the target now, each as a place of its own.
    pub(crate) fn set_places(&self) -> Places {
        let place = |path: &EntryPath| {
            let mut cursors = self.places.cursors();
            let (cursor, below) = cursors.at(path.as_bytes()).ok()?;
            let root = cursor.sub(&below).ok()?;
            Some(OpenPlace::of_folder(path.as_bytes().to_vec(), root))
        };
        Places::from_places(self.set.iter().filter_map(place).collect())
    }
}

fn set_paths(header: &IndexHeader) -> Result<Vec<EntryPath>> {
    let path = |text: &String| {
        let path = text.strip_prefix('/').unwrap_or_default();
        EntryPath::new(path.as_bytes().to_vec())
    };
    // The path `/` is no entry, and nothing is removed below it.
    let paths = header.paths.iter().filter(|text| *text != "/");
    let paths: Result<Vec<_>, String> = paths.map(path).collect();
    paths.map_err(|error| damaged(format!("line 1 of the index: paths: {error}")))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::file("look at", path, &error))
}

/// A path of the set: a folder that is there, or what is to be created below the nearest folder that is. Links
/// in the path itself are followed: they are how this host is set up.
fn original(path: &Path) -> Result<(OpenPlace, PathBuf)> {
    if path.is_dir() {
        let place = OpenPlace::of_folder(prefix(path), Beneath::open(path)?);
        return Ok((place, path.to_owned()));
    }
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (root, name) = nearest(&real);
    let name = Some(name);
    let place =
        OpenPlace { prefix: prefix(path), root: Beneath::open(root)?, name, is_missing: false };
    Ok((place, root.to_owned()))
}
