//! `seawall report`: the page, into a file or onto standard output.

use std::path::Path;

use jiff::Timestamp;

use super::shown::Shown;
use crate::check;
use crate::config::Config;
use crate::durable;
use crate::error::{Error, Result};
use crate::report::{Facts, Zone, html};
use crate::repository;

/// The page names repositories, backups and sizes: whoever serves or mails it is in the group of the file,
/// and nobody else reads it.
const MODE: u32 = 0o640;

/// Writes the page of these clusters into a file. Without a file the page is the text to print.
pub fn run(configs: &[Config], file: Option<&Path>) -> Result<Shown> {
    let clusters = configs
        .iter()
        .enumerate()
        .map(|(number, config)| Ok(Facts { number, ..gathered(config)? }));
    let clusters = clusters.collect::<Result<Vec<Facts>>>()?;
    let page = html(&clusters);
    let text = match file {
        Some(file) => {
            durable::replace_with_mode(file, page.as_bytes(), MODE)?;
            String::new()
        }
        None => page,
    };
    let errors: Vec<Error> = clusters.into_iter().flat_map(|facts| facts.errors).collect();
    Ok(Shown { text, errors })
}

fn gathered(config: &Config) -> Result<Facts> {
    let zone = Zone::named(&config.report_timezone)?;
    let server = check::ask(config);
    let repositories = repository::open_all(config, None)?;
    Ok(Facts::gather(config, &repositories, &server, Timestamp::now(), zone))
}
