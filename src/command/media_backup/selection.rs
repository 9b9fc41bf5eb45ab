//! The flags `--path` and `--pattern`, by which `restore` and `show` choose a part of a snapshot.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::{Arg, ArgMatches};

use crate::error::Result;
use crate::media_backup::Selection;

/// Which part of a snapshot.
pub fn arguments() -> [Arg; 2] {
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
pub fn chosen(matches: &ArgMatches) -> Result<(Selection, String)> {
    let path = matches.get_one::<PathBuf>("path");
    Ok(match (path, matches.get_one::<String>("pattern")) {
        (Some(path), _) => {
            (Selection::path(path.as_os_str().as_bytes())?, path.display().to_string())
        }
        (None, Some(pattern)) => (Selection::pattern(pattern)?, format!("what matches {pattern}")),
        (None, None) => (Selection::All, "all of it".to_owned()),
    })
}
