//! Entries come in byte order of their paths, in which what lies in a folder does not follow it at once: `a`,
//! `a-b`, `a/c`. This keeps the folders that may still get something.

/// The folders that something may still come for, each with what is remembered of it. A stack: what comes for
/// a folder comes before anything for one that was there before it.
#[derive(Debug)]
pub struct Nested<T>(Vec<(Vec<u8>, T)>);

impl<T> Default for Nested<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Nested<T> {
    /// To be told of every path, in order. Returns the folders for which nothing can come any more, the
    /// inner ones first.
    pub fn advance(&mut self, path: &[u8]) -> Vec<(Vec<u8>, T)> {
        let mut done = Vec::new();
        while let Some(last) = self.0.pop_if(|(folder, _)| is_past(path, folder)) {
            done.push(last);
        }
        done
    }

    /// The folder that this path lies in, if it is among them. The path has been told to `advance`.
    pub fn parent_of(&mut self, path: &[u8]) -> Option<&mut T> {
        let parent = crate::durable::split(path).0;
        let mut folders = self.0.iter_mut().rev();
        folders.find(|(folder, _)| folder == parent).map(|(_, remembered)| remembered)
    }

    /// All of them from the outermost on that this path lies in.
    pub fn above<'a>(&'a mut self, path: &'a [u8]) -> impl Iterator<Item = &'a mut (Vec<u8>, T)> {
        self.0.iter_mut().filter(|(folder, _)| is_below(path, folder))
    }

    pub fn push(&mut self, folder: &[u8], remembered: T) {
        self.0.push((folder.to_owned(), remembered));
    }

    /// Those that are left at the end, the inner ones first.
    pub fn finish(mut self) -> Vec<(Vec<u8>, T)> {
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
