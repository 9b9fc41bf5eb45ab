//! The words of a line of `redis.conf` or of an AOF's manifest, and the names of files in them.
//!
//! Both come from the server's host and may hold anything: quotes are taken as the server takes them, and a
//! name that leads out of its folder is none.

/// The words of a line of `redis.conf` or of an AOF's manifest, with quotes and escapes as a server takes them
/// (`sdssplitargs` in the source). `None` when quotes don't match.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut rest = line.as_bytes();
    let mut words = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(words);
        }
        let (word, behind) = word(rest)?;
        words.push(String::from_utf8_lossy(&word).into_owned());
        rest = behind;
    }
}

fn word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    while let Some((&first, behind)) = rest.split_first() {
        match first {
            b'"' | b'\'' => {
                let behind = quoted(first, behind, &mut word)?;
                // Nothing may touch the closing quote.
                let ends = behind.first().is_none_or(u8::is_ascii_whitespace);
                return ends.then_some((word, behind));
            }
            space if space.is_ascii_whitespace() => break,
            other => word.push(other),
        }
        rest = behind;
    }
    Some((word, rest))
}

/// What is behind the closing quote.
fn quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match *rest {
            [] => return None,
            [b'\\', b'x', high, low, ref behind @ ..]
                if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digits = [high, low];
                word.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?);
                rest = behind;
            }
            [b'\\', escaped, ref behind @ ..] if quote == b'"' => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                rest = behind;
            }
            [b'\\', b'\'', ref behind @ ..] if quote == b'\'' => {
                word.push(b'\'');
                rest = behind;
            }
            [end, ref behind @ ..] if end == quote => return Some(behind),
            [other, ref behind @ ..] => {
                word.push(other);
                rest = behind;
            }
        }
    }
}

/// Whether it is the name of a file in a folder: a path would lead out of it.
pub(super) fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != ".."
}

/// The number in `appendonly.aof.3.base.rdb` or `appendonly.aof.12.incr.aof`.
pub(super) fn sequence(name: &str) -> Option<u64> {
    let mut parts = name.rsplit('.').skip(1);
    let kind = parts.next()?;
    let number = parts.next()?;
    (kind == "base" || kind == "incr").then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_server_does() {
        for (line, expected) in [
            ("", &[][..]),
            ("  dir   /var/lib/redis\t", &["dir", "/var/lib/redis"]),
            ("dir \"/a b\"", &["dir", "/a b"]),
            (r#"x "a\x41\n\"\\" 'it\'s \n'"#, &["x", "aA\n\"\\", "it's \\n"]),
            ("x pre\"fix\"", &["x", "prefix"]),
            (r#"x "\xZZ""#, &["x", "xZZ"]),
            ("save \"\"", &["save", ""]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for line in ["x \"a", "x 'a", "x \"a\"b", "x 'a'\"b\"", "x \"a\\"] {
            assert_eq!(words(line), None, "{line}");
        }
    }

    #[test]
    fn the_files_of_an_aof_are_numbered() {
        for (name, expected) in [
            ("appendonly.aof.3.base.rdb", Some(3)),
            ("appendonly.aof.12.incr.aof", Some(12)),
            ("a.b.c.1.base.aof", Some(1)),
            ("appendonly.aof.manifest", None),
            ("appendonly.aof", None),
            ("x.base.rdb", None),
        ] {
            assert_eq!(sequence(name), expected, "{name}");
        }
    }
}
