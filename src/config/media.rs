//! The sets of media files: which folders belong to each, and that no two of them overlap.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::file::{Lined, MediaTable};
use super::resolved::ValueOrigin;
use super::setting::{checked_name, nearest_hint};
use super::value::Value;
use crate::error::{Class, Error, Result};

/// Files and folders that are backed up together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSet {
    /// Its folder in each repository.
    pub name: String,
    /// Absolute, without `.` and `..`; none is within another one.
    pub paths: Vec<PathBuf>,
    /// Lines of a `.gitignore` file that would lie in each of the paths.
    pub exclude: Vec<String>,
    /// Whether file systems that are mounted below a path are left out.
    pub one_file_system: bool,
}

/// Those of the file.
pub(super) fn sets(tables: &[(MediaTable, ValueOrigin)]) -> Result<Vec<MediaSet>> {
    tables.iter().map(|(table, origin)| MediaSet::from_table(table, origin)).collect()
}

impl MediaSet {
    /// Checks the name, and the paths as a whole. Two sets may well share files: one may be the
    /// configuration, the other all of `/srv`.
    pub fn new(name: &str, paths: &[PathBuf], exclude: &[String]) -> Result<Self> {
        let name = checked_name("the name of a media set", name.to_owned())?;
        let said = |message: String| wrong(format!("media set {name}: {message}"));
        if paths.is_empty() {
            return Err(
                said("paths is not set".into()).hint("Set paths = [\"/an/absolute/path\"].")
            );
        }
        let mut checked: Vec<PathBuf> = Vec::new();
        for path in paths {
            let path = plain(path).ok_or_else(|| {
                said(format!("expected absolute paths without '..', found {path:?}"))
            })?;
            if let Some(other) = checked.iter().find(|it| overlap(it, &path)) {
                let message = format!("expected paths apart from each other, found {other:?}");
                return Err(said(format!("{message} and {path:?}"))
                    .hint("The upper one alone brings the other one along."));
            }
            checked.push(path);
        }
        Ok(Self { name, paths: checked, exclude: exclude.to_vec(), one_file_system: false })
    }

    fn from_table(table: &MediaTable, origin: &ValueOrigin) -> Result<Self> {
        let list = |key: &str| match table.values.get(key) {
            Some((Value::List(list), _)) => list.clone(),
            _ => Vec::new(),
        };
        let paths: Vec<PathBuf> = list("paths").iter().map(PathBuf::from).collect();
        let set = Self::new(&table.name, &paths, &list("exclude"));
        let mut set = set.map_err(|error| error.while_doing(origin))?;
        set.one_file_system = is_on(&table.values, "one_file_system");
        Ok(set)
    }

    /// As [`MediaSet::choose`], to read what is stored. On a new host nothing but the name of a set may be known.
    pub fn choose_stored(sets: &[Self], name: Option<&str>) -> Result<Self> {
        match name {
            Some(name) if sets.is_empty() => Ok(Self {
                name: checked_name("the name of a media set", name.to_owned())?,
                paths: Vec::new(),
                exclude: Vec::new(),
                one_file_system: false,
            }),
            None if sets.is_empty() => Self::choose(sets, None).cloned().map_err(|error| {
                error
                    .hint("Write [media.NAME] into it, or name the set of another host with --set.")
            }),
            _ => Self::choose(sets, name).cloned(),
        }
    }

    /// The set that a command is about: the one of that name, or the only one.
    pub fn choose<'a>(sets: &'a [Self], name: Option<&str>) -> Result<&'a Self> {
        let names = || sets.iter().map(|set| set.name.as_str());
        match (sets, name) {
            ([], _) => Err(wrong("no media set is configured".into()).hint(format!(
                "Write [media.NAME] with paths = [\"/an/absolute/path\"] into {}.",
                super::DEFAULT_FILE
            ))),
            (_, Some(name)) => sets.iter().find(|set| set.name == name).ok_or_else(|| {
                let message = format!("there is no media set {name:?}");
                Error::new(Class::Usage, message).hint(nearest_hint(name, names()))
            }),
            ([only], None) => Ok(only),
            (_, None) => {
                let all = names().collect::<Vec<_>>().join(", ");
                Err(Error::new(Class::Usage, "the name of the media set is missing")
                    .hint(format!("There are: {all}.")))
            }
        }
    }
}

fn is_on(values: &BTreeMap<&'static str, Lined>, key: &str) -> bool {
    matches!(values.get(key), Some((Value::Boolean(true), _)))
}

