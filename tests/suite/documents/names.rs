//! A name stands for one thing: no two types of the library share one, and a file that is called as a verb of the
//! programs is where that verb is.

use std::collections::BTreeMap;

use super::tidy::{is_a_test, without_tests};
use super::{files, read, root};

/// Each is a file in the folder of each program that has it.
const VERBS: [&str; 9] =
    ["create", "delete", "drill", "list", "pin", "prune", "restore", "show", "verify"];

/// The types that a file declares, but for names that it gives to a type of that very name.
fn declared(text: &str) -> Vec<&str> {
    fn declaration(line: &str) -> Option<(&str, &str)> {
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        let line = line.strip_prefix("pub(super) ").unwrap_or(line);
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let kinds = ["struct ", "enum ", "trait ", "union ", "type "];
        let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        Some(rest.split_at(end.unwrap_or(rest.len())))
    }
    let own = text
        .lines()
        .filter_map(declaration)
        .filter(|(name, rest)| !rest.contains(&format!("::{name}")));
    own.map(|(name, _)| name).collect()
}

#[test]
fn no_two_types_share_a_name() {
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files(&["src"], "rs").into_iter().filter(|file| !is_a_test(file)) {
        let text = read(&file);
        for name in declared(without_tests(&text)) {
            types.entry(name.to_owned()).or_default().push(file.clone());
        }
    }
    types.retain(|_, files| files.len() > 1);
    assert!(types.is_empty(), "{types:#?}");
    let text =
        "pub struct A<T>(T);\nenum B {\n    type C = u8;\npub type D = a::D<u8>;\ntype E = a::F;";
    assert_eq!(declared(text), ["A", "B", "E"]);
}

/// Elsewhere such a name is that of a room, which is a file and a folder.
#[test]
fn a_file_called_as_a_verb_is_where_the_verb_is() {
    for file in files(&["src"], "rs").into_iter().filter(|file| !file.starts_with("src/command/")) {
        let path = file.trim_end_matches(".rs");
        let name = path.rsplit('/').next().expect("a name");
        let room = root().join(path).is_dir();
        assert!(room || !VERBS.contains(&name), "{file}: verbs are in src/command");
    }
}
