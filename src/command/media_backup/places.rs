//! Places that the configuration names: the media set of a command, and the repositories that are folders.
//!
//! The folder of a repository may lie within a media set. A snapshot leaves this folder out, and `restore --delete`
//! removes nothing in it.

use std::path::{Path, PathBuf};

use crate::config::{Config, Location, MediaSet};
use crate::error::{Class, Error, Result};

/// The set that a command is about.
pub fn set_of(config: &Config) -> Result<&MediaSet> {
    config
        .media
        .first()
        .ok_or_else(|| Error::new(Class::Configuration, "no media set is configured"))
}

/// The folder of a repository, if it is one. What is there may be trees and, from a time when it was
/// encrypted, packs.
pub fn root_of(config: &Config, at: usize) -> Option<&Path> {
    match &config.repositories.get(at)?.location {
        Location::Folder(root) => Some(root),
        Location::S3(_) => None,
    }
}

/// All folders that are repositories: none of them is a media file, wherever it lies.
pub fn repository_folders(config: &Config) -> Vec<PathBuf> {
    let folder = |location: &Location| match location {
        Location::Folder(root) => Some(root.clone()),
        Location::S3(_) => None,
    };
    config.repositories.iter().filter_map(|it| folder(&it.location)).collect()
}
