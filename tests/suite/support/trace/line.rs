//! Lines of `strace -f -y`: a process number, a call, its arguments, `=`, what came of it. A call during which
//! another thread made one takes two lines.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A call that succeeded.
#[derive(Debug)]
pub struct Call {
    pub name: String,
    pub arguments: Vec<Argument>,
    /// The lines at which it began and ended.
    pub begun: usize,
    pub ended: usize,
}

#[derive(Debug, PartialEq)]
pub enum Argument {
    /// A descriptor, with the path of what it leads to.
    Descriptor(PathBuf),
    Text(PathBuf),
    Other(String),
}

impl Call {
    /// The path of an argument that is a descriptor; none has an empty one.
    pub fn path(&self, number: usize) -> &Path {
        match self.arguments.get(number) {
            Some(Argument::Descriptor(path)) => path,
            _ => Path::new(""),
        }
    }

    /// Whether any argument that is neither path nor descriptor holds this word.
    pub fn says(&self, word: &str) -> bool {
        let says =
            |argument: &Argument| matches!(argument, Argument::Other(text) if text.contains(word));
        self.arguments.iter().any(says)
    }

    /// The path that is named by an argument, and perhaps by the one before it: the folder it begins in.
    pub fn named(&self, number: usize, folder: &Path) -> PathBuf {
        let Some(Argument::Text(name)) = self.arguments.get(number) else {
            panic!("expected a path as argument {number} of {self:?}");
        };
        let before = number.checked_sub(1).map_or(Path::new(""), |before| self.path(before));
        if before.as_os_str().is_empty() { folder.join(name) } else { before.join(name) }
    }
}

/// The calls of a whole file, in the order in which they ended.
pub fn calls(text: &str) -> Vec<Call> {
    let mut unfinished: HashMap<&str, (String, usize)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((process, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, (begun.to_owned(), number));
            continue;
        }
        let resumed = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"));
        let (whole, begun) = match resumed {
            Some((_, end)) => {
                let (begin, begun) = unfinished.remove(process).expect("it was begun before");
                (begin + end, begun)
            }
            None => (rest.to_owned(), number),
        };
        calls.extend(call(&whole, begun, number));
    }
    calls
}

/// `None` for what is no call, or failed.
fn call(text: &str, begun: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, rest) = arguments(rest)?;
    let result = rest.trim_start().strip_prefix("= ")?;
    let failed = result.starts_with('-') || result.starts_with('?');
    (!failed).then(|| Call { name: name.to_owned(), arguments, begun, ended })
}

/// What stands between the brackets, and what follows.
fn arguments(text: &str) -> Option<(Vec<Argument>, &str)> {
    let (mut arguments, mut from, mut depth) = (Vec::new(), 0, 0_usize);
    let (mut in_text, mut in_path, mut escaped) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        match byte {
            b'\\' => escaped = true,
            b'"' if !in_path => in_text = !in_text,
            _ if in_text => {}
            b'<' => in_path = true,
            b'>' => in_path = false,
            _ if in_path => {}
            b'(' | b'[' | b'{' => depth += 1,
            b')' if depth == 0 => {
                arguments.push(argument(text[from..at].trim()));
                return Some((arguments, &text[at + 1..]));
            }
            b')' | b']' | b'}' => depth -= 1,
            b',' if depth == 0 => {
                arguments.push(argument(text[from..at].trim()));
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn argument(text: &str) -> Argument {
    if let Some(rest) = text.strip_prefix('"') {
        return Argument::Text(unescaped(rest.trim_end_matches("...").trim_end_matches('"')));
    }
    match text.split_once('<') {
        Some((_, path)) => Argument::Descriptor(unescaped(path.trim_end_matches('>'))),
        None => Argument::Other(text.to_owned()),
    }
}

/// `\"`, `\\`, `\n` and bytes in octal.
fn unescaped(text: &str) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let digits = rest.iter().take(3).take_while(|byte| (b'0'..b'8').contains(byte)).count();
        if digits > 0 {
            let octal = std::str::from_utf8(&rest[..digits]).expect("digits");
            bytes.push(u8::from_str_radix(octal, 8).expect("three digits of a byte"));
            rest = &rest[digits..];
        } else if let [escaped, after @ ..] = rest {
            bytes.push(match escaped {
                b'n' => b'\n',
                b't' => b'\t',
                other => *other,
            });
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_threads_are_put_together() {
        let text = "12 write(3</tmp/a b, (c)>, \"\"..., 5 <unfinished ...>\n\
                    13 fsync(3</tmp/a b, (c)>)   = 0\n\
                    13 renameat2(AT_FDCWD</tmp>, \"x\\\"\\303\\244\", 4</d>, \"y\", RENAME_NOREPLACE) = 0\n\
                    13 openat(AT_FDCWD</tmp>, \"/no\", O_RDONLY) = -1 ENOENT (No such file or directory)\n\
                    12 <... write resumed>)      = 5\n\
                    12 +++ exited with 0 +++\n";
        let calls = calls(text);
        let found: Vec<_> = calls.iter().map(|it| (it.name.as_str(), it.begun, it.ended)).collect();
        assert_eq!(found, [("fsync", 1, 1), ("renameat2", 2, 2), ("write", 0, 4)]);
        assert_eq!(calls[2].path(0), Path::new("/tmp/a b, (c)"));
        assert_eq!(calls[1].named(1, Path::new("/else")), Path::new("/tmp/x\"ä"));
        assert_eq!(calls[1].named(3, Path::new("/else")), Path::new("/d/y"));
        assert!(calls[1].says("RENAME_NOREPLACE"));
    }
}
