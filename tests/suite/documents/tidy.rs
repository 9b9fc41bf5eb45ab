//! Rules that no compiler knows, read off the source.

use super::{files, read};

const LINES_MAX: usize = 450;

/// Where a panic is meant, with the reason.
const MAY_PANIC: [(&str, &str); 1] =
    [("src/failpoint.rs", "debug builds only: a test that misspells its failpoint must not pass")];

/// What stands before the tests of a file.
pub fn without_tests(text: &str) -> &str {
    let module = |at: &usize| text[*at..].lines().nth(1).is_some_and(|line| line.contains("mod "));
    let tests = text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(module);
    &text[..tests.unwrap_or(text.len())]
}

#[test]
fn no_source_file_is_long() {
    for file in files(&["src"], "rs") {
        let lines = read(&file).lines().count();
        assert!(lines <= LINES_MAX, "{file} has {lines} lines, at most {LINES_MAX} are allowed");
    }
}

#[test]
fn nothing_is_left_for_later() {
    // In two parts, so that this file does not hold them.
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|parts| parts.concat());
    let calls = [["todo", "!"], ["unimplemented", "!"], ["dbg", "!"], ["#[ig", "nore"]];
    let calls = calls.map(|parts| parts.concat());
    let sources = files(&["src", "tests", "fuzz/fuzz_targets"], "rs");
    for file in sources.into_iter().chain(files(&["scripts"], "sh")) {
        for (number, line) in read(&file).lines().enumerate() {
            let word = |word: &str| words.iter().any(|mark| mark == word);
            let marked = line.split(|c: char| !c.is_alphanumeric()).any(word);
            let called = calls.iter().any(|call| line.contains(call.as_str()));
            assert!(!marked && !called, "{file}:{}: {line}", number + 1);
        }
    }
}

/// What only unit tests have, beside the files and folders of tests.
const FOR_TESTS: [&str; 2] = ["src/made_up.rs", "src/media_backup/samples.rs"];

/// A file or a folder of tests beside the module that they test, or what they share.
pub fn is_a_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/") || FOR_TESTS.contains(&file)
}

#[test]
fn the_library_does_not_unwrap() {
    for file in files(&["src"], "rs").into_iter().filter(|file| !is_a_test(file)) {
        let text = read(&file);
        let panics = [".unwrap()", ".expect(", "panic!("];
        let found = panics.iter().find(|call| without_tests(&text).contains(**call));
        let allowed = MAY_PANIC.iter().any(|(name, _)| *name == file);
        assert!(found.is_none() || allowed, "{file} has {}", found.unwrap_or(&""));
        assert!(found.is_some() || !allowed, "{file} needs no exception any more");
    }
}

/// Where no thread can be had, these panic.
#[test]
fn threads_are_started_in_one_place() {
    let calls = [
        "thread::spawn(",
        "scope.spawn(",
        "spawn_blocking(",
        "new_multi_thread(",
        "steady_tick(",
        "spawn_scoped(",
    ];
    for file in files(&["src"], "rs").into_iter().filter(|file| !is_a_test(file)) {
        let text = read(&file);
        let found = calls.iter().find(|call| without_tests(&text).contains(**call));
        assert!(found.is_none() || file == "src/threads.rs", "{file} has {}", found.unwrap_or(&""));
    }
}

/// Who opens a file reads there what it is for, before any line of code.
#[test]
fn every_file_begins_with_what_it_is_for() {
    for file in files(&["src"], "rs") {
        assert!(read(&file).starts_with("//!"), "{file} does not begin with //!");
    }
}

/// Who reads the source meets paths of a repository, not of somebody's machine.
#[test]
fn no_file_names_a_home_folder() {
    let all = files(&["src", "tests", "docs", "fuzz/fuzz_targets"], "rs");
    for file in all.into_iter().chain(files(&["docs", "bench"], "md")) {
        for home in [["/ho", "me/"], ["/ro", "ot/"]].map(|parts| parts.concat()) {
            assert!(!read(&file).contains(&home), "{file} names {home}");
        }
    }
}

/// Times are told in UTC, whatever the host. Its zone counts only where somebody types a time.
#[test]
fn the_zone_of_the_host_is_asked_for_in_one_place() {
    let asks = ["TimeZone::system", "TimeZone::try_system", "Zoned::now", "get_current_zone"];
    let elsewhere = |file: &String| file != "src/basebackup/restore/target_time.rs";
    for file in files(&["src"], "rs").into_iter().filter(elsewhere) {
        let found = asks.iter().find(|call| read(&file).contains(**call));
        assert!(found.is_none(), "{file} has {}", found.unwrap_or(&""));
    }
}
