//! Which entries are restored: all of them, one path, what matches a pattern as in `.gitignore`, or the list of a
//! drill.

use std::collections::BTreeSet;

use super::super::exclude::Exclude;
use super::super::path::EntryPath;
use crate::error::{Class, Error, Result};

/// What a restore brings back.
#[derive(Debug, Clone)]
pub enum Selection {
    All,
    /// One of them, with all that lies in it.
    Path(EntryPath),
    /// Exactly these.
    These(BTreeSet<EntryPath>),
    /// Those that match, with all that lies in them.
    Pattern(Exclude),
}

impl Selection {
    /// A path as people write it, with or without the leading slash.
    pub fn path(text: &[u8]) -> Result<Self> {
        let trimmed = text.strip_prefix(b"/").unwrap_or(text);
        let trimmed = trimmed.strip_suffix(b"/").unwrap_or(trimmed);
        let path = EntryPath::new(trimmed.to_vec());
        path.map(Self::Path).map_err(|error| Error::new(Class::Usage, error))
    }

    /// A pattern as in `.gitignore`, from `/` on.
    pub fn pattern(text: &str) -> Result<Self> {
        Exclude::new(&[text.to_owned()]).map(Self::Pattern)
    }

    pub fn selects(&self, path: &EntryPath, is_directory: bool) -> bool {
        match self {
            Self::All => true,
            Self::These(paths) => paths.contains(path),
            Self::Path(selected) => path.is_within(selected.as_bytes()),
            Self::Pattern(pattern) => pattern.matches_or_parent(path.as_bytes(), is_directory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_brings_what_is_in_it_and_a_pattern_what_matches() {
        let selects = |selection: &Selection, path: &str, is_directory| {
            selection.selects(&EntryPath::new(path.into()).unwrap(), is_directory)
        };
        let path = Selection::path(b"/srv/up/").unwrap();
        assert!(selects(&path, "srv/up", true) && selects(&path, "srv/up/a/b", false));
        assert!(!selects(&path, "srv", true) && !selects(&path, "srv/up2", false));
        let pattern = Selection::pattern("*.jpg").unwrap();
        assert!(selects(&pattern, "srv/up/a.jpg", false) && !selects(&pattern, "srv/up", true));
        let folder = Selection::pattern("/srv/*/a/").unwrap();
        assert!(selects(&folder, "srv/up/a", true) && selects(&folder, "srv/up/a/b/c", false));
        assert!(!selects(&folder, "srv/up/a", false));
        assert_eq!(
            Selection::path(b"/srv/../x").unwrap_err().to_string(),
            "expected a path without '.' and '..', found \"srv/../x\""
        );
    }
}
