//! `seawall report`: the page, into a file or onto standard output.

use std::path::Path;

use jiff::Timestamp;

use super::shown::Shown;
use crate::check;
use crate::config::Config;
use crate::durable;
use crate::error::Result;
use crate::report::{Facts, html};
use crate::repository;

/// The page names repositories, backups and sizes: whoever serves or mails it is in the group of the file,
/// and nobody else reads it.
const MODE: u32 = 0o640;

/// Writes the page into a file, or gives it as the text to print where there is none.
pub fn run(config: &Config, file: Option<&Path>) -> Result<Shown> {
    let server = check::ask(config);
    let repositories = repository::open_all(config, None)?;
    let facts = Facts::gather(config, &repositories, &server, Timestamp::now());
    let page = html(&facts);
    let text = match file {
        Some(file) => {
            durable::replace_with_mode(file, page.as_bytes(), MODE)?;
            String::new()
        }
        None => page,
    };
    Ok(Shown { text, errors: facts.errors })
}