/// The path without `.`, double and trailing slashes.
fn plain(path: &Path) -> Option<PathBuf> {
    let nul = path.as_os_str().as_encoded_bytes().contains(&0);
    let climbs = path.components().any(|it| it == Component::ParentDir);
    (path.is_absolute() && !climbs && !nul).then(|| path.components().collect())
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn wrong(message: String) -> Error {
    Error::new(Class::Configuration, message)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, of_text};

    use super::*;

    fn sets(text: &str) -> Result<Vec<MediaSet>, String> {
        let text = format!("{text}\n[[repository]]\nurl = \"/backups\"\n");
        let config = of_text(&text).and_then(|resolved| Config::from_resolved(&resolved));
        config.map(|config| config.media).map_err(|error| error.to_string())
    }

    #[test]
    fn sets_are_read_with_their_names() {
        let found = sets(
            "[media.uploads]\npaths = [\"/srv//uploads/\", \"/srv/up\"]\nexclude = [\"*.tmp\", \"a b/\"]\n\
             [media.etc]\npaths = [\"/srv/uploads/x\"]\none_file_system = true\n",
        )
        .unwrap();
        let paths = |set: &MediaSet| set.paths.iter().map(|it| it.display().to_string()).collect();
        let shown: Vec<(&str, Vec<String>, usize, bool)> = found
            .iter()
            .map(|it| (it.name.as_str(), paths(it), it.exclude.len(), it.one_file_system))
            .collect();
        assert_eq!(
            shown,
            [
                ("etc", vec!["/srv/uploads/x".into()], 0, true),
                ("uploads", vec!["/srv/uploads".into(), "/srv/up".into()], 2, false),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, expected) in [
            (
                "[media.up]\npath = [\"/a\"]",
                "line 2: unknown key media.up.path. HINT: Did you mean paths?",
            ),
            (
                "[media]\npaths = [\"/a\"]",
                "line 2: expected a table for media.paths, found array. HINT: Write [media.NAME], \
                 with a name of the set.",
            ),
            (
                "[[media]]\npaths = [\"/a\"]",
                "line 1: expected media to be a table of sets. HINT: Write [media.NAME].",
            ),
            (
                "[media.up]\npaths = \"/a\"",
                "line 2: expected a list of texts for media.up.paths, found \"/a\"",
            ),
            (
                "[media.\"a b\"]\npaths = [\"/a\"]",
                ":1: expected letters, digits, '.', '_' and '-' as the name of a media set, found \"a b\"",
            ),
            (
                "[media.up]\npaths = [\"a\"]",
                ":1: media set up: expected absolute paths without '..', found \"a\"",
            ),
            (
                "[media.up]\npaths = [\"/a/../b\"]",
                ":1: media set up: expected absolute paths without '..', found \"/a/../b\"",
            ),
            (
                "[media.up]\nexclude = [\"x\"]",
                ":1: media set up: paths is not set. HINT: Set paths = \
                 [\"/an/absolute/path\"].",
            ),
            (
                "[media.up]\npaths = [\"/a/b\", \"/a\"]",
                ":1: media set up: expected paths apart from each other, found \"/a/b\" and \"/a\". \
                 HINT: The upper one alone brings the other one along.",
            ),
        ] {
            assert_eq!(sets(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn a_command_gets_its_set_or_is_told_why_not() {
        let set = |name: &str| MediaSet::new(name, &["/a".into()], &[]).unwrap();
        let all = [set("uploads"), set("etc")];
        let choose = |sets: &[MediaSet], name: Option<&str>| {
            let chosen = MediaSet::choose(sets, name);
            chosen.map_or_else(|error| error.to_string(), |set| set.name.clone())
        };
        assert_eq!(choose(&all, Some("etc")), "etc");
        assert_eq!(choose(&all[..1], None), "uploads");
        let stored = |sets: &[MediaSet], name: Option<&str>| {
            let chosen = MediaSet::choose_stored(sets, name);
            chosen.map_or_else(|error| error.to_string(), |set| set.name)
        };
        assert_eq!(stored(&[], Some("uploads")), "uploads");
        assert_eq!(stored(&all, Some("upload")), choose(&all, Some("upload")));
        assert_eq!(
            stored(&[], Some("a/b")),
            "expected letters, digits, '.', '_' and '-' as the name of a media set, found \"a/b\""
        );
        assert_eq!(
            stored(&[], None),
            "no media set is configured. HINT: Write [media.NAME] into it, or name the set of another host with \
             --set."
        );
        assert_eq!(
            choose(&all, Some("upload")),
            "there is no media set \"upload\". HINT: Did you mean uploads?"
        );
        assert_eq!(
            choose(&all, None),
            "the name of the media set is missing. HINT: There are: uploads, etc."
        );
        assert_eq!(
            choose(&[], None),
            "no media set is configured. HINT: Write [media.NAME] with paths = \
             [\"/an/absolute/path\"] into /etc/seawall/seawall.toml."
        );
    }
}
