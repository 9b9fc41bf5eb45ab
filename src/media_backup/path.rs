//! Paths of entries, checked when they are made: an index may come from a store that others write to, and a restore
//! writes where its paths lead; so nothing that leads out of a folder becomes a path. [`Nested`] keeps the folders of
//! paths that come in byte order, in which what lies in a folder does not follow it at once: `a`, `a-b`, `a/c`.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The longest path that a system call takes (`PATH_MAX` with its closing NUL).
const BYTES_MAX: usize = 4095;

/// Where something lies, below `/` and without the leading slash: `srv/uploads/a.jpg`. Any bytes but NUL; no
/// component is empty, `.` or `..`. Paths sort by their bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(Box<[u8]>);

impl EntryPath {
    /// Fails with what is wrong.
    pub fn new(bytes: Vec<u8>) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("expected {what}, found {:?}", shown(&bytes)));
        if bytes.len() > BYTES_MAX {
            return Err(format!(
                "expected a path of at most {BYTES_MAX} bytes, found a longer one"
            ));
        }
        if bytes.contains(&0) {
            return wrong("a path without NUL");
        }
        for name in bytes.split(|byte| *byte == b'/') {
            if name.is_empty() {
                return wrong("a relative path without empty components");
            }
            if name == b"." || name == b".." {
                return wrong("a path without '.' and '..'");
            }
        }
        Ok(Self(bytes.into()))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn as_path(&self) -> &Path {
        shown(&self.0)
    }

    /// The folder it lies in; empty at the top.
    pub fn parent(&self) -> &[u8] {
        crate::durable::split(&self.0).0
    }

    /// Whether it is this folder or something in it.
    pub fn is_within(&self, folder: &[u8]) -> bool {
        rest_below(&self.0, folder).is_some()
    }
}

/// What is left of a path below a folder; empty for the folder itself.
pub(crate) fn rest_below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    if folder.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b"/") }
}

/// A path as the standard library has it.
pub(crate) fn shown(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Something in a folder.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// In quotes, with what can't be printed escaped.
impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_path().fmt(f)
    }
}

/// The folders that something may still come for, each with what is remembered of it. A stack: what comes for
/// a folder comes before anything for one that was there before it.
#[derive(Debug)]
pub(crate) struct Nested<T>(Vec<(Vec<u8>, T)>);

impl<T> Default for Nested<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Nested<T> {
    /// To be told of every path, in order. Returns the folders for which nothing can come any more, the
    /// inner ones first.
    pub(crate) fn advance(&mut self, path: &[u8]) -> Vec<(Vec<u8>, T)> {
        let mut done = Vec::new();
        while let Some(last) = self.0.pop_if(|(folder, _)| is_past(path, folder)) {
            done.push(last);
        }
        done
    }

    /// The folder that this path lies in, if it is among them. The path has been told to `advance`.
    pub(crate) fn parent_of(&mut self, path: &[u8]) -> Option<&mut T> {
        let parent = crate::durable::split(path).0;
        let mut folders = self.0.iter_mut().rev();
        folders.find(|(folder, _)| folder == parent).map(|(_, remembered)| remembered)
    }

    /// All of them from the outermost on that this path lies in.
    pub(crate) fn above<'a>(
        &'a mut self,
        path: &'a [u8],
    ) -> impl Iterator<Item = &'a mut (Vec<u8>, T)> {
        self.0.iter_mut().filter(|(folder, _)| is_below(path, folder))
    }

    pub(crate) fn push(&mut self, folder: &[u8], remembered: T) {
        self.0.push((folder.to_owned(), remembered));
    }

    /// Those that are left at the end, the inner ones first.
    pub(crate) fn finish(mut self) -> Vec<(Vec<u8>, T)> {
        self.0.reverse();
        self.0
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/"))
}

/// Whether the path is greater than all that can lie in the folder.
fn is_past(path: &[u8], folder: &[u8]) -> bool {
    !is_below(path, folder) && path > &[folder, b"/"].concat()[..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_their_root() {
        for path in ["a", "a/b", "...", "a/..b", "\n", "a b"] {
            EntryPath::new(path.into()).unwrap();
        }
        EntryPath::new(vec![0xff, b'/', 0xfe]).unwrap();
        for (path, expected) in [
            ("", "a relative path without empty components, found \"\""),
            ("/a", "a relative path without empty components, found \"/a\""),
            ("a//b", "a relative path without empty components, found \"a//b\""),
            ("a/", "a relative path without empty components, found \"a/\""),
            ("..", "a path without '.' and '..', found \"..\""),
            ("a/../b", "a path without '.' and '..', found \"a/../b\""),
            ("./a", "a path without '.' and '..', found \"./a\""),
            ("a\0b", "a path without NUL, found \"a\\0b\""),
        ] {
            assert_eq!(EntryPath::new(path.into()).unwrap_err(), format!("expected {expected}"));
        }
        EntryPath::new(vec![b'a'; BYTES_MAX + 1]).unwrap_err();
    }

    #[test]
    fn within_is_by_component() {
        let path = EntryPath::new(b"a/b".to_vec()).unwrap();
        assert!(path.is_within(b"a") && path.is_within(b"a/b") && path.is_within(b""));
        assert!(!path.is_within(b"a/bc") && !path.is_within(b"a/b/c"));
        let path = EntryPath::new(b"a/bc".to_vec()).unwrap();
        assert!(!path.is_within(b"a/b"));
        assert_eq!(path.parent(), b"a");
    }

    #[test]
    fn folders_end_when_nothing_can_come_for_them() {
        let mut nested = Nested::default();
        let mut log = Vec::new();
        let folders = ["a", "a-b", "a/c", "e"];
        for path in ["a", "a-b", "a-b/x", "a-c", "a/b", "a/c", "a/c!", "a/c/d", "ab", "e"] {
            let ended = nested.advance(path.as_bytes());
            for (folder, ()) in ended {
                log.push(format!("{} before {path}", String::from_utf8(folder).unwrap()));
            }
            let parent = nested.parent_of(path.as_bytes()).is_some();
            assert_eq!(parent, path.contains('/'), "{path}");
            if folders.contains(&path) {
                nested.push(path.as_bytes(), ());
            }
        }
        assert_eq!(log, ["a-b before a-c", "a/c before ab", "a before ab"]);
        assert_eq!(nested.finish().len(), 1);
    }
}
