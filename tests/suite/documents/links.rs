//! Files that a document names exist.

use super::{files, read, root};

/// Folders of the repository that commands in a document may name files of.
const FOLDERS: [&str; 7] = ["scripts", "packaging", "docs", "bench", "tests", "src", "fuzz"];

/// Runs of indented or fenced lines, without their indentation.
pub fn code_blocks(text: &str) -> Vec<String> {
    let (mut blocks, mut block, mut fenced) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        let indented = line.starts_with("    ") || line.is_empty() && !block.is_empty();
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || indented {
            block += line.trim_start();
            block.push('\n');
            continue;
        }
        if !block.is_empty() {
            blocks.push(std::mem::take(&mut block));
        }
    }
    blocks.push(block);
    blocks.retain(|block| !block.trim().is_empty());
    blocks
}

/// The fenced blocks of one language, as they stand.
pub fn fenced(text: &str, language: &str) -> Vec<String> {
    let (mut blocks, mut block) = (Vec::new(), None::<String>);
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut block) {
            (Some(_), Some(_)) => blocks.extend(block.take()),
            (Some(found), None) => block = (found == language).then(String::new),
            (None, Some(block)) => *block += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// The targets of Markdown links that are files of ours.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    local.map(|target| target.split('#').next().unwrap_or_default().to_owned()).collect()
}

fn documents() -> Vec<String> {
    let top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned);
    top.into_iter().chain(files(&["docs", "bench"], "md")).collect()
}

#[test]
fn links_lead_to_files_that_exist() {
    for document in documents() {
        let folder = root().join(&document);
        let folder = folder.parent().expect("a file has a folder");
        for link in links(&read(&document)) {
            assert!(folder.join(&link).exists(), "{document} links to {link}, which is not there");
        }
    }
}

#[test]
fn commands_name_files_that_exist() {
    let mut seen = 0;
    for document in documents() {
        for block in code_blocks(&read(&document)) {
            for word in block.split(|c: char| c.is_whitespace() || "'\"=():,".contains(c)) {
                let plain = word.bytes().all(|c| c.is_ascii_alphanumeric() || b"./_-".contains(&c));
                let ours = word.split_once('/').is_some_and(|(first, _)| FOLDERS.contains(&first));
                if plain && ours {
                    assert!(
                        root().join(word).exists(),
                        "{document} names {word}, which is not there"
                    );
                    seen += 1;
                }
            }
        }
    }
    assert!(seen >= 2, "only {seen} files are named at all");
}

#[test]
fn code_blocks_are_found_indented_and_fenced() {
    let text = "a\n\n    one\n\n    two\n\nb\n```sh\nthree\n```\nc\n";
    assert_eq!(code_blocks(text), ["one\n\ntwo\n\n", "three\n"]);
    assert_eq!(fenced(text, "sh"), ["three\n"]);
    assert_eq!(fenced("```sh\n  a\n\n```\n```toml\nb\n```\n", "sh"), ["  a\n\n"]);
}
