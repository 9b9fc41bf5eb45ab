//! The table of modules in ARCHITECTURE.md is what the source does: each module uses what its row names, and what it
//! names stands in a row below.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, read};

/// What a row may say instead of names.
const EVERYTHING_BELOW: &str = "everything below";

struct Row {
    modules: Vec<String>,
    /// None: everything below.
    uses: Option<BTreeSet<String>>,
}

/// The names in backticks, without what stands for the files below them.
fn names(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.map(|name| name.trim_end_matches("::*").trim_end_matches("/*").to_owned()).collect()
}

fn table() -> Vec<Row> {
    let text = read("ARCHITECTURE.md");
    let rows = text.lines().skip_while(|line| !line.starts_with("| module ")).skip(2);
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let &[modules, _, uses] = cells.as_slice() else { panic!("not three cells: {line}") };
        let uses = (uses != EVERYTHING_BELOW).then(|| names(uses).into_iter().collect());
        Row { modules: names(modules), uses }
    };
    rows.take_while(|line| line.starts_with('|')).map(row).collect()
}

/// What follows each `crate::`, of a group of names each one.
fn used(text: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut found = BTreeSet::new();
    for (at, prefix) in text.match_indices("crate::") {
        let rest = &text[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut starts = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                _ if starts && !c.is_whitespace() => {
                    found.insert(word(&group[at..]));
                    starts = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// The modules of the library, each with the others that its files name.
fn modules() -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(&["src"], "rs") {
        let below = file.trim_start_matches("src/");
        let name = below.split('/').next().expect("a name").trim_end_matches(".rs");
        if name != "lib" && name != "bin" {
            all.entry(name.to_owned()).or_default().extend(used(&read(&file)));
        }
    }
    let known: BTreeSet<String> = all.keys().cloned().collect();
    for (name, uses) in &mut all {
        uses.retain(|used| used != name && known.contains(used));
    }
    all
}

#[test]
fn arrows_are_what_the_table_says_and_point_down() {
    let table = table();
    let modules = modules();
    let last = table.len() - 1;
    let floor = |name: &str| table.iter().position(|row| row.modules.iter().any(|m| m == name));
    for (name, uses) in &modules {
        let at = floor(name).unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for {name}"));
        // Of the last row everybody makes use, and its modules of each other.
        let uses = uses.iter().filter(|used| floor(used) != Some(last));
        let uses: BTreeSet<String> = uses.cloned().collect();
        for used in &uses {
            let below = floor(used).is_some_and(|floor| floor > at);
            assert!(below, "{name} uses {used}, which does not stand below it in ARCHITECTURE.md");
        }
        if let Some(said) = &table[at].uses {
            assert_eq!(said, &uses, "what ARCHITECTURE.md says that {name} uses");
        }
    }
    for row in table.iter().flat_map(|row| &row.modules).filter(|name| *name != "bin") {
        assert!(modules.contains_key(row), "ARCHITECTURE.md has a row for {row}, src has none");
    }
}

#[test]
fn a_group_of_names_is_read_name_by_name() {
    let text = "use crate::{a::{self, b}, c, d_1::E};\nuse crate::f::g; crate::h(1)";
    let expected = ["a", "c", "d_1", "f", "h"].map(str::to_owned);
    assert_eq!(used(text), BTreeSet::from(expected));
}
