//! Folders in a tablespace: each version of the server has its own (`TABLESPACE_VERSION_DIRECTORY` in `relpath.h`).

/// The major version that a folder of this name belongs to, as in `PG_18_202506291`; `None` for any other name.
pub fn tablespace_folder_version(name: &str) -> Option<u32> {
    let (version, catalogue) = name.strip_prefix("PG_")?.split_once('_')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Until 9.6 a major version had two numbers.
    let mut numbers = version.splitn(2, '.');
    let major = numbers.next().filter(|text| is_number(text))?;
    let known = numbers.next().is_none_or(is_number) && is_number(catalogue);
    known.then(|| major.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_are_no_versions() {
        assert_eq!(tablespace_folder_version("PG_18_202506291"), Some(18));
        assert_eq!(tablespace_folder_version("PG_9.6_201608131"), Some(9));
        for name in [
            "PG_18_",
            "PG_18",
            "PG__1",
            "PG_18_1.old-20261122T203000Z",
            "pg_18_1",
            "PG_+18_1",
            ".ssh",
        ] {
            assert_eq!(tablespace_folder_version(name), None, "{name}");
        }
    }
}
