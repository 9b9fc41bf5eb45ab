//! Which versions of PostgreSQL are supported is said in one way, `src/postgres/version.rs`.

use seawall::postgres::{SUPPORTED, SUPPORTED_IN_WORDS};

use super::{files, read};

/// `15 to 19` as the numbers in it, where they may be major versions.
fn ranges(text: &str) -> Vec<(usize, u32, u32)> {
    let words: Vec<(usize, &str)> = text
        .split_whitespace()
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
        .collect();
    let number = |word: &str| -> Option<u32> {
        let word = word.trim_matches(|c: char| !c.is_ascii_digit());
        word.parse().ok().filter(|number| (9..40).contains(number))
    };
    let range = |three: &[(usize, &str)]| match three {
        [(at, first), (_, "to" | "and" | "-" | "–"), (_, last)] => {
            Some((*at, number(first)?, number(last)?))
        }
        _ => None,
    };
    let spread = words.windows(3).filter_map(range);
    let tight = words.iter().filter_map(|(at, word)| {
        let (first, last) = word.split_once("..=").or(word.split_once(['-', '–']))?;
        Some((*at, number(first)?, number(last)?))
    });
    spread.chain(tight).filter(|(_, first, last)| first < last).collect()
}

/// One line of words, without the marks of comments.
fn in_one_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!', '#']));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn no_other_range_of_versions_is_named() {
    let mut named = 0;
    let folders = ["src", "docs", "tests/suite/documents", "packaging", "scripts", "bench"];
    let kinds = ["rs", "md", "sh", "toml", "py"];
    let below = kinds.iter().flat_map(|kind| files(&folders, kind));
    let above = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned);
    // This file tells them apart.
    for file in below.chain(above).filter(|file| !file.ends_with("documents/versions.rs")) {
        let text = in_one_line(&read(&file));
        for (at, first, last) in ranges(&text) {
            let before = text[..at].trim_end();
            if !["PostgreSQL", "versions", "version"].iter().any(|word| before.ends_with(word)) {
                continue;
            }
            assert_eq!(
                first..=last,
                SUPPORTED,
                "{file}: …{}",
                &text[at..].chars().take(40).collect::<String>()
            );
            named += 1;
        }
    }
    assert!(named > 5, "only {named} are left: is this test still looking at the documents?");
}

/// Who looks for it finds it.
#[test]
fn the_documents_name_it() {
    let pages = [
        "README.md",
        "docs/check.md",
        "docs/doctor.md",
        "docs/restore-by-hand.md",
        "docs/runbooks/README.md",
        "docs/runbooks/major-upgrade.md",
    ];
    for page in pages {
        let text = in_one_line(&read(page));
        assert!(text.contains(SUPPORTED_IN_WORDS), "{page} does not say {SUPPORTED_IN_WORDS}");
    }
}

#[test]
fn ranges_are_seen() {
    let found = |text: &str| -> Vec<(u32, u32)> {
        ranges(text).into_iter().map(|(_, first, last)| (first, last)).collect()
    };
    assert_eq!(found("PostgreSQL 14 to 18, versions 13-17."), [(14, 18), (13, 17)]);
    assert_eq!(found("(15..=19) 15–18 1 to 125"), [(15, 19), (15, 18)]);
    assert_eq!(found("2026-11-29 18.6 to 19.1"), []);
}
