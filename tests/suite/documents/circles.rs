//! The files of a folder stand in an order too: none needs one that needs it. Where two do, they are one thing in two files.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, read};

type Needs = BTreeMap<String, BTreeSet<String>>;

/// What follows `super::` in a file, of a group of names each one. Unit tests may use anything.
fn named(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // The parent's parent has other files beside it.
    let after = text.match_indices("super::").filter(|(at, _)| !text[..*at].ends_with("super::"));
    let named = after.flat_map(|(at, prefix)| {
        let rest = &text[at + prefix.len()..];
        let group = rest.strip_prefix('{').map(|group| group.split('}').next().unwrap_or_default());
        group.or_else(|| rest.split(|c| !word(c)).next()).unwrap_or_default().split(|c| !word(c))
    });
    named.map(str::to_owned).collect()
}

/// The files of each folder below `src`, with those beside them that they name.
fn folders() -> BTreeMap<String, Needs> {
    let mut all: BTreeMap<String, Needs> = BTreeMap::new();
    for file in files(&["src"], "rs") {
        let Some((folder, name)) = file.rsplit_once('/').filter(|(folder, _)| *folder != "src")
        else {
            continue;
        };
        let name = name.trim_end_matches(".rs").to_owned();
        all.entry(folder.to_owned()).or_default().insert(name, named(&read(&file)));
    }
    for needs in all.values_mut() {
        let known: BTreeSet<String> = needs.keys().cloned().collect();
        needs.iter_mut().for_each(|(name, beside)| {
            beside.retain(|other| other != name && known.contains(other));
        });
    }
    all
}

/// Whether the way from a file leads back to it.
fn is_in_a_circle(needs: &Needs, name: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![name]);
    while let Some(at) = next.pop() {
        for beside in &needs[at] {
            if beside == name {
                return true;
            }
            if seen.insert(beside) {
                next.push(beside);
            }
        }
    }
    false
}

#[test]
fn no_file_needs_one_beside_it_that_needs_it() {
    for (folder, needs) in folders() {
        let circle: Vec<&String> =
            needs.keys().filter(|name| is_in_a_circle(&needs, name)).collect();
        assert!(circle.is_empty(), "{folder}: {circle:?} need each other");
    }
}

#[test]
fn a_circle_is_found_over_several_files() {
    let needs = [("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["a"]), ("d", vec!["a"])];
    let needs: Needs = needs
        .into_iter()
        .map(|(name, beside)| (name.to_owned(), beside.into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(
        ["a", "b", "c", "d"].map(|name| is_in_a_circle(&needs, name)),
        [true, true, true, false]
    );
    let text = "use super::{a::B, c};\nfn f() { super::d::g() + super::super::f::h() }\n#[cfg(test)]\nmod tests {\n use super::e;\n}";
    let named = named(text);
    assert!(["a", "c", "d"].iter().all(|name| named.contains(*name)) && !named.contains("e"));
    assert!(!named.contains("f"));
}
