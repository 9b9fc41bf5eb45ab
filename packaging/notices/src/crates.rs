//! The crates that are linked, as cargo resolves them, and the notices in their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::components::Component;
use super::expression::licences;
use super::{Result, read, root};

/// Folders of a crate of which nothing is linked.
const NOT_LINKED: [&str; 5] = ["tests", "test", "benches", "examples", "target"];

/// libpq's source comes without the file in which PostgreSQL has this.
const POSTGRESQL: [&str; 2] = [
    "Portions Copyright (c) 1996-2025, The PostgreSQL Global Development Group",
    "Portions Copyright (c) 1994, The Regents of the University of California",
];

/// All but our own, and but what only builds the rest.
pub fn linked(triple: &str) -> Result<Vec<Component>> {
    let metadata = metadata(triple)?;
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).map(|it| (text(&it["id"]), it)).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).map(|it| (text(&it["id"]), it)).collect();
    let root = text(&metadata["resolve"]["root"]);
    let (mut seen, mut left) = (BTreeSet::from([root]), vec![root]);
    while let Some(id) = left.pop() {
        for dependency in nodes.get(id).into_iter().flat_map(|node| list(&node["deps"])) {
            let is_linked = list(&dependency["dep_kinds"]).any(|it| it["kind"].is_null());
            let id = text(&dependency["pkg"]);
            let of_compiler = packages.get(id).is_some_and(|package| is_macro(package));
            if is_linked && !of_compiler && seen.insert(id) {
                left.push(id);
            }
        }
    }
    let others = seen.iter().filter(|id| **id != root);
    others.filter_map(|id| packages.get(id)).map(|package| component(package)).collect()
}

fn metadata(triple: &str) -> Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .args(["--filter-platform", triple])
        .current_dir(root())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn is_macro(package: &Value) -> bool {
    list(&package["targets"]).any(|target| list(&target["kind"]).any(|kind| kind == "proc-macro"))
}

fn component(package: &Value) -> Result<Component> {
    let (name, licence) = (text(&package["name"]), text(&package["license"]));
    let manifest = Path::new(text(&package["manifest_path"]));
    let mut texts = Vec::new();
    if let Some(folder) = manifest.parent() {
        notices_in(folder, &mut texts)?;
    }
    let mut holders: Vec<String> = match name {
        "pq-src" => POSTGRESQL.map(str::to_owned).into(),
        _ => texts.iter().flat_map(|text| holders_in(text)).collect(),
    };
    if holders.is_empty() {
        let authors: Vec<&str> = list(&package["authors"]).map(text).collect();
        let unnamed = authors.is_empty();
        let authors = if unnamed { format!("the authors of {name}") } else { authors.join(", ") };
        holders.push(format!("Copyright (c) {authors}"));
    }
    let mut once = BTreeSet::new();
    holders.retain(|line| once.insert(line.clone()));
    // One copy of the Apache License is there for all.
    texts.retain(|text| !is_apache(text));
    if texts.is_empty() {
        for id in licences(licence).iter().filter(|id| *id != "Apache-2.0") {
            let standard = read(&format!("packaging/licenses/{id}"))?;
            texts.push(format!("{}\n\n{standard}", holders.join("\n")));
        }
    }
    let homepage = ["repository", "homepage"].map(|key| text(&package[key]));
    let homepage = homepage.into_iter().find(|it| !it.is_empty()).unwrap_or_default();
    Ok(Component {
        name: name.to_owned(),
        version: text(&package["version"]).to_owned(),
        licence: licence.to_owned(),
        homepage: homepage.to_owned(),
        holders,
        texts,
    })
}

/// The files of a folder, and of those in it, that are called like a notice.
fn notices_in(folder: &Path, texts: &mut Vec<String>) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (kind, name) = (entry.file_type()?, entry.file_name().to_string_lossy().to_lowercase());
        if kind.is_dir() && !NOT_LINKED.contains(&name.as_str()) && !name.starts_with('.') {
            notices_in(&entry.path(), texts)?;
        } else if kind.is_file() && is_notice(&name) {
            let notice = fs::read(entry.path())?;
            let notice = String::from_utf8_lossy(&notice).replace("\r\n", "\n");
            // The other licence of zstd, which we do not take.
            let refused = notice.contains("GNU GENERAL PUBLIC LICENSE");
            if !refused && !notice.trim().is_empty() {
                texts.push(notice);
            }
        }
    }
    Ok(())
}

fn is_notice(name: &str) -> bool {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let begins = ["licen", "copying", "copyright", "notice", "unlicense"];
    begins.iter().any(|it| stem.starts_with(it))
        && !["rs", "html", "toml", "c", "h"].contains(&ending)
}

fn is_apache(text: &str) -> bool {
    let whole = text.contains("Apache License") && text.contains("TERMS AND CONDITIONS FOR USE");
    // With more than that in it, it is kept.
    whole && text.len() < 12_500
}

/// The lines that say whose it is, not those that speak of such lines.
fn holders_in(text: &str) -> Vec<String> {
    const OTHERS: [&str; 11] = [
        "notice",
        "license",
        "owner",
        "holder",
        "statement",
        "law",
        "[yyyy]",
        "{yyyy}",
        "<year>",
        "and related",
        "interest",
    ];
    let lines = text.lines().map(|line| line.trim_matches([' ', '\t', '*', '#', '/', ';', '>']));
    let says = |line: &&str| {
        let line = line.to_lowercase();
        let begins = ["copyright ", "© ", "portions copyright "];
        let is_one = begins.iter().any(|begin| line.starts_with(begin));
        is_one && line.len() > 16 && !OTHERS.iter().any(|word| line.contains(word))
    };
    lines.filter(says).map(str::to_owned).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
