//! `copyright`, in the format that Debian's machines read:
//! <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>.

use std::collections::BTreeSet;

use super::components::Component;
use super::expression::{licences, shown};
use super::{Result, read};

const FRONT: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: seawall
Comment: The programs are static. What is linked into them stands below as linked/NAME-VERSION,
 and every notice word for word in NOTICES.gz beside this file, which also says how
 to link them with another glibc.

Files: *
Copyright: 2026 The Seawall contributors
License: Apache-2.0 or Expat
";

pub fn text(components: &[Component]) -> Result<String> {
    let mut text = FRONT.to_owned();
    let mut used = BTreeSet::from(["Apache-2.0".to_owned(), "MIT".to_owned()]);
    for Component { name, version, licence, holders, .. } in components {
        let holders = holders.join("\n           ");
        let short = short_name(&shown(licence, " or ", " and "));
        text += &format!(
            "\nFiles: linked/{name}-{version}/*\nCopyright: {holders}\nLicense: {short}\n"
        );
        used.extend(licences(licence));
    }
    for licence in used {
        let short = short_name(&licence);
        text += &format!("\nLicense: {short}\n{}", folded(&paragraph(&licence)?));
    }
    Ok(text)
}

/// The names that the format gives to some.
fn short_name(expression: &str) -> String {
    let words = expression.split(' ').map(|word| match word {
        "MIT" => "Expat",
        "LGPL-2.1-or-later" => "LGPL-2.1+",
        "GPL-3.0-or-later" => "GPL-3+",
        "WITH" => "with",
        "GCC-exception-3.1" => "GCC-Runtime-Library exception",
        other => other,
    });
    words.collect::<Vec<_>>().join(" ")
}

fn paragraph(licence: &str) -> Result<String> {
    let common = |name: &str| {
        format!("On Debian systems the full text is in /usr/share/common-licenses/{name}.\n")
    };
    Ok(match licence {
        "Apache-2.0" => common("Apache-2.0"),
        "LGPL-2.1-or-later" => common("LGPL-2.1"),
        "GPL-3.0-or-later WITH GCC-exception-3.1" => {
            format!("{}\n{}", common("GPL-3"), read("packaging/licenses/GCC-exception-3.1")?)
        }
        other => read(&format!("packaging/licenses/{other}"))?,
    })
}

/// As the value of a field.
fn folded(text: &str) -> String {
    let line = |line: &str| match line.trim_end() {
        "" => " .\n".to_owned(),
        line => format!(" {line}\n"),
    };
    text.trim_end().lines().map(line).collect()
}
