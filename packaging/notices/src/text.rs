//! `NOTICES`: every notice word for word, each text once.

use std::collections::BTreeMap;

use super::components::Component;
use super::expression::shown;
use super::{Result, read};

const RULE: &str =
    "--------------------------------------------------------------------------------";

const FRONT: &str = "\
Seawall is licensed under the Apache License, Version 2.0, or the MIT license, at your option: see LICENSE-APACHE and
LICENSE-MIT, or the file copyright beside this one.

The programs are static: the libraries below are linked into them, most of them into some of the programs only. Where the
authors of a library offer several licences, the one that Seawall takes stands first, and in brackets what they offer.

glibc is free software under the GNU Lesser General Public License. You may change it and link it with Seawall anew: all
of Seawall's source is open, scripts/build-static.sh in it builds the programs from that source, with the libc.a that the
C compiler of the machine finds, and Cargo.lock names the exact sources of everything else. glibc's own source, in the
version named below, comes from the distribution that the programs were built on and from https://ftp.gnu.org/gnu/libc/.
";

pub fn text(components: &[Component]) -> Result<String> {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("What is linked into the programs of Seawall {version}\n\n{FRONT}\n");
    // Each text once, with the number under which it stands.
    let mut texts: Vec<&str> = Vec::new();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for component in components {
        let mut refers = Vec::new();
        for notice in &component.texts {
            let number = *numbers.entry(notice.trim_end()).or_insert_with(|| {
                texts.push(notice.trim_end());
                texts.len()
            });
            refers.push(number.to_string());
        }
        text += &entry(component, &refers);
    }
    for (number, notice) in (1..).zip(&texts) {
        text += &format!("\n{RULE}\nText {number}\n\n{notice}\n");
    }
    text += &format!("\n{RULE}\nApache License\n\n{}", read("LICENSE-APACHE")?);
    Ok(text)
}

fn entry(component: &Component, refers: &[String]) -> String {
    let Component { name, version, licence, homepage, holders, .. } = component;
    let taken = shown(licence, " OR ", " AND ");
    let differs = licence.split(' ').any(|word| !taken.contains(word));
    let offered = if differs { format!(" [{licence}]") } else { String::new() };
    let mut text = format!("{name} {version}\n    {taken}{offered}\n");
    if !homepage.is_empty() {
        text += &format!("    {homepage}\n");
    }
    holders.iter().for_each(|line| text += &format!("    {line}\n"));
    if !refers.is_empty() {
        let word = if refers.len() == 1 { "text" } else { "texts" };
        text += &format!("    {word} {} below\n", refers.join(", "));
    }
    text + "\n"
}
