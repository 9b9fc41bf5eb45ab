//! What the packages say of the work of others that is linked in: every crate is named, its licence is one that `deny.toml` allows,
//! and what the `.rpm` says of itself is true.

#[path = "../../../packaging/notices/src/components.rs"]
mod components;
#[path = "../../../packaging/notices/src/copyright.rs"]
mod copyright;
#[path = "../../../packaging/notices/src/crates.rs"]
mod crates;
#[path = "../../../packaging/notices/src/expression.rs"]
mod expression;
#[path = "../../../packaging/notices/src/text.rs"]
mod text;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

use components::Component;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// As the program has it.
#[allow(clippy::unnecessary_wraps, reason = "the program's own may fail")]
fn read(path: &str) -> Result<String> {
    Ok(super::read(path))
}

fn root() -> PathBuf {
    super::root().to_owned()
}

fn triple() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

fn all() -> Vec<Component> {
    components::all(&triple()).unwrap()
}

/// What cargo links, told in another way.
fn tree() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,no-proc-macro"])
        .args(["--target", &triple(), "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let words = |line: &str| -> String { line.split(' ').take(2).collect::<Vec<_>>().join(" ") };
    lines.lines().map(|line| words(line).replace(" v", " ")).collect()
}

#[test]
fn every_crate_that_is_linked_is_named() {
    let notices = text::text(&all()).unwrap();
    let named: BTreeSet<&str> = notices.lines().collect();
    let tree = tree();
    assert!(tree.len() > 200, "{tree:?}");
    for name in tree.iter().filter(|name| !name.starts_with("seawall ")) {
        assert!(named.contains(name.as_str()), "{name} is not named");
    }
    for words in [
        "OpenSSL ",
        "glibc ",
        "libgcc ",
        "rust-std ",
        "PostgreSQL Global Development Group",
        "GNU LESSER GENERAL PUBLIC LICENSE",
        "scripts/build-static.sh",
        "Meta Platforms",
        "BoringSSL",
        "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION",
    ] {
        assert!(notices.contains(words), "no {words}");
    }
}

#[test]
fn every_notice_is_there_and_allowed() {
    let deny = read("deny.toml").unwrap();
    for Component { name, licence, holders, texts, .. } in all() {
        let apache = expression::taken(&licence) == [["Apache-2.0"]];
        assert!(!holders.is_empty() && (apache || !texts.is_empty()), "{name}: {licence}");
        // Neither is a crate.
        let of_machine = ["glibc", "libgcc"].contains(&name.as_str());
        for id in expression::licences(&licence).iter().filter(|_| !of_machine) {
            assert!(deny.contains(&format!("    \"{id}\",\n")), "{name}: {id}");
        }
    }
}

#[test]
fn the_rpm_names_all_licences() {
    let of_all: BTreeSet<String> =
        all().iter().flat_map(|it| expression::licences(&it.licence)).collect();
    let manifest = read("Cargo.toml").unwrap();
    let tag = manifest.lines().find_map(|line| line.strip_prefix("license = \"(")).unwrap();
    let tag = tag.trim_end_matches('"').replace([')', '('], "").replace(" OR ", " AND ");
    let tag: BTreeSet<String> = tag.split(" AND ").map(str::to_owned).collect();
    assert_eq!(tag, of_all);
}

/// Each licence that is named has a paragraph, and no paragraph is of one that nothing has.
#[test]
fn the_copyright_file_of_the_deb_is_whole() {
    let text = copyright::text(&all()).unwrap();
    assert!(text.starts_with(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
    ));
    let (mut named, mut told) = (BTreeSet::new(), BTreeSet::new());
    for paragraph in text.split("\n\n") {
        let licence = paragraph.lines().find_map(|line| line.strip_prefix("License: "));
        let Some(licence) = licence else { continue };
        if paragraph.starts_with("License: ") {
            told.insert(licence.to_owned());
        } else {
            assert!(paragraph.contains("\nCopyright: "), "{paragraph}");
            named.extend(licence.replace(" and ", " or ").split(" or ").map(str::to_owned));
        }
    }
    assert_eq!(told, named);
    assert!(named.len() > 8, "{named:?}");
    // In a field a line that is not indented would begin another one.
    for line in text.lines().filter(|line| !line.is_empty()) {
        let field = |name: &str| line.starts_with(name);
        let known = ["Format:", "Upstream-Name:", "Comment:", "Files:", "Copyright:", "License:"];
        assert!(line.starts_with(' ') || known.into_iter().any(field), "{line:?}");
    }
}
