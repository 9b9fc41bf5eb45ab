//! A server's `redis.conf`, with all that it includes.
//!
//! The file is the server's user's and may be read by root: it has a length, a depth and a number of files that
//! it can't exceed.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::durable::{kind, open_to_read};
use crate::error::{Class, Error, Result};
use crate::redis_backup::conf_words::words;

/// A server follows `include` without looking for circles; nobody nests them deeper.
const DEEPEST: usize = 16;
/// Sixteen files, each of which includes the next one ten times, are too many for any patience.
const MOST_FILES: usize = 1000;
const FILE_BYTES_MAX: u64 = 1 << 24;

/// The settings of a `redis.conf` and the files that it includes; the last of a name counts.
#[derive(Debug, Default)]
pub(super) struct Conf(HashMap<String, String>);

impl Conf {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut conf = Self::default();
        conf.add(path, 0, &mut 0)?;
        Ok(conf)
    }

    /// The first word behind the name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn add(&mut self, path: &Path, depth: usize, files: &mut usize) -> Result<()> {
        let wrong = |reason: &dyn std::fmt::Display| {
            let message = format!("could not use the server's configuration {path:?}: {reason}");
            Error::new(Class::Configuration, message)
        };
        if depth > DEEPEST {
            return Err(wrong(&"it is included again and again"));
        }
        *files += 1;
        if *files > MOST_FILES {
            return Err(wrong(&format_args!("it is one of more than {MOST_FILES} files")));
        }
        let bytes = read(path).map_err(|error| wrong(&error))?;
        let settings = settings(&String::from_utf8_lossy(&bytes));
        for (name, value) in settings.map_err(|error| wrong(&error))? {
            if name == "include" {
                if !value.starts_with('/') {
                    return Err(wrong(&format_args!(
                        "expected an absolute path to include, found {value:?}"
                    ))
                    .hint(
                        "The server looks for it from where it is started; write the whole path.",
                    ));
                }
                for file in matching(Path::new(&value)) {
                    self.add(&file, depth + 1, files)?;
                }
            } else {
                self.0.insert(name, value);
            }
        }
        Ok(())
    }
}

/// It may be the server's user's, and root the one that reads it: a FIFO there keeps nobody waiting.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = open_to_read(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other(format!("expected a file, found {}", kind(&metadata))));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The settings of a text, with their first values. Fails with what is wrong.
pub fn settings(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut settings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words =
            words(line).ok_or_else(|| format!("quotes do not match in line {}", number + 1))?;
        let mut words = words.into_iter();
        let Some(name) = words.next() else { continue };
        settings.push((name.to_ascii_lowercase(), words.next().unwrap_or_default()));
    }
    Ok(settings)
}

/// The files of a pattern in order, as since Redis 7.0; a path without one stands for itself.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !name.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let entries = pattern.parent().and_then(|folder| fs::read_dir(folder).ok());
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|it| matches(name.as_bytes(), it.as_bytes()))
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

/// Whether a name is one of a pattern with `*` and `?`.
pub fn matches(mut pattern: &[u8], mut name: &[u8]) -> bool {
    // What the last `*` may take in one byte more. Only the last one has to be tried again: those before it took as
    // little as they could. To try all of them takes ages with a pattern of twenty.
    let mut again = None;
    loop {
        match (pattern, name) {
            ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                again = Some((rest, name));
                pattern = rest;
                continue;
            }
            ([b'?', rest @ ..], [_, behind @ ..]) => {
                (pattern, name) = (rest, behind);
                continue;
            }
            ([one, rest @ ..], [other, behind @ ..]) if one == other => {
                (pattern, name) = (rest, behind);
                continue;
            }
            _ => {}
        }
        let Some((rest, [_, behind @ ..])) = again else { return false };
        again = Some((rest, behind));
        (pattern, name) = (rest, behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_name_counts_included_or_not() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        let file = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
        file("b.conf", "dbfilename b.rdb\nappendonly yes\n".into());
        file("a.conf", "dbfilename a.rdb\nappendfilename 'a b'\n".into());
        file("c.txt", "dir /wrong\n".into());
        let text = format!(
            "# a comment\r\nDIR /first\r\n\nappendonly no\ninclude {0}/*.conf\nDir \"/se cond\"\nsave \"\"\n",
            folder.display()
        );
        file("redis.main", text);
        let conf = Conf::read(&folder.join("redis.main")).unwrap();
        for (name, value) in [
            ("dir", "/se cond"),
            ("dbfilename", "b.rdb"),
            ("appendonly", "yes"),
            ("appendfilename", "a b"),
            ("save", ""),
        ] {
            assert_eq!(conf.get(name), Some(value), "{name}");
        }
        assert_eq!(conf.get("appenddirname"), None);
    }

    #[test]
    fn a_star_takes_what_it_must() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*.conf", "a.conf.conf", true),
            ("a*b?c*", "aXbYbZc", true),
            ("a*b", "ab", true),
            ("a*bc", "abcb", false),
            ("?", "", false),
            ("a?", "a", false),
            ("**x*", "x", true),
            ("ab", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
        let (pattern, name) = ("*a".repeat(100) + "b", "a".repeat(250));
        assert!(!matches(pattern.as_bytes(), name.as_bytes()));
    }

    /// Two to the power of fifteen files.
    #[test]
    fn includes_do_not_multiply_without_end() {
        let place = tempfile::tempdir().unwrap();
        let file = |level: usize| place.path().join(format!("{level}.conf"));
        for level in 0..15 {
            let line = format!("include {}\n", file(level + 1).display());
            fs::write(file(level), line.repeat(2)).unwrap();
        }
        fs::write(file(15), "dir /a\n").unwrap();
        let error = Conf::read(&file(0)).unwrap_err().to_string();
        assert!(error.contains("it is one of more than 1000 files"), "{error}");
    }

    #[test]
    fn what_is_wrong_with_a_configuration_is_said() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("redis.conf");
        for (text, reason) in [
            ("dir \"/a\n".to_owned(), "quotes do not match in line 1"),
            (format!("include {}\n", path.display()), "it is included again and again"),
            (
                "\ninclude other.conf\n".to_owned(),
                "expected an absolute path to include, found \"other.conf\". HINT: The server looks \
                 for it from where it is started; write the whole path.",
            ),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(
                Conf::read(&path).unwrap_err().to_string(),
                format!("could not use the server's configuration {path:?}: {reason}")
            );
        }
        fs::write(&path, "include /nowhere/at/all\n").unwrap();
        assert_eq!(
            Conf::read(&path).unwrap_err().to_string(),
            "could not use the server's configuration \"/nowhere/at/all\": No such file or directory (os error 2)"
        );
    }
}
