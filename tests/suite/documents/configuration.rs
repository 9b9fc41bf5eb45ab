//! `docs/configuration.md` is made from the declarations of the settings; with `UPDATE_DOCS=1` in the
//! environment the test writes it.

use std::fmt::Write;
use std::fs;

use seawall::config::{GLOBAL, MEDIA, REPOSITORY, Setting, of_text};

use super::{read, root};

const FILE: &str = "docs/configuration.md";

/// The part between two marks, which name the generated block.
fn marks(name: &str) -> (String, String) {
    (
        format!("<!-- {name}: written by UPDATE_DOCS=1 cargo test --test suite documents -->\n"),
        format!("<!-- {name}: end -->"),
    )
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Of the whole process: also as a variable, and as a flag.
fn global() -> String {
    let mut table = "| key | environment | value | default | what it is |\n".to_owned();
    table.push_str("| --- | --- | --- | --- | --- |\n");
    for setting in GLOBAL.iter() {
        let variable = format!(" `{}` |", setting.variable());
        table.push_str(&row(setting, &variable));
    }
    table
}

/// Of one repository or media set: in the file alone.
fn in_file(settings: &[Setting]) -> String {
    let mut table =
        "| key | value | default | what it is |\n| --- | --- | --- | --- |\n".to_owned();
    settings.iter().for_each(|setting| table.push_str(&row(setting, "")));
    table
}

fn row(setting: &Setting, variable: &str) -> String {
    let default = match setting.default {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    let (kind, help) = (cell(&setting.kind.describe()), cell(setting.help));
    let mut row = String::new();
    write!(row, "| `{}` |{variable} {kind} | {default} | {help} |", setting.key).expect("a text");
    row.replace("  ", " ") + "\n"
}

fn with_block(text: &str, name: &str, block: &str) -> String {
    let (begin, end) = marks(name);
    let (before, rest) =
        text.split_once(&begin).unwrap_or_else(|| panic!("no {begin:?} in {FILE}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end:?} in {FILE}"));
    format!("{before}{begin}\n{block}\n{end}{after}")
}

#[test]
fn the_reference_lists_every_setting_as_it_is_declared() {
    let found = read(FILE);
    let expected = with_block(&found, "settings", &global());
    let expected = with_block(&expected, "repository settings", &in_file(REPOSITORY));
    let expected = with_block(&expected, "media settings", &in_file(MEDIA));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join(FILE), &expected).expect("a checkout that may be written to");
    } else {
        assert!(
            found == expected,
            "{FILE} is out of date\nHINT: UPDATE_DOCS=1 brings it up to date"
        );
    }
}

#[test]
fn the_sample_file_is_valid_with_and_without_its_suggestions() {
    let text = read("packaging/seawall.toml");
    of_text(&text).expect("valid as it is");
    // `#key = value` is a suggestion, `# words` is prose.
    let suggestion = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| !first.is_whitespace()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    let all: Vec<String> = text.lines().map(suggestion).collect();
    let all = all.join("\n");
    let resolved = of_text(&all).unwrap_or_else(|error| panic!("{error}\n{all}"));
    assert!(resolved.repositories.len() > 1, "{all}");
}

/// Indented or fenced, by the tables that such examples have.
#[test]
fn the_examples_in_the_documents_are_valid() {
    let mut examples = 0;
    for file in ["README.md", FILE] {
        for block in super::links::code_blocks(&read(file)) {
            if ["[[repository]]", "[retention]", "[media."].iter().any(|it| block.contains(it)) {
                of_text(&block).unwrap_or_else(|error| panic!("{file}: {error}\n{block}"));
                examples += 1;
            }
        }
    }
    assert!(examples >= 3, "only {examples} examples found");
}
