//! The book that mdBook makes of `docs/`: its table of contents names every page, and a link that works on the forge works in
//! the book.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use super::{files, read, root};
use crate::support::installed::program;
use crate::support::place::Place;

const SUMMARY: &str = "docs/SUMMARY.md";

/// Texts and targets of Markdown links, without those in code.
fn links(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if fenced || line.starts_with("    ") {
            continue;
        }
        // What stands between backticks is every second part.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (at, _) in prose.match_indices("](") {
            let text = prose[..at].rsplit('[').next().unwrap_or_default();
            let target = prose[at + 2..].split(')').next().unwrap_or_default();
            found.push((text.to_owned(), target.to_owned()));
        }
    }
    found
}

/// A relative path as seen from a page, as a path in the repository.
fn resolved(page: &str, target: &str) -> String {
    let folder = Path::new(page).parent().expect("a file has a folder");
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => {
                assert!(path.pop(), "{page}: {target} leads out of the repository")
            }
            part => path.push(part),
        }
    }
    path.to_str().expect("plain").to_owned()
}

/// The name of a heading in an address, as mdBook and forges make it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(['`', '*'], "");
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().trim().replace(' ', "-")
}

fn anchors(page: &str) -> BTreeSet<String> {
    let text = read(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

fn pages() -> BTreeSet<String> {
    files(&["docs"], "md").into_iter().filter(|page| page != SUMMARY).collect()
}

#[test]
fn the_summary_names_every_page_once() {
    let named = links(&read(SUMMARY)).into_iter().map(|(_, target)| resolved(SUMMARY, &target));
    let named: Vec<String> = named.collect();
    let once: BTreeSet<String> = named.iter().cloned().collect();
    assert_eq!(named.len(), once.len(), "{SUMMARY} names a page twice: {named:?}");
    let missing: Vec<_> = pages().difference(&once).cloned().collect();
    assert!(
        missing.is_empty(),
        "{SUMMARY} does not name {missing:?}: add a line where they belong"
    );
    let gone: Vec<_> = once.difference(&pages()).cloned().collect();
    assert!(gone.is_empty(), "{SUMMARY} names {gone:?}, which are not there");
}

/// A page of the book may lead to pages and pictures below `docs` only: the book has no other files.
#[test]
fn links_of_pages_work_on_the_forge_and_in_the_book() {
    let mut seen = 0;
    for page in pages() {
        for (text, target) in links(&read(&page)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            assert!(!text.is_empty() || target.ends_with(".png"), "{page}: {target} has no text");
            let (path, wanted) = target.split_once('#').unwrap_or((target.as_str(), ""));
            let to = if path.is_empty() { page.clone() } else { resolved(&page, path) };
            assert!(
                to.starts_with("docs/"),
                "{page} links to {target}, which the book does not have"
            );
            assert!(root().join(&to).is_file(), "{page} links to {target}, which is no file");
            if !wanted.is_empty() {
                assert!(anchors(&to).contains(wanted), "{page}: {to} has no heading #{wanted}");
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} links were seen at all");
}

#[test]
fn each_page_begins_with_its_title() {
    for page in pages() {
        let text = read(&page);
        let title = text.lines().next().unwrap_or_default();
        assert!(title.starts_with("# ") && title.len() > 4, "{page} begins with {title:?}");
        assert_eq!(text.matches("\n# ").count(), code_comments(&text), "{page} has two titles");
    }
}

/// Lines of code that begin so.
fn code_comments(text: &str) -> usize {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        fenced ^= line.starts_with("```");
        fenced && line.starts_with("# ")
    });
    lines.count()
}

/// With mdBook itself: nothing to warn of, every page in the book and in its search, every link and picture there.
#[test]
fn mdbook_builds_it_without_a_dead_link() {
    let mdbook = program("SEAWALL_MDBOOK");
    let place = Place::new();
    let book = place.path().join("book");
    let outcome =
        Command::new(&mdbook).args(["build", "--dest-dir"]).arg(&book).arg(root()).output();
    let outcome = outcome.expect("mdbook runs");
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success() && said.contains(" INFO "), "{outcome:?}");
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    let search = search_index(&book);
    let mut seen = 0;
    for page in pages() {
        let address = page["docs/".len()..].replace(".md", ".html");
        let html = fs::read_to_string(book.join(&address));
        let html = html.unwrap_or_else(|error| panic!("{address}: {error}"));
        assert!(search.contains(&format!("{address}#")), "the search does not find {address}");
        for target in addresses(&html) {
            seen += 1;
            assert_there(&book, &address, &target);
        }
    }
    assert!(seen > 1000, "only {seen} links were seen at all");
}

/// The file that the search of the book looks into.
fn search_index(book: &Path) -> String {
    let files = fs::read_dir(book).expect("a book").flatten().map(|entry| entry.path());
    let mut indexes = files.filter(|path| {
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        name.starts_with("searchindex") && name.ends_with(".js")
    });
    fs::read_to_string(indexes.next().expect("a search index")).expect("text")
}

/// What a page of HTML links to and shows.
fn addresses(html: &str) -> Vec<String> {
    let of = |name: &str| {
        let parts = html.split(name).skip(1).filter_map(|it| it.split('"').next());
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    [of(" href=\""), of(" src=\"")].concat()
}

/// A file of the book and, behind a `#`, a heading of it.
fn assert_there(book: &Path, page: &str, target: &str) {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    if path.contains(':') {
        return;
    }
    let file = match path {
        "" => book.join(page),
        path => book.join(page).parent().expect("a folder").join(path),
    };
    assert!(file.is_file(), "{page} links to {target}, which is not there");
    if !heading.is_empty() && path.ends_with(".html") {
        let html = fs::read_to_string(&file).expect("text");
        assert!(
            html.contains(&format!("id=\"{heading}\"")),
            "{page}: {target} has no such heading"
        );
    }
}

/// People build it with the version that is tried here.
#[test]
fn one_version_of_mdbook_is_named() {
    let script = read("scripts/install-servers.sh");
    let version = script.lines().find_map(|line| line.strip_prefix("mdbook_version="));
    let version = version.and_then(|it| it.split(' ').next()).expect("a version");
    let command = format!("cargo install mdbook --version {version} --locked");
    for file in ["book.toml", "docs/index.md"] {
        assert!(read(file).contains(&command), "{file} does not say: {command}");
    }
}

#[test]
fn a_link_is_found_and_code_is_none() {
    let text = "[a](b.md) and `[c](d.md)`\n\n    [e](f.md)\n\n```\n[g](h.md)\n```\n[i](j.md#k)\n";
    let pair = |text: &str, target: &str| (text.to_owned(), target.to_owned());
    assert_eq!(links(text), [pair("a", "b.md"), pair("i", "j.md#k")]);
    assert_eq!(resolved("docs/runbooks/a.md", "../b.md"), "docs/b.md");
    assert_eq!(anchor(" What is `kept`, and why"), "what-is-kept-and-why");
}
