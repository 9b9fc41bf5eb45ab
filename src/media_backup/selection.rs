//! Which entries somebody means: patterns for what a set leaves out or a user looks for ([`Exclude`], matched by the
//! crate `ignore`, so they mean what they mean to git), and what a restore brings back ([`Selection`]).

use std::collections::BTreeSet;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::path::{EntryPath, shown};
use crate::error::{Class, Error, Result};

/// Patterns with the meaning they have in a `.gitignore` file (`gitignore(5)`): one without a slash matches at
/// any depth, one with a slash is bound to the top, `name/` matches folders only, `!` takes back.
#[derive(Debug, Clone)]
pub struct Exclude(Gitignore);

impl Exclude {
    pub fn new(patterns: &[String]) -> Result<Self> {
        Self::of(patterns, false)
    }

    /// `ignore_case`: letters match whichever case they are in.
    pub fn of(patterns: &[String], ignore_case: bool) -> Result<Self> {
        let mut builder = GitignoreBuilder::new("");
        let set = builder.case_insensitive(ignore_case);
        set.map_err(|error| wrong(&patterns.join(", "), &error))?;
        for pattern in patterns {
            if pattern.contains(['\n', '\0']) {
                return Err(wrong(pattern, &"it has a line break or NUL"));
            }
            builder.add_line(None, pattern).map_err(|error| wrong(pattern, &error))?;
        }
        let built = builder.build();
        let built = built.map_err(|error| wrong(&patterns.join(", "), &error))?;
        Ok(Self(built))
    }

    /// One that somebody typed to look for something: with a slash in its middle it is bound to nothing either, and
    /// only a leading slash binds it to the top. It takes nothing back, is no remark, and its blanks count.
    pub fn glob(text: &str, ignore_case: bool) -> Result<Self> {
        let blank = text.len() - text.trim_end_matches(' ').len();
        let (text, blanks) = text.split_at(text.len() - blank);
        let inner = text.trim_end_matches('/').contains('/') && !text.starts_with('/');
        let begin = match text.chars().next() {
            _ if inner => "**/",
            Some('!' | '#') => "\\",
            _ => "",
        };
        Self::of(&[format!("{begin}{text}{}", blanks.replace(' ', "\\ "))], ignore_case)
    }

    /// Whether the patterns match something at this path below the top. What lies in a folder that
    /// matches is for the caller to leave out too.
    pub fn matches(&self, path: &[u8], is_directory: bool) -> bool {
        self.0.matched(shown(path), is_directory).is_ignore()
    }

    /// The same for who does not come down from the top.
    pub fn matches_or_parent(&self, path: &[u8], is_directory: bool) -> bool {
        self.0.matched_path_or_any_parents(shown(path), is_directory).is_ignore()
    }
}

fn wrong(pattern: &str, error: &dyn std::fmt::Display) -> Error {
    let message = format!("expected a pattern as in .gitignore, found {pattern:?}: {error}");
    Error::new(Class::Configuration, message)
}

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

    fn exclude(patterns: &[&str]) -> Result<Exclude> {
        Exclude::new(&patterns.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn patterns_mean_what_git_means() {
        let it = exclude(&["*.tmp", "cache/", "/top", "a/**/z", "!keep.tmp", "sp ace", "\\#x"]);
        let it = it.unwrap();
        for (path, is_directory, expected) in [
            (&b"x.tmp"[..], false, true),
            (b"a/b/x.tmp", false, true),
            (b"a/keep.tmp", false, false),
            (b"cache", true, true),
            (b"a/cache", true, true),
            (b"cache", false, false),
            (b"top", false, true),
            (b"a/top", false, false),
            (b"a/b/c/z", false, true),
            (b"b/a/z", false, false),
            (b"sp ace", false, true),
            (b"#x", false, true),
            (b"\xff.tmp", false, true),
            (b"line\nbreak.tmp", false, true),
            (b"ordinary", false, false),
        ] {
            assert_eq!(it.matches(path, is_directory), expected, "{:?}", shown(path));
        }
        assert!(it.matches_or_parent(b"cache/x/y", false));
        assert!(!it.matches(b"cache/x/y", false));
        assert!(!exclude(&[]).unwrap().matches(b"a", false));
    }

    #[test]
    fn what_is_typed_is_looked_for_at_any_depth() {
        for (pattern, path, expected) in [
            ("*.jpg", "srv/a.jpg", true),
            ("2026/*.jpg", "srv/2026/a.jpg", true),
            ("2026/*.jpg", "srv/2026/b/a.jpg", false),
            ("/2026/*.jpg", "srv/2026/a.jpg", false),
            ("/srv/**/*.jpg", "srv/2026/b/a.jpg", true),
            ("!a", "srv/!a", true),
            ("#a", "srv/#a", true),
            ("a ", "srv/a ", true),
            ("a ", "srv/a", false),
            ("A.JPG", "srv/a.jpg", false),
        ] {
            let glob = Exclude::glob(pattern, false).unwrap();
            assert_eq!(glob.matches(path.as_bytes(), false), expected, "{pattern} {path}");
        }
        assert!(Exclude::glob("A.JPG", true).unwrap().matches(b"srv/a.jpg", false));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let error = exclude(&["a{b"]).unwrap_err().to_string();
        let expected = "expected a pattern as in .gitignore, found \"a{b\": ";
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(
            exclude(&["a\nb"]).unwrap_err().to_string(),
            "expected a pattern as in .gitignore, found \"a\\nb\": it has a line break or NUL"
        );
    }

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
