//! The shell in which a page is read: the blocks of README.md, and those of the page.

use crate::documents::{fenced, read};

/// Of a line `NAME=value` the name.
fn name_of(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    let all = |letter: char| letter.is_ascii_uppercase() || "_0123456789".contains(letter);
    (!name.is_empty() && name.chars().all(all)).then_some(name)
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// The blocks for every host, for this kind of it, and for the private key, with these values. All that the blocks set at the
/// beginning of a line has to be given, and nothing else.
#[track_caller]
pub fn set_up(kind: &str, values: &[(&str, String)]) -> String {
    let page = read("docs/runbooks/README.md");
    let mut script = "set -eu\nset -o pipefail\n".to_owned();
    let mut names = Vec::new();
    for chapter in ["For every host", kind, "The private key"] {
        let (_, rest) = page.split_once(&format!("\n### {chapter}\n")).expect(chapter);
        let block = fenced(rest, "sh").into_iter().next().expect("a block");
        for line in block.lines() {
            let name = name_of(line);
            let value = values.iter().find(|(known, _)| name == Some(known));
            match value {
                Some((name, value)) => script += &format!("{name}={}\n", quoted(value)),
                None => script += &format!("{line}\n"),
            }
            names.extend(name.map(str::to_owned));
        }
    }
    let given: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, given, "what README.md sets");
    script
}

/// All blocks of a page. What its first one sets has to be given, and nothing else.
#[track_caller]
pub fn page(name: &str, values: &[(&str, &str)]) -> String {
    let text = read(format!("docs/runbooks/{name}.md"));
    let (_, first) = text.split_once("\n## 1. Say where things are").expect("a first step");
    let first = first.lines().nth(2).expect("a line");
    assert!(first.starts_with("Copy the three blocks of [README.md](README.md#set-up"), "{first}");
    let mut blocks = fenced(&text, "sh");
    let settings = blocks[0].lines().all(|line| name_of(line).is_some());
    let set = if settings { blocks.remove(0) } else { String::new() };
    let names: Vec<&str> = set.lines().filter_map(name_of).collect();
    let given: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, given, "what {name} sets");
    assert!(blocks.len() > 2, "{name} has only {} blocks", blocks.len());
    let set = values.iter().map(|(name, value)| format!("{name}={}\n", quoted(value)));
    // A block ends with its last line: what a heredoc began must not swallow the next one.
    set.collect::<String>() + &blocks.join("\n")
}

/// The blocks of a chapter of a page.
#[track_caller]
pub fn chapter(name: &str, heading: &str) -> String {
    let text = read(format!("docs/runbooks/{name}.md"));
    let (_, rest) = text.split_once(&format!("\n## {heading}")).expect(heading);
    fenced(rest.split("\n## ").next().unwrap_or_default(), "sh").join("\n")
}
