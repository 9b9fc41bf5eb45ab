//! What chapters say by example: configurations are read by the program, and retention keeps what the page says.

use seawall::config::{Config, of_text};

use super::links::code_blocks;
use super::read;
use crate::report::scene::Past;

const HOUR: u64 = 3600;

/// Blocks of a page that are configurations, each for itself.
fn configurations(page: &str) -> Vec<String> {
    let blocks = code_blocks(&read(page));
    blocks.into_iter().filter(|block| block.starts_with('[') || block.contains("\n[[")).collect()
}

#[test]
fn configurations_in_chapters_are_read() {
    let mut seen = 0;
    for page in ["retention", "several-clusters", "s3-providers", "report", "standby", "sizing"] {
        for block in configurations(&format!("docs/{page}.md")) {
            // Two files in one block begin with their names.
            for file in block.split("# /etc/seawall/") {
                let text = file.split_once(".toml\n").map_or(file, |(_, text)| text);
                // An example of one table is no whole file.
                let text = match text.contains("[[repository]]") {
                    true => text.to_owned(),
                    false => format!("{text}\n[[repository]]\nurl = \"/backups\"\n"),
                };
                let resolved = of_text(&text);
                let resolved = resolved.unwrap_or_else(|error| panic!("{page}: {error}\n{text}"));
                let config = Config::from_resolved(&resolved);
                config.unwrap_or_else(|error| panic!("{page}: {error}\n{text}"));
                seen += 1;
            }
        }
    }
    assert!(seen >= 7, "only {seen} configurations were seen");
}

/// Of a base backup every night for 45 nights, 30 days of recovery need those within them and the one before.
#[test]
fn thirty_days_of_recovery_keep_what_the_chapter_says() {
    let page = read("docs/retention.md");
    let (_, example) = page.split_once("## 30 days").expect("the chapter");
    let example = code_blocks(example).into_iter().next().expect("its configuration");
    let words: Vec<&str> = page.split_whitespace().collect();
    assert!(words.join(" ").contains("there are about 31 of them"), "{page}");
    let past = Past::new();
    past.wal(1, 1..=1100, HOUR, 60);
    for night in 0..45 {
        let ago = night * 24 * HOUR + 2 * HOUR;
        past.backup(1, 1100 - ago / HOUR, ago, "nightly");
    }
    past.laid.configure(&example);
    let outcome = past.laid.basebackup("prune").arg("--dry-run").run();
    outcome.expect(0);
    let kept = outcome.stdout.lines();
    let kept = kept.filter(|line| line.starts_with("keep ") && line.contains("-4f2a ")).count();
    assert_eq!(kept, 31, "{outcome}");
}
