//! What is linked into the static programs: our own code, crates, and what comes from the build machine: OpenSSL, the C library, the
//! compiler's runtime and Rust's library.

use std::path::Path;
use std::process::Command;

use super::{Result, crates, read};

/// Something that somebody else holds the copyright of.
pub struct Component {
    pub name: String,
    pub version: String,
    /// SPDX, as its authors have it.
    pub licence: String,
    pub homepage: String,
    /// The lines that say whose it is.
    pub holders: Vec<String>,
    /// Notices word for word.
    pub texts: Vec<String>,
}

/// Sorted by name.
pub fn all(triple: &str) -> Result<Vec<Component>> {
    let mut all = crates::linked(triple)?;
    all.extend([openssl()?, c_library()?, compiler()?, rust_library()?]);
    all.extend(zlib());
    all.sort_by_cached_key(|it| (it.name.to_lowercase(), it.version.clone()));
    Ok(all)
}

fn openssl() -> Result<Component> {
    Ok(Component {
        name: "OpenSSL".into(),
        version: says("pkg-config", &["--modversion", "libcrypto"])?,
        licence: "Apache-2.0".into(),
        homepage: "https://www.openssl.org".into(),
        holders: vec![
            "Copyright (c) 1998 The OpenSSL Project Authors".into(),
            "Copyright (c) 1995-1998 Eric A. Young, Tim J. Hudson".into(),
        ],
        texts: of_distribution("libssl-dev").into_iter().collect(),
    })
}

fn c_library() -> Result<Component> {
    let version = says("getconf", &["GNU_LIBC_VERSION"])?;
    let mut texts = vec![read("packaging/licenses/LGPL-2.1-or-later")?];
    texts.extend(of_distribution("libc6-dev"));
    Ok(Component {
        name: "glibc".into(),
        version: version.trim_start_matches("glibc ").to_owned(),
        licence: "LGPL-2.1-or-later".into(),
        homepage: "https://www.gnu.org/software/libc/".into(),
        holders: vec!["Copyright (C) Free Software Foundation, Inc.".into()],
        texts,
    })
}

/// The unwinder.
fn compiler() -> Result<Component> {
    Ok(Component {
        name: "libgcc".into(),
        version: says("cc", &["-dumpfullversion"])?,
        licence: "GPL-3.0-or-later WITH GCC-exception-3.1".into(),
        homepage: "https://gcc.gnu.org".into(),
        holders: vec!["Copyright (C) Free Software Foundation, Inc.".into()],
        texts: vec![read("packaging/licenses/GCC-exception-3.1")?],
    })
}

/// It has an account of its own licences, in HTML.
fn rust_library() -> Result<Component> {
    let version = says("rustc", &["--version"])?;
    let account = Path::new(&says("rustc", &["--print", "sysroot"])?)
        .join("share/doc/rust/COPYRIGHT-library.html");
    let account = std::fs::read_to_string(account).ok();
    Ok(Component {
        name: "rust-std".into(),
        version: version.split(' ').nth(1).unwrap_or_default().to_owned(),
        licence: "Apache-2.0 OR MIT".into(),
        homepage: "https://www.rust-lang.org".into(),
        holders: vec!["Copyright (c) The Rust Project Contributors".into()],
        texts: match account {
            Some(html) => vec![without_tags(&html)],
            None => vec![read("packaging/licenses/MIT")?],
        },
    })
}

/// Where the distribution's OpenSSL was built with it.
fn zlib() -> Option<Component> {
    let libraries = says("pkg-config", &["--static", "--libs-only-l", "libcrypto"]).ok()?;
    libraries.split(' ').find(|it| *it == "-lz")?;
    Some(Component {
        name: "zlib".into(),
        version: says("pkg-config", &["--modversion", "zlib"]).ok()?,
        licence: "Zlib".into(),
        homepage: "https://zlib.net".into(),
        holders: vec!["Copyright (C) 1995-2024 Jean-loup Gailly and Mark Adler".into()],
        texts: read("packaging/licenses/Zlib").into_iter().collect(),
    })
}

/// What a Debian package says of its own licences.
fn of_distribution(package: &str) -> Option<String> {
    std::fs::read_to_string(format!("/usr/share/doc/{package}/copyright")).ok()
}

fn says(program: &str, words: &[&str]) -> Result<String> {
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|error| format!("could not run {program}: {error}"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} {} failed: {reason}", words.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The text of a page, with one empty line where there were many.
fn without_tags(html: &str) -> String {
    let mut text = String::new();
    for (number, piece) in html.split('<').enumerate() {
        let behind = piece.split_once('>').map_or(piece, |(_, behind)| behind);
        text += if number == 0 { piece } else { behind };
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let text = entities.iter().fold(text, |text, (from, to)| text.replace(from, to));
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.dedup_by(|one, before| one.is_empty() && before.is_empty());
    lines.join("\n").trim().to_owned() + "\n"
}
