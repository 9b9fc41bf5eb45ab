/// Whether it is the name of a file in a folder: a path would lead out of it.
pub fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != ".."
}

/// The number in `appendonly.aof.3.base.rdb` or `appendonly.aof.12.incr.aof`.
pub fn sequence(name: &str) -> Option<u64> {
    let mut parts = name.rsplit('.').skip(1);
    let kind = parts.next()?;
    let number = parts.next()?;
    (kind == "base" || kind == "incr").then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

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
