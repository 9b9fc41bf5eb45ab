//! Writes whose work is linked into the programs, and under which licences: `cargo run -p seawall-notices -- FOLDER TRIPLE`
//! fills `FOLDER/NOTICES`, with every notice word for word, and `FOLDER/copyright`, the same as Debian's format for machines has
//! it. Nothing is fetched: what cargo built from lies on this machine. Two runs on one machine write the same.
//! A package of its own, which needs nothing of Seawall: it is built in seconds.

mod components;
mod copyright;
mod crates;
mod expression;
mod text;

use std::error::Error;
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, triple] = words.as_slice() else {
        return Err("usage: cargo run -p seawall-notices -- FOLDER TRIPLE".into());
    };
    let components = components::all(triple)?;
    let folder = PathBuf::from(folder);
    for (name, text) in
        [("NOTICES", text::text(&components)?), ("copyright", copyright::text(&components)?)]
    {
        #[allow(
            clippy::disallowed_methods,
            reason = "made anew by the next run; not worth a sync"
        )]
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// Where this repository lies.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of this repository.
fn read(path: &str) -> Result<String> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}
