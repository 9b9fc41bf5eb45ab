//! Writes the man pages and the completions for bash, zsh and fish, made from the declarations that `--help`
//! is made from: `cargo run --example manuals -- FOLDER DATE` fills `FOLDER/man1` and
//! `FOLDER/completions/SHELL`; the date stands in the pages. An example and not a verb, so that the programs
//! stay small.

mod pages;

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, date] = words.as_slice() else {
        return Err("usage: cargo run --example manuals -- FOLDER DATE".into());
    };
    let folder = PathBuf::from(folder);
    for (path, content) in pages::all(date)? {
        let path = folder.join(path);
        #[allow(clippy::disallowed_methods, reason = "made anew by the next run; not worth a sync")]
        {
            std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            std::fs::write(path, content)?;
        }
    }
    Ok(())
}
