//! What is said where nothing could be judged: in the form that was asked for, so that whoever reads it can go on.

use jiff::Timestamp;

use super::{Format, json, metrics};
use crate::check::{State, Verdict};
use crate::error::{Error, Result};

/// The verdict UNKNOWN, and why.
pub fn unknown(format: Format, error: &Error, at: Timestamp) -> Result<String> {
    let nothing = Verdict { at, findings: Vec::new() };
    match format {
        Format::Table | Format::Nagios => Ok(format!("SEAWALL {}: {error}\n", State::Unknown)),
        Format::Json => json(&nothing, Some(error)),
        Format::Prometheus => Ok(metrics::text(&nothing)),
    }
}
