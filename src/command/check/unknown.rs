//! What is said where nothing could be judged: in the form that was asked for, so that whoever reads it can go on.

use std::path::Path;

use jiff::Timestamp;

use super::{Format, json, metrics};
use crate::check::{State, Verdict};
use crate::error::{Error, Result};

/// The verdict UNKNOWN, and why, for this file if there is one.
pub fn unknown(
    format: Format,
    error: &Error,
    at: Timestamp,
    file: Option<&Path>,
) -> Result<String> {
    let nothing = Verdict { at, findings: Vec::new() };
    match format {
        Format::Table | Format::Nagios => Ok(format!("SEAWALL {}: {error}\n", State::Unknown)),
        Format::Json => json(&nothing, Some(error)),
        Format::Prometheus => Ok(metrics::text(&nothing, cluster_of(file))),
    }
}

/// What a configuration that can't be read calls its cluster is not known. The units call the file by it, and two files that
/// one exporter reads must not tell the same.
fn cluster_of(file: Option<&Path>) -> &str {
    let stem = file.and_then(|file| file.file_stem()?.to_str());
    let valid = |stem: &&str| stem.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    stem.filter(valid).filter(|stem| *stem != "seawall").unwrap_or(metrics::USUAL_CLUSTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_unit_tells_the_cluster() {
        let of = |file: &str| cluster_of(Some(Path::new(file))).to_owned();
        assert_eq!(of("/var/lib/seawall/check/shop.prom"), "shop");
        assert_eq!(of("/var/lib/seawall/check/seawall.prom"), "main");
        assert_eq!((of("/srv/a \"b.prom"), cluster_of(None)), ("main".to_owned(), "main"));
    }
}
