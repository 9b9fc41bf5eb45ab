//! `seawall manuals`: puts pages where the packages take them from.

use std::path::Path;

use crate::durable;
use crate::error::Result;

/// A path below the folder that was asked for, and what to write there.
pub type Page = (String, Vec<u8>);

pub fn run(folder: &Path, pages: &[Page]) -> Result<()> {
    pages.iter().try_for_each(|(path, text)| durable::replace_for_all(&folder.join(path), text))
}
