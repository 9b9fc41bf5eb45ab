//! Where a restore writes: below one folder, or at the paths of the set. What is to be written to is opened here, and
//! `Places` refuses entries that lie anywhere else.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::index::Header;
use super::super::path::EntryPath;
use super::super::places::{Place, Places, nearest, prefix};
use super::Destination;
use crate::backup::damaged;
use crate::durable::{self, Beneath};
use crate::error::{Error, Result};

/// What is open for writing.
pub struct Target {
    places: Places,
    /// Paths of the folders that are open, for syncing.
    roots: Vec<PathBuf>,
    /// Paths of the set as entries have them.
    set: Vec<EntryPath>,
}

impl Target {
    /// Creates a folder that is not there; its parent must exist.
    pub fn open(destination: Destination<'_>, header: &Header) -> Result<Self> {
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
    pub fn there(destination: Destination<'_>, header: &Header) -> Result<Option<Self>> {
        let set = set_paths(header)?;
        match destination {
            Destination::Folder(folder) if !folder.exists() => Ok(None),
            Destination::Folder(folder) => {
                let roots = vec![absolute(folder)?];
                Ok(Some(Self { places: Places::below(&roots[0])?, roots, set }))
            }
            Destination::Original(paths) => {
                let places: Vec<(Place, PathBuf)> =
                    paths.iter().map(|path| original(path)).collect::<Result<_>>()?;
                let (places, roots) = places.into_iter().unzip();
                Ok(Some(Self { places: Places::from_places(places), roots, set }))
            }
        }
    }

    pub fn places(&self) -> &Places {
        &self.places
    }

    pub fn roots(&self) -> Vec<PathBuf> {
        self.roots.clone()
    }

    /// The paths of the set that are folders in the target now, each as a place of its own.
    pub fn set_places(&self) -> Places {
        let place = |path: &EntryPath| {
            let mut hands = self.places.hands();
            let (cursor, below) = hands.at(path.as_bytes()).ok()?;
            let root = cursor.sub(&below).ok()?;
            Some(Place::of_folder(path.as_bytes().to_vec(), root))
        };
        Places::from_places(self.set.iter().filter_map(place).collect())
    }
}

fn set_paths(header: &Header) -> Result<Vec<EntryPath>> {
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
fn original(path: &Path) -> Result<(Place, PathBuf)> {
    if path.is_dir() {
        let place = Place::of_folder(prefix(path), Beneath::open(path)?);
        return Ok((place, path.to_owned()));
    }
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (root, name) = nearest(&real);
    let name = Some(name);
    let place = Place { prefix: prefix(path), root: Beneath::open(root)?, name, is_missing: false };
    Ok((place, root.to_owned()))
}
