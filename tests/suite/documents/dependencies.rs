//! Every library that the manifest names stands in the table of how alive they are, with its version in use.

use super::read;

const FILE: &str = "docs/decisions/0001-dependencies.md";

/// The names in the tables of dependencies of a manifest.
fn named(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || line == "[dev-dependencies]";
        } else if inside {
            names.extend(line.split_once(" = ").map(|(name, _)| name));
        }
    }
    names
}

#[test]
fn every_dependency_is_weighed_with_the_version_in_use() {
    let (manifest, lock, page) = (read("Cargo.toml"), read("Cargo.lock"), read(FILE));
    let names = named(&manifest);
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` | ")));
        let row = row.unwrap_or_else(|| panic!("{FILE} has no row for {name}"));
        let version = row.split(" | ").nth(1).unwrap_or_default();
        // Behind a plus there is what somebody else's version it follows.
        let locked =
            ["\"", "+"].map(|end| format!("name = \"{name}\"\nversion = \"{version}{end}"));
        let found = locked.iter().any(|locked| lock.contains(locked));
        assert!(found, "{FILE} has {name} {version}, Cargo.lock has another");
    }
}
